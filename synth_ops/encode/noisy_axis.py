"""An ordered axis cut in leaves by noisy counts alone: under a privacy budget, no value of a row decides an edge.

The first cells are powers of two, the same for every column. Those that hold many rows are cut in eight and counted
again, so that cells become narrow where rows are. What lies in cells that do not stand out of the noise is taken for
the nearest leaf, so that extremes are pooled as elsewhere.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode.leaves import Leaves, Values, neutral_leaves
from synth_ops.encode.numbers import Numbers
from synth_ops.encode.scale import FloatType, Lattice, Scale
from synth_ops.privacy.counting import Counts, NoisyCounter

FANOUT = 8
_MOST_DIGITS = 6
"""Decimals of floats up to which they are taken for decimals."""
_MOST_CUT = 512
"""Parts of all rows below which a cell is not cut, nor a leaf closed."""
_STRAY = 0.005
"""Share of rows that may lie off a lattice, and are put on it."""
_TOP = 62
"""Powers of two that whole numbers reach to."""
_FLOAT_POWERS = (-20, 127)
_HUGE = 2.0**_TOP
_SECONDS = (1, 60, 3_600, 86_400)


class NoisyScale(NamedTuple):
    """A scale, and how often each of its leaves occurs."""

    scale: Scale
    counts: Counts
    """``(n_leaves,)``, at least 0."""
    n_null: int
    """Rows without a value."""


class Axis(NamedTuple):
    """Where the numbers of a type may lie, whatever a table holds."""

    least: int | float
    most: int | float
    units: tuple[int, ...] = (1,)
    """Steps that a lattice may have, each a multiple of the one before."""
    float_type: FloatType | None = None


def axis_of(dtype: pa.DataType) -> Axis:
    """Give the axis of a type of numbers."""
    if pa.types.is_floating(dtype):
        names: dict[int, FloatType] = {16: "float16", 32: "float32", 64: "float64"}
        return Axis(-(2.0 ** _FLOAT_POWERS[1]), 2.0 ** _FLOAT_POWERS[1], float_type=names[dtype.bit_width])
    units = tuple(10**k for k in range(10))
    if pa.types.is_integer(dtype):
        return Axis(-(2**_TOP) + 1 if pa.types.is_signed_integer(dtype) else 0, 2**_TOP, units)
    return Axis(-(2**_TOP) + 1, 2**_TOP, units)


def time_axis(per_day: int) -> Axis:
    """Give the axis of a time of day in ticks; its coarsest unit is the day."""
    per_second = max(1, per_day // _SECONDS[-1])
    fine = tuple(10**k for k in range(0, 9, 3) if 10**k < per_second)
    return Axis(0, per_day - 1, (*fine, *(s * per_second for s in _SECONDS)))


def count_grain(numbers: Numbers, n_rows: int, axis: Axis, counter: NoisyCounter) -> Lattice:
    """Find the coarsest lattice that all but a few of the numbers lie on, by one histogram."""
    if axis.float_type is None:
        unit = axis.units[_coarsest(_unit_of(numbers, axis.units), n_rows, len(axis.units), counter)]
        return Lattice(step=unit)
    n_classes = _MOST_DIGITS + 2
    kept = _coarsest(n_classes - 1 - _digits_of(numbers, axis.float_type), n_rows, n_classes, counter)
    digits = n_classes - 1 - kept
    return Lattice(digits=digits) if digits <= _MOST_DIGITS else Lattice(step=None)


def fit_noisy_scale(  # noqa: PLR0913 — the rows are positional, how they are counted by keyword
    numbers: Numbers, n_null: int, axis: Axis, lattice: Lattice, counter: NoisyCounter, *, n_special: int, rounds: int
) -> NoisyScale:
    """Cut an axis by so many histograms.

    Args:
        numbers: of the rows that have a value; finite.
        n_null: the exact number of the others, which is counted too.
        axis: where they may lie.
        lattice: where values lie on it.
        counter: counts them.
        n_special: codes before the leaves'.
        rounds: histograms.
    """
    index = lattice.to_index(_clipped(numbers, axis))
    cells = _first_cells(axis, lattice)
    index = np.clip(index, cells.lows[0], cells.high)
    counts, nulls = _count(index, n_null, cells, counter)
    for _ in range(rounds - 1):
        cells = _cut(cells, counts, max(FANOUT * counter.least, counts.clip(0).sum() / _MOST_CUT))
        counts, nulls = _count(index, n_null, cells, counter)
    leaves, mass = _leaves(cells, counts, counter.least)
    return NoisyScale(Scale(lattice=lattice, leaves=leaves, n_special=n_special), mass, max(0, nulls))


class _Cells(NamedTuple):
    """Neighbouring cells, each from its first value to before the next's."""

    lows: Values
    high: int | float
    """Last value of the last."""

    @property
    def ends(self) -> Values:
        """Last value of each; of floats, the next one's first."""
        inner = self.lows[1:] if self.lows.dtype.kind == "f" else self.lows[1:] - 1
        return np.append(inner, np.array([self.high], self.lows.dtype))


