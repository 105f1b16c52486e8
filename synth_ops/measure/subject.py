"""What is measured: one table of one night, and every figure of it guarded by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.entities import Ids
from synth_ops.measure.learned import Learned
from synth_ops.measure.records import Measure, unfit
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.spending import is_budgeted

Figures = Callable[[], Iterator[Measure]]


@dataclass(frozen=True)
class Subject:
    """One table as it is measured: real rows, some of which no model has seen, and the rows of the copy."""

    plan: Plan
    table: TablePlan
    real: pa.Table
    synthetic: pa.Table
    held_out: NDArray[np.bool_]
    """Real rows to hold the copy's against: ``(n_real,)``."""
    is_unseen: bool = True
    """Whether the model that made the copy never saw them. If it may have, nothing can be said of membership."""
    ids: Ids | None = None
    """Whose each real row is: ``(n_real,)``; None for rows that are each their own."""
    learned: Learned = field(default_factory=Learned)
    """What is known of the model behind the copy."""
    before: "Before | None" = None
    """The copy that was published last, and the rows that it was made of."""

    @property
    def n_known(self) -> int:
        """How many rows the copy's makers may know of: under a privacy budget, as many as were counted and paid for.

        A model that is reused, since its budget is spent, makes the rows of its own night, however the table grows.
        """
        counted = self.learned.n_rows if is_budgeted(self.plan, self.table) else None
        return self.real.num_rows if counted is None else counted


@dataclass(frozen=True)
class Before:
    """One table on the night that was published last."""

    real: pa.Table
    synthetic: pa.Table


def figures_of(table: TablePlan, name: str, figures: Figures) -> list[Measure]:
    """Measure, or say why not: whatever is raised makes the gate abstain and leaves the other figures standing."""
    try:
        return [unfit(measure) for measure in figures()]
    except Exception as exc:  # noqa: BLE001 — its text may quote a row, so only its type is kept
        return [Measure(table=table.name, name=name, error=f"measuring raised {type(exc).__name__}")]
