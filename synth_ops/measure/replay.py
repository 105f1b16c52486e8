"""Values that are compared with no distribution, and must not be production's own: names, addresses, texts, tokens."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.arrow_types import parse
from synth_ops.measure.copies import upper_bound
from synth_ops.measure.records import Measure
from synth_ops.plan.plan import TablePlan

MAX_ROWS = 200_000
"""Synthetic rows that are looked up."""


def withheld_columns(table: TablePlan, compared: Collection[str]) -> tuple[str, ...]:
    """Give the columns of words that are compared with nothing: faked, minted, or free text; no references."""
    keys = {name for key in table.foreign_keys for name in key.columns}
    return tuple(
        c.name
        for c in table.columns
        if c.fate in {"fake", "mint", "learn"}
        and c.name not in compared
        and c.name not in keys
        and _is_words(parse(table.table.column(c.name).arrow_type))
    )


def measure_replay(
    table: str,
    real: pa.Table,
    synthetic: pa.Table,
    columns: Sequence[str],
    held_out: NDArray[np.bool_],
    rare_below: int,
) -> Iterator[Measure]:
    """Give the share of a column's values that few training rows hold and the copy repeats.

    The floor is the share of held-out values that training rows hold too: two people may bear one name.
    """
    training, holdout = real.filter(pa.array(~held_out)), real.filter(pa.array(held_out))
    for name in columns:
        telling = _telling(training.column(name), rare_below)
        floor = _share(holdout.column(name), telling)
        n = int(holdout.num_rows)
        yield Measure(
            table=table,
            name="replayed_values",
            column=name,
            observed=_share(synthetic.column(name).slice(0, MAX_ROWS), telling),
            floor=floor,
            floor_high=upper_bound(floor, n) if n else None,
            n=min(synthetic.num_rows, MAX_ROWS),
        )


def _is_words(dtype: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_fixed_size_binary)
    return any(test(dtype) for test in tests)


def _telling(column: "pa.ChunkedArray[Any]", rare_below: int) -> Any:  # noqa: ANN401 — an Arrow array
    counted = pc.value_counts(column.drop_null())
    return counted.field("values").filter(pc.less(counted.field("counts"), rare_below))


def _share(column: "pa.ChunkedArray[Any]", telling: Any) -> float:  # noqa: ANN401 — an Arrow array
    present = column.drop_null()
    if not len(present) or not len(telling):
        return 0.0
    return float(np.asarray(pc.is_in(present.cast(telling.type), value_set=telling)).mean())
