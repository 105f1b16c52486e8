"""Foreign keys that a database does not declare: found by name, believed only when the rows agree."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from synth_ops.personal import Sampler, looked_at
from synth_ops.plan.personal import snake_case
from synth_ops.plan.types import comparable, kind_of
from synth_ops.schema import Database, ForeignKey, Table
from synth_ops.source import Source

MIN_FOUND = 0.5
"""Share of a column's distinct values that its parent must hold."""
MAX_BATCHES = 60
"""Batches of a table that are looked at, about four million rows: enough to tell, and bounded on any table."""
MAX_DISTINCT = 1_000_000
"""Distinct keys that are kept of one column; of more, the first."""
GENERIC = frozenset({"id", "name", "code", "key", "no", "number", "type", "status", "year", "month", "day", "date"})
"""Names that say nothing of the table whose key they are."""


@dataclass(frozen=True)
class Candidate:
    """A reference that the names suggest."""

    table: str
    key: ForeignKey


@dataclass
class Seen:
    """What a bounded look at one table found."""

    n_rows: int
    distinct: dict[tuple[str, ...], pa.Table]
    """Distinct values, without nulls, of each group of columns that was asked for."""
    sampler: Sampler
    """What was met of the columns that may speak of persons."""


def candidates(database: Database) -> tuple[Candidate, ...]:
    """Give the undeclared references that names and types suggest."""
    return tuple(
        Candidate(child.name, ForeignKey(columns=columns, ref_table=parent.name, ref_columns=key, soft=True))
        for child in database.tables
        for parent in database.tables
        if parent.name != child.name
        for key in _keys(parent)
        for columns in _suggested(child, parent, key)
    )


def look(source: Source, database: Database, found: tuple[Candidate, ...]) -> Mapping[str, Seen]:
    """Look at each table once: count rows, keep the distinct values that the candidates need, and sample the rest."""
    wanted: dict[str, set[tuple[str, ...]]] = {t.name: set() for t in database.tables}
    for candidate in found:
        wanted[candidate.table].add(candidate.key.columns)
        wanted[candidate.key.ref_table].add(candidate.key.ref_columns)
    return {t.name: _look(source, t, wanted[t.name]) for t in database.tables}


def confirmed(found: tuple[Candidate, ...], seen: Mapping[str, Seen]) -> tuple[Candidate, ...]:
    """Give the candidates most of whose values are found in the parent."""
    return tuple(c for c in found if _share(c, seen) >= MIN_FOUND)


def _keys(parent: Table) -> Iterator[tuple[str, ...]]:
    yield from dict.fromkeys(k for k in (parent.primary_key, *parent.unique) if k)


def _suggested(child: Table, parent: Table, key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the child's columns that are named after the parent's key, and are no declared reference to it."""
    if len(key) > 1:
        named = [key] if set(key) <= set(child.column_names) and key != child.primary_key else []
    else:
        named = [(c,) for c in child.column_names if _is_named_after(c, parent.name, key[0])]
    for columns in named:
        if columns != child.primary_key and _may_refer(child, columns, parent, key):
            yield columns


def _is_named_after(column: str, table: str, key: str) -> bool:
    """Tell whether ``user_id`` speaks of ``users.id``, or ``tailnum`` of ``planes.tailnum``."""
    column, table, key = snake_case(column), snake_case(table), snake_case(key)
    if column == key:
        return key not in GENERIC
    names = {table, *_singulars(table)}
    return column in {f"{name}{joint}{key}" for name in names for joint in ("_", "")}


def _singulars(table: str) -> Iterator[str]:
    """Give what one row of the table may be called."""
    for ending, singular in (("ies", "y"), ("es", ""), ("s", "")):
        if table.endswith(ending) and len(table) > len(ending) + 1:
            yield table.removesuffix(ending) + singular


def _may_refer(child: Table, columns: tuple[str, ...], parent: Table, key: tuple[str, ...]) -> bool:
    declared = {(k.columns, k.ref_table) for k in child.foreign_keys}
    pairs = [(child.column(a), parent.column(b)) for a, b in zip(columns, key, strict=True)]
    fitting = all(comparable(a, b) and kind_of(a) is not None and kind_of(b) is not None for a, b in pairs)
    return fitting and (columns, parent.name) not in declared


def _look(source: Source, table: Table, wanted: set[tuple[str, ...]]) -> Seen:
    seen = Seen(0, {}, Sampler(looked_at(table)))
    for n_batches, batch in enumerate(source.batches(table), start=1):
        seen.n_rows += batch.num_rows
        seen.sampler.update(batch)
        for columns in wanted:
            fresh = pa.Table.from_batches([batch]).select(list(columns)).drop_null()
            seen.distinct[columns] = _distinct(fresh, seen.distinct.get(columns))
        if n_batches == MAX_BATCHES:
            break
    return seen


def _distinct(fresh: pa.Table, known: pa.Table | None) -> pa.Table:
    rows = fresh if known is None else pa.concat_tables([known, fresh])
    return rows.group_by(rows.column_names).aggregate([]).slice(0, MAX_DISTINCT)


def _share(candidate: Candidate, seen: Mapping[str, Seen]) -> float:
    """Give the share of the child's distinct values that the parent holds."""
    key = candidate.key
    here = seen[candidate.table].distinct.get(key.columns)
    there = seen[key.ref_table].distinct.get(key.ref_columns)
    if here is None or there is None or not here.num_rows or not there.num_rows:
        return 0.0
    there = there.select(list(key.ref_columns)).rename_columns(list(key.columns))
    try:
        here = here.select(list(key.columns)).cast(there.schema)
    except pa.ArrowInvalid:
        return 0.0  # a value is too large for the parent's type
    return float(here.join(there, list(key.columns), join_type="left semi").num_rows / here.num_rows)
