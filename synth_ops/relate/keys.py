"""Primary keys: which of their columns are minted, counted, laid on a lattice, or learned and kept distinct."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.plan.plan import TablePlan
from synth_ops.records import Record
from synth_ops.relate.degrees import round_to_total
from synth_ops.relate.match import Column, group_ranks, key_of, tuple_codes
from synth_ops.relate.order import TableRelations

MIN_SEQUENTIAL = 0.98
"""Share of rows that must be numbered through in their group for a key column to be a sequence."""
MIN_FILL = 0.5
"""Share of its lattice points that a group must fill for a key column to lie on a lattice."""

MIN_GROUP = 3
"""Rows that groups must have on average for their fill to mean anything."""


class SequenceSpec(Record):
    """A key column that numbers the rows of a group: a line number in an order."""

    column: str
    start: int
    by: tuple[str, ...]
    """The other columns of the key, which make the group."""


class LatticeSpec(Record):
    """A key column of evenly spaced values, few of which are left out: an hour, a day, a period."""

    column: str
    start: int
    """In the column's own unit since its epoch, or the integer itself."""
    step: int
    n_points: int
    fill: float
    """Share of the points between a group's first and last that the group holds."""
    groups: Mapping[str, float] = {}
    """Share of rows per label, where the group is a copied parent; empty where it is the main parent's row."""
    label: str | None = None
    """The flat column of that label."""

    def values(self, points: NDArray[np.int64], dtype: pa.DataType) -> pa.Array:
        """Give the values at lattice points, in the column's type."""
        numbers = pa.array(self.start + self.step * points, pa.int64())
        return numbers.cast(pa.int32()).cast(dtype) if _narrow(dtype) else numbers.cast(dtype)


class KeySpec(Record):
    """What becomes of the primary key's columns that no foreign key covers."""

    minted: tuple[str, ...] = ()
    sequence: SequenceSpec | None = None
    lattice: LatticeSpec | None = None
    distinct: tuple[tuple[str, ...], ...] = ()
    """Composite keys and unique constraints whose tuples must be kept distinct after sampling."""

    @property
    def unlearned(self) -> set[str]:
        """Columns that the model does not make."""
        return set(self.minted) | ({self.sequence.column} if self.sequence else set())


def key_spec(
    plan: TablePlan,
    rows: pa.Table,
    relations: TableRelations,
    copied: Mapping[str, str],
    *,
    rare_below: int,
) -> KeySpec:
    """Decide what becomes of each key column of a table; `copied` gives the label column of keys to copied tables."""
    covered = {c for k in relations.foreign_keys for c in k.columns}
    keys = [k for k in (plan.table.primary_key, *plan.table.unique) if k]
    minted = {k[0] for k in keys if len(k) == 1 and k[0] not in covered}
    minted |= {c.name for c in plan.columns if c.name not in covered and _unlike(rows, c.name, plan)}
    free = [c for c in plan.table.primary_key if c not in covered and c not in minted]
    composite = len(plan.table.primary_key) > 1 and bool(free) and rows.num_rows > 0
    sequence = _sequence(rows, plan.table.primary_key, free) if composite else None
    lattice = None
    if composite and sequence is None and len(free) == 1:
        lattice = _lattice(rows, free[0], plan.table.primary_key, relations, copied, rare_below)
    distinct = tuple(dict.fromkeys(k for k in keys if len(k) > 1 or k[0] in covered))
    return KeySpec(minted=tuple(sorted(minted)), sequence=sequence, lattice=lattice, distinct=distinct)