def _count(index: Values, n_null: int, cells: _Cells, counter: NoisyCounter) -> tuple[Counts, int]:
    """Count the rows of each cell, and those without a value, in one histogram."""
    n_cells = len(cells.lows)
    place = np.searchsorted(cells.lows, index, side="right") - 1
    counted = counter.count(np.append(place, np.full(n_null, n_cells)), n_cells + 1)
    return counted[:-1], int(counted[-1])


def _clipped(numbers: Numbers, axis: Axis) -> Values:
    """Put numbers on the axis, in 64 bits."""
    if axis.float_type is not None:
        return np.asarray(np.clip(numbers, axis.least, axis.most) + 0.0)
    return np.clip(numbers, axis.least, axis.most).astype(np.int64)


def _first_cells(axis: Axis, lattice: Lattice) -> _Cells:
    """Give the powers of two between the axis's ends, as places on the lattice."""
    if lattice.step is None:
        ends = 2.0 ** np.arange(*_FLOAT_POWERS)
        return _Cells(np.concatenate([-2.0 * ends[::-1], -ends[:1], ends]), axis.most)
    least, most = (-_HUGE, _HUGE) if lattice.digits is not None else (axis.least, axis.most)
    first, last = int(least) // lattice.step, int(most) // lattice.step
    powers = [2**k for k in range(_TOP + 1)]
    lows = [-(2 * p) + 1 for p in reversed(powers[:-1])] + [0, *powers[:-1]]
    inside = [low for low in lows if first < low <= last]
    return _Cells(np.array([first, *inside], np.int64), last)


def _cut(cells: _Cells, counts: Counts, least: float) -> _Cells:
    """Cut the cells that hold so many rows."""
    cut = _cut_real if cells.lows.dtype.kind == "f" else _cut_whole
    pieces = [
        cut(low, end) if count >= least else [low]
        for low, end, count in zip(cells.lows.tolist(), cells.ends.tolist(), counts.tolist(), strict=True)
    ]
    return _Cells(np.array([low for piece in pieces for low in piece], cells.lows.dtype), cells.high)


def _cut_real(low: float, end: float) -> list[float]:
    """Give the first values of eight even parts, or of as many as there are numbers for."""
    return sorted(set(np.linspace(low, end, FANOUT, endpoint=False).tolist()))


def _cut_whole(low: int, end: int) -> list[int]:
    """Give the first values of at most eight parts as even as whole numbers can be."""
    width = end - low + 1
    n = min(FANOUT, width)
    return [low + width // n * k + min(k, width % n) for k in range(n)]


def _leaves(cells: _Cells, counts: Counts, least: float) -> tuple[Leaves, Counts]:
    """Make leaves of the cells between the first and the last that stand out, and give the rows of each leaf."""
    stands_out = np.flatnonzero(counts >= least)
    if not len(stands_out):
        return neutral_leaves(), np.array([max(1, int(counts.clip(0).sum()))])
    first, last = int(stands_out[0]), int(stands_out[-1])
    kept = np.where(counts >= least, counts, 0)[first : last + 1]
    firsts = _closed(kept, kept.sum() / _MOST_CUT)
    mass = np.add.reduceat(kept, firsts)
    high = cells.ends[last]
    leaves = Leaves(
        points=(),
        point_codes=(),
        lows=tuple(cells.lows[first : last + 1].tolist()),
        high=high.item(),
        counts=tuple(kept.tolist()),
        firsts=tuple(firsts),
        interval_codes=tuple(range(len(firsts))),
        heaviest=int(np.argmax(mass)),
    )
    return leaves, mass


def _closed(kept: Counts, least: float) -> list[int]:
    """Give the first cells of leaves of at least so many rows, each of which ends with a cell that has some."""
    firsts, held = [0], 0
    for i, count in enumerate(kept.tolist()[:-1]):
        held += count
        if count and held >= least:
            firsts.append(i + 1)
            held = 0
    return firsts


def _coarsest(classes: NDArray[Any], n_rows: int, n_classes: int, counter: NoisyCounter) -> int:
    """Give the highest class below which few rows lie; a row without a number is of the highest."""
    others = np.full(n_rows - len(classes), n_classes - 1)
    counted = counter.count(np.append(classes, others).astype(np.int64), n_classes)
    few = max(counter.least, _STRAY * counted.clip(0).sum())
    below = np.append(0, np.cumsum(counted.clip(0))[:-1])
    return int(np.flatnonzero(below <= few * np.sqrt(np.arange(1, n_classes + 1)))[-1])


def _unit_of(numbers: Numbers, units: Sequence[int]) -> NDArray[np.int64]:
    """Give the place of the coarsest unit that each number is a multiple of."""
    divides = np.ones(len(numbers), np.bool_)
    place = np.zeros(len(numbers), np.int64)
    for unit in units[1:]:
        divides &= np.asarray(numbers % unit == 0, np.bool_)
        place += divides
    return place


def _digits_of(numbers: Numbers, float_type: FloatType) -> NDArray[np.int64]:
    """Give the decimals that write each number, or one more than are looked for."""
    stored, place = numbers.astype(float_type), np.full(len(numbers), _MOST_DIGITS + 1)
    for digits in range(_MOST_DIGITS, -1, -1):
        power = 10.0**digits
        is_large = np.abs(numbers) >= _HUGE / power
        short = (np.rint(np.where(is_large, 0.0, numbers) * power) / power).astype(float_type) == stored
        place[short & ~is_large] = digits
    return place
