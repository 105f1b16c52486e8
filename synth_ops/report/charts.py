"""The figures a report shows of one table, real beside synthetic: nothing that fewer than `rare_below` entities share.

Numbers and times become bins that each hold rows of at least so many, between rounded edges inside the extremes.
Categories are named only where so many entities hold them; the rest are pooled. Keys, minted, faked and text
columns are not drawn at all.
"""

from collections.abc import Mapping, Sequence
from math import pi, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synth_ops.entities import Ids
from synth_ops.measure import Sides
from synth_ops.owners import Owners
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Record
from synth_ops.report.association import associations
from synth_ops.report.bins import pooled_categories, pooled_edges, shares
from synth_ops.report.handling import Handled, Learned, collect_handled
from synth_ops.report.keys import KeyChart, collect_keys
from synth_ops.report.rounding import rounded, rounded_count, shown_share
from synth_ops.report.values import Values, values_of

MAX_COLUMNS = 40
"""Columns of an association matrix at most: beyond, a cell is too small to see."""
ENOUGH = 20
"""Associations are shown where the real rows are at least this many times `rare_below`."""


class ColumnChart(Record):
    """One column's distribution, real beside synthetic."""

    name: str
    kind: Literal["numbers", "categories", "withheld"]
    made: str
    """The column's fate in a word: ``learn``, ``mint``, ``fake``, ``null``, ``copy``."""
    labels: tuple[str, ...] = ()
    """One for each category, or one for each edge between bins."""
    edges: tuple[float, ...] = ()
    """Where bins begin and end, one more than there are bins; empty for categories."""
    real: tuple[float, ...] = ()
    """Share of the non-null real rows in each bin or category."""
    synthetic: tuple[float, ...] = ()
    noise: float = 0.0
    """Mean `distance` of as many rows on both sides that follow the real shares."""
    null_real: float | None = None
    """None where some rows are null or some are not, and too few to tell."""
    null_synthetic: float = 0.0
    distinct_real: float = 0.0
    """Distinct values per non-null row."""
    distinct_synthetic: float = 0.0

    @property
    def distance(self) -> float:
        """Half the sum of absolute differences: the share of rows that would have to move."""
        return sum(abs(r - s) for r, s in zip(self.real, self.synthetic, strict=True)) / 2


class Association(Record):
    """How strongly each pair of columns goes together, -1 to 1 for two numbers, 0 to 1 otherwise."""

    columns: tuple[str, ...]
    real: tuple[tuple[float, ...], ...]
    synthetic: tuple[tuple[float, ...], ...]


class TableCharts(Record):
    """What the report draws of one table."""

    name: str
    n_rows_real: int
    """Rounded, as all of them are that tell of real rows."""
    n_rows_synthetic: int
    columns: tuple[ColumnChart, ...]
    association: Association | None = None
    keys: tuple[KeyChart, ...] = ()
    """One for each foreign key; empty where other tables were not there to read."""
    handled: tuple[Handled, ...] = ()
    """What became of each column of the plan."""


def collect_table(  # noqa: PLR0913 — what a report is drawn from, by keyword
    plan: Plan,
    table: TablePlan,
    real: pa.Table,
    synthetic: pa.Table,
    *,
    ids: Ids | None = None,
    sides: Sides | None = None,
    learned: Learned | None = None,
) -> TableCharts:
    """Measure what the report may show of a table; no bin and no category rests on fewer than `rare_below` entities.

    `ids` says whose each real row is; without it, each is its own. Foreign keys are drawn where `sides` gives the other
    tables to read. What was pooled or clipped is told where `learned` is what the table's model was fitted to.
    """
    k = plan.privacy.rare_below
    names = [n for n in real.column_names if n in synthetic.column_names]
    owners = None if ids is None else Owners.of(ids)
    pairs = {n: (values_of(real[n], owners), values_of(synthetic[n])) for n in names}
    charts = tuple(_chart(table, name, *pair, k) for name, pair in pairs.items())
    drawn = [c.name for c in charts if c.kind != "withheld"][:MAX_COLUMNS]
    enough = real.num_rows >= ENOUGH * k
    return TableCharts(
        name=table.name,
        n_rows_real=rounded_count(real.num_rows),
        n_rows_synthetic=synthetic.num_rows,
        columns=charts,
        association=_association({n: pairs[n] for n in drawn}, k) if enough else None,
        keys=collect_keys(plan, table, sides) if sides else (),
        handled=collect_handled(table, real, learned, k),
    )


def _chart(table: TablePlan, name: str, real: Values, synthetic: Values, k: int) -> ColumnChart:
    bare = ColumnChart(
        name=name,
        kind="withheld",
        made=_made(table, name),
        null_real=shown_share(real.n_null, real.n, k),
        null_synthetic=rounded(synthetic.n_null / synthetic.n) if synthetic.n else 0.0,
        distinct_real=rounded(real.distinct_share, 2),
        distinct_synthetic=rounded(synthetic.distinct_share, 2),
    )
    if _is_withheld(table, name):
        return bare
    drawn = _numbers(bare, real, synthetic, k) or _categories(bare, real, synthetic, k) or bare
    return drawn.model_copy(update={"noise": _noise(drawn.real, len(real.words), len(synthetic.words))})


def _made(table: TablePlan, name: str) -> str:
    return next((c.fate for c in table.columns if c.name == name), "learn")


def _is_withheld(table: TablePlan, name: str) -> bool:
    column = next((c for c in table.columns if c.name == name), None)
    keys = {c for key in (table.table.primary_key, *table.table.unique) for c in key}
    keys |= {c for key in table.foreign_keys for c in key.columns}
    return name in keys or column is None or column.fate not in ("learn", "copy") or column.kind == "text"


def _numbers(bare: ColumnChart, real: Values, synthetic: Values, k: int) -> ColumnChart | None:
    edges = pooled_edges(real, k)
    if edges is None or not len(synthetic.present):
        return None
    return bare.model_copy(
        update={
            "kind": "numbers",
            "labels": edges.labels(real.label),
            "edges": tuple(float(e) for e in edges.values),
            "real": shares(real.present, edges.values),
            "synthetic": shares(synthetic.present, edges.values),
        }
    )


def _categories(bare: ColumnChart, real: Values, synthetic: Values, k: int) -> ColumnChart | None:
    pooled = pooled_categories(real, synthetic, k)
    if pooled is None:
        return None
    labels, ours, theirs = pooled
    return bare.model_copy(update={"kind": "categories", "labels": labels, "real": ours, "synthetic": theirs})


def _noise(expected: Sequence[float], n_real: int, n_synthetic: int) -> float:
    """Give the mean total variation of two samples of one law, each share's difference taken as normal."""
    if not n_real or not n_synthetic:
        return 0.0
    spread = sum(sqrt(share * (1 - share)) for share in expected)
    return rounded(spread * sqrt((1 / n_real + 1 / n_synthetic) / (2 * pi)))


def _association(pairs: Mapping[str, tuple[Values, Values]], k: int) -> Association | None:
    if len(pairs) < 2:  # noqa: PLR2004 — it takes two
        return None
    real, synthetic = associations(list(pairs.values()), k)
    return Association(columns=tuple(pairs), real=_rows(real), synthetic=_rows(synthetic))


def _rows(matrix: npt.NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix.round(2) + 0.0)
