"""Tuples of key columns as integers, and which row of one table another row points at."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Column: TypeAlias = pa.Array | pa.ChunkedArray
Key: TypeAlias = Sequence[Column]
"""The columns of a key, in order."""


def key_of(table: pa.Table, columns: Sequence[str]) -> list[pa.ChunkedArray]:
    """Give the columns of a key."""
    return [table.column(c) for c in columns]


def tuple_codes(*sides: Key) -> list[NDArray[np.int64]]:
    """Number the tuples of several keys alike: equal tuples share a code, one with a null in it has -1.

    **Shape**

    - sides: each a key of the same width; a key's columns share a length
    - result: one ``(n_rows,)`` per side
    """
    lengths = [len(side[0]) for side in sides]
    mixed = np.zeros(sum(lengths), dtype=np.int64)
    for columns in zip(*sides, strict=True):
        codes = _codes(columns)
        missing = (codes < 0) | (mixed < 0)
        mixed = pd.factorize(mixed * (codes.max(initial=0) + 1) + codes)[0].astype(np.int64)
        mixed[missing] = -1
    return np.split(mixed, np.cumsum(lengths)[:-1])


def find_rows(child: Key, parent: Key) -> NDArray[np.int64]:
    """Give, for each child tuple, the first parent row of that tuple, or -1 where none is or the tuple has a null.

    **Shape**

    - result: ``(n_child_rows,)``
    """
    child_codes, parent_codes = tuple_codes(child, parent)
    row_of = np.full(max(child_codes.max(initial=-1), parent_codes.max(initial=-1)) + 2, -1, dtype=np.int64)
    row_of[parent_codes[::-1]] = np.arange(len(parent_codes))[::-1]
    row_of[-1] = -1
    return np.asarray(row_of[child_codes])


def any_null(key: Key) -> NDArray[np.bool_]:
    """Tell which tuples have a null in them."""
    missing = np.zeros(len(key[0]), dtype=bool)
    for column in key:
        missing |= column.is_null().to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else _nulls(column)
    return missing


def group_ranks(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each row's position among the rows of its group, in row order, from 0."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1)) if len(ordered) else ordered
    sizes = np.diff(np.append(starts, len(ordered)))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(ordered)) - np.repeat(starts, sizes)
    return ranks


def _nulls(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(column.is_null().to_numpy(), dtype=bool)


def _codes(columns: Sequence[Column]) -> NDArray[np.int64]:
    """Number the values of several columns alike, null as -1."""
    dtype = _common_type([c.type for c in columns])
    chunks = [chunk.cast(dtype) for c in columns for chunk in (c.chunks if isinstance(c, pa.ChunkedArray) else [c])]
    encoded = pa.chunked_array(chunks, dtype).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType:
    """Give a type in which equal keys of the given types are equal."""
    if all(t == types[0] for t in types):
        return types[0]
    if all(pa.types.is_integer(t) for t in types):
        return pa.int64()
    return pa.string()
