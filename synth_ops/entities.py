"""Whose each row is, as one number for each entity: the same number in every table that speaks of it.

The number is a keyed hash of the values that name the entity, read as text. So a customer's row, and an order that
holds the customer's key, agree without being joined; a parent's row is looked up only where what a key refers to is
not what names the parent's entity. Only keys and what names an entity are read, each once, and each distinct value is
hashed once.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.arrow_types import parse
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.relate.match import any_null, find_rows, key_of
from synth_ops.schema import ForeignKey
from synth_ops.workspace.salt import Salt

Ids = NDArray[np.uint64]
ReadColumns = Callable[[str, tuple[str, ...] | None], pa.Table]
"""Reads those columns of all rows of a table, or all columns."""

MIN_ENTITIES = 2_000
"""With fewer, a fifth of them held out is too few to tell copying from chance, and few hide in the rest."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
_BYTES = 8


def entity_ids(plan: Plan, name: str, rows: pa.Table, read: ReadColumns, salt: Salt) -> Ids:
    """Give the entity of each row of a table.

    `rows` may be some of the table's, and must hold its `naming_columns`.

    **Shape**

    - result: ``(n_rows,)``
    """
    table = plan.table(name)
    if not table.entity.columns:
        return _hash(rows, _own(table, rows), salt)
    ids = _told(plan, table, rows, read, salt)
    lone = any_null(key_of(rows, table.entity.columns))
    if lone.any():
        alone = rows.filter(pa.array(lone))
        ids[lone] = _hash(alone, _own(table, alone), salt, domain=name)
    return ids


def naming_columns(table: TablePlan) -> tuple[str, ...]:
    """Give the columns that tell whose a row is: its entity's, and those that make it one of its own.

    A table without a primary key needs all of its columns for that, unless its entity's are declared not null.
    """
    entity = table.entity.columns
    always = bool(entity) and not any(table.table.column(c).nullable for c in entity)
    own = table.table.primary_key or (() if always else table.table.column_names)
    return tuple(dict.fromkeys((*entity, *own)))


def entity_chain(plan: Plan, table: TablePlan) -> tuple[TablePlan, ...]:
    """Give the table, and those whose rows tell its rows' entities, up to the one that names them."""
    chain = [table]
    while (through := chain[-1].entity.through) is not None:
        chain.append(plan.table(through.ref_table))
    return tuple(chain)


def _told(plan: Plan, table: TablePlan, rows: pa.Table, read: ReadColumns, salt: Salt) -> Ids:
    """Hash what the entity's columns hold, or find the entity of the row that they refer to."""
    through = table.entity.through
    if through is None:
        return _hash(rows, table.entity.columns, salt)
    parent = plan.table(through.ref_table)
    if _names_itself(parent, through):
        return _hash(_as_referred(rows, through, parent), through.columns, salt)
    wanted = tuple(dict.fromkeys((*through.ref_columns, *naming_columns(parent))))
    parents = read(parent.name, wanted)
    at = find_rows(key_of(rows, through.columns), key_of(parents, through.ref_columns))
    found = np.append(entity_ids(plan, parent.name, parents, read, salt), np.uint64(0))
    return np.where(at >= 0, found[at], _hash(rows, through.columns, salt, domain=parent.name))


def _names_itself(parent: TablePlan, key: ForeignKey) -> bool:
    """Tell whether a key refers to the very columns that name the parent's entity."""
    return parent.entity.through is None and key.ref_columns == (parent.entity.columns or parent.table.primary_key)


def _as_referred(rows: pa.Table, key: ForeignKey, parent: TablePlan) -> pa.Table:
    """Give a key's columns in the types of those that it refers to, in which 7 and 7.0 are one text."""
    types = [parse(parent.table.column(name).arrow_type) for name in key.ref_columns]
    columns = [_cast(rows.column(name), dtype) for name, dtype in zip(key.columns, types, strict=True)]
    return pa.Table.from_arrays(columns, names=list(key.columns))


def _own(table: TablePlan, rows: pa.Table) -> Sequence[str]:
    """Give the columns that make a row one of its own."""
    return table.table.primary_key or rows.column_names


def _hash(rows: pa.Table, columns: Sequence[str], salt: Salt, *, domain: str = "") -> Ids:
    """Give one number for each row over some columns; of another `domain`, other numbers."""
    mixed = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in columns:
        mixed = mixed * _ODD + _hash_column(rows.column(name), salt, domain)
    return mixed


def _hash_column(column: "pa.ChunkedArray[Any]", salt: Salt, domain: str) -> Ids:
    """Hash each distinct value once; null is as good a value as another."""
    coded = _words(column).combine_chunks().dictionary_encode()
    person = hashlib.blake2b(domain.encode(), digest_size=16).digest()
    keyed = hashlib.blake2b(digest_size=_BYTES, key=salt.key, person=person)
    words = [b"", *(b"=" + word for word in coded.dictionary.to_pylist())]
    hashes = np.frombuffer(b"".join(map(partial(_digest, keyed), words)), dtype=np.uint64)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(hashes[codes.astype(np.int64) + 1])


def _digest(keyed: hashlib.blake2b, word: bytes) -> bytes:
    # A copy of the hash that has taken in the key is half the work of a new one.
    mine = keyed.copy()
    mine.update(word)
    return mine.digest()


def _words(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Write each value as the bytes of its text, which two Arrow types of one value share; bytes as they are."""
    if pa.types.is_fixed_size_binary(column.type) or pa.types.is_binary(column.type):
        return column.cast(pa.binary()).cast(pa.large_binary())
    try:
        return column.cast(pa.large_string()).cast(pa.large_binary())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        words = [None if v is None else repr(v).encode() for v in column.to_pylist()]
        return pa.chunked_array([pa.array(words, pa.large_binary())])


def _cast(column: "pa.ChunkedArray[Any]", dtype: pa.DataType) -> "pa.ChunkedArray[Any]":
    try:
        return column.cast(dtype)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return column