def lattice_points(spec: LatticeSpec, sizes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Give distinct lattice points to the rows of each group, ascending in the group.

    **Shape**

    - sizes: ``(n_groups,)``; rows of each group
    - result: ``(sizes.sum(),)``; group after group
    """
    pieces = [_points(spec, int(size), rng) for size in sizes]
    return np.concatenate([*pieces, np.zeros(0, dtype=np.int64)])


def lattice_labels(spec: LatticeSpec, n_rows: int) -> tuple[list[str], NDArray[np.int64]]:
    """Give the labels that groups have, and how many of `n_rows` each holds."""
    labels = sorted(spec.groups)
    return labels, round_to_total(np.array([spec.groups[g] for g in labels]) * n_rows, n_rows)


def _points(spec: LatticeSpec, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    window = max(size, min(spec.n_points, round(size / spec.fill)))
    start = int(rng.integers(0, max(spec.n_points - window, 0) + 1))
    return start + np.sort(rng.permutation(window)[:size])


def _unlike(rows: pa.Table, column: str, plan: TablePlan) -> bool:
    """Tell whether a part of a composite key is a name of its own: text that never repeats."""
    in_key = len(plan.table.primary_key) > 1 and column in plan.table.primary_key
    if not in_key or rows.num_rows == 0 or not pa.types.is_string(rows.column(column).type):
        return False
    return bool(pc.count_distinct(rows.column(column)).as_py() == rows.num_rows)


def _sequence(rows: pa.Table, key: Sequence[str], free: Sequence[str]) -> SequenceSpec | None:
    for column in reversed(free):
        if not pa.types.is_integer(rows.column(column).type):
            continue
        by = tuple(c for c in key if c != column)
        values = np.asarray(rows.column(column).to_numpy(), dtype=np.int64)
        groups = tuple_codes(key_of(rows, by))[0]
        order = np.lexsort((values, groups))
        ranks = group_ranks(groups[order])
        start = int(np.median(values[order][ranks == 0]))
        offsets = values[order] - ranks
        if (offsets == start).mean() >= MIN_SEQUENTIAL and len(np.unique(values)) > 1:
            return SequenceSpec(column=column, start=start, by=by)
    return None


def _lattice(
    rows: pa.Table,
    column: str,
    key: Sequence[str],
    relations: TableRelations,
    copied: Mapping[str, str],
    rare_below: int,
) -> LatticeSpec | None:
    values = _integers(rows.column(column))
    rest = set(key) - {column}
    main = relations.main
    by_label = next((k for k in relations.others if set(k.columns) >= rest and k.name in copied and not main), None)
    if values is None or not ((main and set(main.columns) >= rest) or by_label):
        return None
    distinct = np.unique(values)
    if len(distinct) < 2:  # noqa: PLR2004 — one value has no step
        return None
    step = int(np.gcd.reduce(np.diff(distinct)))
    groups = tuple_codes(key_of(rows, sorted(rest)))[0]
    fill = _fill(values, groups, step)
    n_points = int((distinct[-1] - distinct[0]) // step + 1)
    if len(values) < MIN_GROUP * (groups.max() + 1) or min(fill, len(distinct) / n_points) < MIN_FILL:
        return None
    labels: Mapping[str, float] = {}
    if by_label:
        texts = key_texts(key_of(rows, by_label.columns))
        counts = Counter(texts)
        frequent = {k: n for k, n in counts.items() if n >= rare_below}
        labels = {key_label(k): n / sum(frequent.values()) for k, n in sorted(frequent.items())}
    return LatticeSpec(
        column=column,
        start=int(distinct[0]),
        step=step,
        n_points=n_points,
        fill=fill,
        groups=labels,
        label=copied[by_label.name] if by_label else None,
    )


def key_texts(key: Sequence[pa.ChunkedArray | pa.Array]) -> NDArray[np.object_]:
    """Write each tuple of a key as one text: the value itself, or several with a unit separator between."""
    columns = [_text(c) for c in key]
    joined = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, "\x1f")
    return np.asarray(joined.to_numpy(zero_copy_only=False) if isinstance(joined, pa.Array) else joined.to_numpy())


def _text(column: Column) -> Column:
    """Give a key's column as text, bytes in hex."""
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def key_label(text: str) -> str:
    """Give the label of a copied parent's key, which sets it apart from our own words."""
    return f"={text}"


def _fill(values: NDArray[np.int64], groups: NDArray[np.int64], step: int) -> float:
    """Give the share of lattice points, between each group's first and last, that the groups hold."""
    n_groups = int(groups.max(initial=-1)) + 1
    low = np.full(n_groups, np.iinfo(np.int64).max)
    high = np.full(n_groups, np.iinfo(np.int64).min)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    return float(len(values) / max(((high - low) // step + 1).sum(), 1))


def _integers(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """Give the values as integers in their own unit, or None where they are of another kind or some are null."""
    dtype = column.type
    if column.null_count or not (pa.types.is_integer(dtype) or pa.types.is_timestamp(dtype) or pa.types.is_date(dtype)):
        return None
    numbers = column.cast(pa.int32()) if _narrow(dtype) else column
    return np.asarray(numbers.cast(pa.int64()).to_numpy())


def _narrow(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_date32(dtype))
