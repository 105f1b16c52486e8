"""Values that differ from each other and from those already taken."""

from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.errors import PlanError

Draw = Callable[[int, int], pa.Array]
"""Gives that many texts, each with that many extra digits; `LOOSER` asks for any digits where some were known."""
Taken: TypeAlias = Collection[object] | pa.Array | pa.ChunkedArray | None

_SYMBOLS = np.array(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
LOOSER = -1
_WIDENINGS = (0, 0, 0, 0, 0, 0, LOOSER, LOOSER, LOOSER, 1, 2, 4, 6, 8, 10, 12)
"""Extra digits, round by round: as the original first, wider only when that has run out."""


def as_array(taken: Taken, dtype: pa.DataType) -> pa.Array:
    """Give the taken values as one array without nulls or repeats."""
    if taken is None:
        return pa.array([], dtype)
    array = taken if isinstance(taken, pa.Array | pa.ChunkedArray) else pa.array(list(taken))
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(array.type, pa.ExtensionType):
        array = array.storage
    return pc.unique(array.drop_null().cast(dtype))


def without(values: pa.Array, taken: pa.Array) -> pa.Array:
    """Leave out the values that are taken, in the same order."""
    return values.filter(pc.invert(pc.is_in(values, value_set=taken))) if len(taken) else values


def shortened(values: pa.Array, max_length: int | None) -> pa.Array:
    """Leave out texts longer than allowed; if hardly any is short enough, cut them instead."""
    if max_length is None:
        return values
    fits = pc.less_equal(pc.utf8_length(values), max_length)
    if pc.sum(fits).as_py() or 0:
        return values.filter(fits)
    return pc.utf8_slice_codeunits(values, 0, max_length)


def draw_texts(draw: Draw, n: int, *, max_length: int | None, taken: pa.Array) -> pa.Array:
    """Draw texts, none of them taken, that may repeat; where all that fit are taken, give nulls."""
    pieces: list[pa.Array] = []
    missing = n
    for extra in _WIDENINGS:
        piece = without(shortened(draw(missing + missing // 8 + 8, extra), max_length), taken)[:missing]
        pieces.append(piece)
        missing -= len(piece)
        if not missing:
            return pa.concat_arrays(pieces)
    found = pa.concat_arrays(pieces)
    more = found if len(found) else enumerated_texts(n, max_length=max_length, taken=taken)
    return pa.concat_arrays([found, _cycled(more, missing)])


def _cycled(values: pa.Array, n: int) -> pa.Array:
    return values.take(pa.array(np.arange(n) % len(values))) if len(values) else pa.nulls(n, values.type)


def draw_distinct_texts(draw: Draw, n: int, *, max_length: int | None, taken: pa.Array, column: str) -> pa.Array:
    """Draw texts that all differ, none of them taken; widen the draw, then count, when it runs out.

    Raises:
        PlanError: there are not so many texts of that length.
    """
    found = pa.array([], pa.string())
    for extra in _WIDENINGS:
        missing = n - len(found)
        if not missing:
            break
        drawn = without(shortened(draw(missing + missing // 4 + 16, extra), max_length), taken)
        found = pc.unique(pa.concat_arrays([found, drawn]))[:n]
    if len(found) == n:
        return found
    avoid = pa.concat_arrays([taken, found])
    more = enumerated_texts(n - len(found), max_length=max_length, taken=avoid)
    if len(found) + len(more) < n:
        raise PlanError(
            f"Column {column!r} must hold {n} different texts, however its length of {max_length} leaves room for"
            f" {len(found) + len(more)}. Ask for fewer rows, or widen the column."
        )
    return pa.concat_arrays([found, more])


def enumerated_texts(n: int, *, max_length: int | None, taken: pa.Array) -> pa.Array:
    """Count in letters and digits, leaving out what is taken; fewer than asked if the length allows no more."""
    wanted = n + len(taken)
    width = 1
    while len(_SYMBOLS) ** width < wanted:
        width += 1
    width = width if max_length is None else min(width, max_length)
    return without(_numerals(min(wanted, len(_SYMBOLS) ** width), width), taken)[:n]


def _numerals(n: int, width: int) -> pa.Array:
    places = len(_SYMBOLS) ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (np.arange(n, dtype=np.int64)[:, None] // places) % len(_SYMBOLS)
    symbols = np.ascontiguousarray(_SYMBOLS[digits]) if width else np.zeros((n, 1), "<U1")
    return pa.array(symbols.view(f"<U{max(width, 1)}").ravel(), pa.string())
