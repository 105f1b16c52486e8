"""Values that are compared with no distribution, and must not be production's own: names, addresses, texts, tokens."""

from collections.abc import Collection, Iterator, Mapping
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
Z = 1.645
"""One in twenty lies above."""


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
    columns: Mapping[str, bool],
    held_out: NDArray[np.bool_],
    rare_below: int,
) -> Iterator[Measure]:
    """Give the share of a column's values that few training rows hold and the copy repeats.

    The floor is the share of held-out values that training rows hold too: two people may bear one name. Names that
    are made up are those that people bear, and a thousand people bear nearly all of them. So of a column that is faked,
    as `columns` says, the values that one real row holds are looked at: those of training rows are repeated no oftener
    than those of held-out rows, of which there are fewer.
    """
    training, holdout = real.filter(pa.array(~held_out)), real.filter(pa.array(held_out))
    for name, is_faked in columns.items():
        if is_faked:
            yield _compare_singles(table, name, real.column(name), synthetic.column(name), held_out)
            continue
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


def _compare_singles(
    table: str, name: str, real: "pa.ChunkedArray[Any]", synthetic: "pa.ChunkedArray[Any]", held_out: NDArray[np.bool_]
) -> Measure:
    """Give the share of values that one training row holds and no other; the floor is what held-out ones lead to."""
    values = synthetic.slice(0, MAX_ROWS).drop_null().cast(real.type)
    counted = pc.value_counts(real.drop_null())
    single = counted.field("values").filter(pc.equal(counted.field("counts"), 1))
    is_held = np.asarray(pc.is_in(single, value_set=real.filter(pa.array(held_out)).combine_chunks()))
    hits = np.bincount(_places(values, single), minlength=len(single) + 1)[: len(single)]
    of_training, of_holdout = hits[~is_held], hits[is_held]
    n, more = max(len(values), 1), len(of_training) / max(len(of_holdout), 1)
    # A name that is made up is made up again: each has its own number of hits, and that is what varies.
    spread = np.sqrt((of_training**2).sum() + more**2 * (of_holdout**2).sum())
    floor = float(more * of_holdout.sum() / n)
    return Measure(
        table=table,
        name="replayed_values",
        column=name,
        observed=float(of_training.sum() / n),
        floor=floor,
        floor_high=floor + Z * float(spread) / n,
        n=len(values),
    )


def _places(values: "pa.ChunkedArray[Any]", among: Any) -> NDArray[np.int64]:  # noqa: ANN401 — an Arrow array
    """Give where each value stands among others; for one that is not there, their number."""
    return np.asarray(pc.fill_null(pc.index_in(values, value_set=among), len(among)), np.int64)


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
