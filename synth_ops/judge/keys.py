"""The keys of files, which declare none: told by names and rows, and believed where every row agrees."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.init.candidates import Candidate, candidates
from synth_ops.plan.personal import snake_case
from synth_ops.schema import Column, Database, ForeignKey, Table

MIN_DISTINCT = 1_000
"""Rows of which every one must hold a value of its own before the values are taken for names and not for figures."""
MIN_FOUND = 0.5
"""Share of a reference's distinct values that its parent must hold."""


def with_keys(database: Database, rows: Mapping[str, pa.Table]) -> Database:
    """Give the tables with the keys that their rows bear out; a reference with orphans is a soft one."""
    keyed = Database(tables=tuple(_with_primary_key(t, rows[t.name]) for t in database.tables))
    found: dict[str, list[ForeignKey]] = {}
    for candidate in candidates(keyed):
        key = _confirmed(candidate, rows)
        if key is not None:
            found.setdefault(candidate.table, []).append(key)
    return Database(
        tables=tuple(t.model_copy(update={"foreign_keys": tuple(found.get(t.name, ()))}) for t in keyed.tables)
    )


def names_of_rows(table: Table, rows: pa.Table) -> tuple[str, ...]:
    """Give the columns beside the key that hold another word or number on every row: they name rows, and say nothing.

    A float may be distinct by its digits alone, and an instant by its microseconds: those are figures.
    """
    if rows.num_rows < MIN_DISTINCT:
        return ()
    return tuple(
        c.name
        for c in table.columns
        if (c.name,) != table.primary_key and _may_name(c, rows) and _is_unique(rows, (c.name,))
    )


def _with_primary_key(table: Table, rows: pa.Table) -> Table:
    key = next((k for k in _likely_keys(table) if _is_unique(rows, k)), ())
    return table.model_copy(update={"primary_key": key})


def _likely_keys(table: Table) -> Iterator[tuple[str, ...]]:
    """Give what may be the key, the likeliest first: ``id``, ``user_id`` of ``users``, a first column that ends so."""
    named = {snake_case(c.name): c.name for c in table.columns}
    name = snake_case(table.name)
    for word in ("id", f"{name}_id", f"{name.removesuffix('s')}_id", f"{name}id", f"{name.removesuffix('s')}id"):
        if word in named:
            yield (named[word],)
    first = table.columns[0].name if table.columns else ""
    if snake_case(first).endswith(("id", "key", "code", "uuid", "num", "number")):
        yield (first,)


def _may_name(column: Column, rows: pa.Table) -> bool:
    dtype = rows.schema.field(column.name).type
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        return True
    word = snake_case(column.name)
    return pa.types.is_integer(dtype) and word.endswith(("id", "key", "uuid", "number", "index"))


def _is_unique(rows: pa.Table, key: tuple[str, ...]) -> bool:
    (name,) = key
    column = rows.column(name)
    return column.null_count == 0 and len(column) > 1 and pc.count_distinct(column).as_py() == len(column)


def _confirmed(candidate: Candidate, rows: Mapping[str, pa.Table]) -> ForeignKey | None:
    """Give the reference if the rows agree: a hard one where every value is found."""
    key = candidate.key
    here = rows[candidate.table].select(list(key.columns)).drop_null()
    here = here.group_by(here.column_names).aggregate([])
    there = rows[key.ref_table].select(list(key.ref_columns)).rename_columns(list(key.columns))
    try:
        here = here.cast(there.schema)
    except pa.ArrowInvalid:
        return None
    if not here.num_rows:
        return None
    share = here.join(there, list(key.columns), join_type="left semi").num_rows / here.num_rows
    return key.model_copy(update={"soft": share < 1}) if share >= MIN_FOUND else None
