"""An ordered column cut in leaves: points that many entities hold, and intervals of the rest.

An interval is made of cells; each holds rows of at least `rare_below` entities, and inside a cell all values are alike.
Points stand over the intervals: a value that is no point belongs to the interval around it, though there be points in
it.

The ends: with `clip_extremes` the smallest value of the k-th entity, by each one's own smallest, is the least that is
looked at (k is `rare_below`, or a quarter of the entities where there are few), else the smallest. Unless enough
entities hold it, the first cell begins a quarter of the way from it to the next value, so that no exact extreme is
kept. The upper end is alike. Edges between cells lie halfway between neighbouring values; on a dense lattice that is a
lattice point. Of what was kept last night, a bound that stays is an end as it is, and a point needs half the entities.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners, enough_to_stay
from synth_ops.records import Record

Values = NDArray[Any]
"""``int64``, Python integers as ``object`` where 64 bits do not hold them, or ``float64``."""
Number = int | float

_POINT_SHARE = 0.005
_SPIKE = 3.0
"""Times the mean of its neighbours that makes a value a point of its own."""
_WINDOW = 4
"""Neighbours on each side that a spike is compared with."""
_CELLS_PER_LEAF = 8


class Leaves(Record):
    """Sorted leaves; leaf i is the i-th by its place on the axis."""

    points: tuple[Number, ...]
    point_codes: tuple[int, ...]
    lows: tuple[Number, ...] = ()
    """First value of each cell."""
    high: Number = 0
    """Last value of the last cell."""
    counts: tuple[int, ...] = ()
    """Rows in each cell."""
    firsts: tuple[int, ...] = ()
    """First cell of each interval."""
    interval_codes: tuple[int, ...] = ()
    heaviest: int = 0
    """The leaf that holds most rows."""

    @property
    def n(self) -> int:
        """Count the leaves."""
        return len(self.points) + len(self.firsts)

    def encode(self, values: Values) -> NDArray[np.int64]:
        """Give each value's leaf; what lies outside takes the nearest."""
        values = np.clip(values if self._fits else values.astype(object), *self._span)
        codes = self._region_codes[np.searchsorted(self._region_edges, values, side="right")]
        if self.points:
            at = np.minimum(np.searchsorted(self.point_values, values), len(self.points) - 1)
            is_point = np.asarray(self.point_values[at] == values, np.bool_)
            codes = np.where(is_point, self._point_codes[at], codes)
            if self.firsts:
                beyond = ~is_point & np.asarray((values < self._lows[0]) | (values > self.high), np.bool_)
                codes[beyond] = self._nearest(values[beyond])
        return codes

    def _nearest(self, values: Values) -> NDArray[np.int64]:
        """Give the leaf of values among points beyond all intervals: the nearest point's, or the outer interval's."""
        above = np.clip(np.searchsorted(self.point_values, values), 1, max(1, len(self.points) - 1))
        sides = np.stack([above - 1, np.minimum(above, len(self.points) - 1)])
        given = _as_floats(values)
        distances = np.abs(_as_floats(self.point_values)[sides] - given)
        point = sides[distances.argmin(axis=0), np.arange(len(values))]
        outer = np.where(given < float(self._lows[0]), self.interval_codes[0], self.interval_codes[-1])
        to_interval = np.maximum(float(self._lows[0]) - given, given - float(self.high))
        return np.where(distances.min(axis=0) <= to_interval, self._point_codes[point], outer)

    def is_outside(self, values: Values) -> NDArray[np.bool_]:
        """Mark what lies beyond the ends."""
        least, most = self._span
        return np.asarray((values < least) | (values > most), np.bool_)

    def is_point(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mark the leaves that are one value."""
        return np.asarray(self._place_of[codes] < len(self.points), np.bool_)

    def decode(self, codes: NDArray[np.int64], rng: np.random.Generator) -> Values:
        """Give a value of each leaf: the point, or one drawn from the interval's cells."""
        place = self._place_of[codes]
        if not self.firsts:
            return self.point_values[place]
        is_point = place < len(self.points)
        drawn = self._draw(np.where(is_point, 0, place - len(self.points)), rng.random(len(codes)))
        if not self.points:
            return drawn
        return np.where(is_point, self.point_values[np.minimum(place, len(self.points) - 1)], drawn)

    def _draw(self, interval: NDArray[np.int64], uniform: NDArray[np.float64]) -> Values:
        """Invert the piecewise linear distribution of an interval's cells."""
        total, first, last = self._cumulative, self._firsts[interval], self._firsts[interval + 1]
        at = total[first] + uniform * (total[last] - total[first])
        cell = np.clip(np.searchsorted(total, at, side="right") - 1, first, last - 1)
        part = np.clip((at - total[cell]) / (total[cell + 1] - total[cell]), 0.0, 1.0)
        return between(self._lows[cell], self._highs[cell], part)

    @property
    def ends(self) -> Values:
        """The least and the greatest value of any leaf."""
        return _array(self._span)

    @cached_property
    def point_values(self) -> Values:
        """The points as an array."""
        return _array(self.points)

    @cached_property
    def _point_codes(self) -> NDArray[np.int64]:
        return np.array(self.point_codes, np.int64)

    @cached_property
    def _bounds(self) -> Values:
        return _array((*self.lows, self.high))

    @cached_property
    def _lows(self) -> Values:
        return self._bounds[:-1]

    @cached_property
    def _highs(self) -> Values:
        """Last value of each cell; of floats, the next cell's first, which is as good as never drawn."""
        inner = self._lows[1:] - 1 if is_whole(self._lows) else self._lows[1:]
        return np.append(inner, self._bounds[-1:])

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        return np.append(0.0, np.cumsum(np.array(self.counts, np.float64)))

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        return np.array([*self.firsts, len(self.lows)], np.int64)

    @cached_property
    def _place_of(self) -> NDArray[np.int64]:
        """Position of each leaf among points, then intervals."""
        return np.argsort(np.array([*self.point_codes, *self.interval_codes]))

    @cached_property
    def _region_edges(self) -> Values:
        """Where what is no point goes from one leaf to the next: intervals, or the points' neighbourhoods."""
        if self.firsts:
            return self._lows[self._firsts[1:-1]]
        return halfway_up(self.point_values[:-1], self.point_values[1:])

    @cached_property
    def _region_codes(self) -> NDArray[np.int64]:
        return np.array(self.interval_codes or self.point_codes, np.int64)

    @cached_property
    def _fits(self) -> bool:
        """Whether 64 bits hold the leaves."""
        return np.dtype(object) not in (self.point_values.dtype, self._bounds.dtype)

    @cached_property
    def _span(self) -> tuple[Number, Number]:
        """The least and the greatest value of any leaf."""
        least = min([*self.points[:1], *self.lows[:1]])
        return least, max([*self.points[-1:], *([self.high] if self.firsts else [])])


class Settled(NamedTuple):
    """What stays as it was last night."""

    low: Number | None = None
    """The least value that counts, where that is settled; all below is pooled there."""
    high: Number | None = None
    points: Values = np.zeros(0, np.int64)
    """Values that were points, and stay so while enough entities hold them."""


NOTHING_SETTLED = Settled()


class Seen(NamedTuple):
    """Distinct values in order, extremes pooled."""

    values: Values
    counts: NDArray[np.int64]
    """Rows of each, with those pooled in it."""
    holders: NDArray[np.int64]
    """Entities that hold exactly this value; of one in too few rows to be kept, its rows."""
    owners: Owners
    """Of the rows."""
    places: NDArray[np.int64] | None
    """Each row's value; None where each row is an entity of its own, and counts say all."""
    settled: Settled
    """Its bounds are the first and the last value, and ends as they are."""
    was_point: NDArray[np.bool_]


def neutral_leaves() -> Leaves:
    """Give the one leaf, zero, of a column of which too few values are known to keep any."""
    return Leaves(points=(0,), point_codes=(0,))


def fit_leaves(seen: Seen, rules: FitRules) -> Leaves:
    """Cut what `look` gives of a column."""
    is_point = _points(seen, rules)
    if is_point.any() and _n_holders(seen, ~is_point) < rules.rare_below:
        return _points_only(seen, is_point)
    return _points_and_intervals(seen, is_point, rules)


def look(values: Values, owners: Owners, rules: FitRules, settled: Settled = NOTHING_SETTLED) -> Seen:
    """Sort a column's values, and pool the extremes: beyond a bound that is settled, or beyond the k-th entity's."""
    distinct, counts, places = _distinct(_clip(values, settled), owners)
    least = enough_to_stay(rules.rare_below)
    holders = counts.copy() if places is None else owners.count_large(places, counts, least)
    for bound, at in ((settled.low, 0), (settled.high, -1)):
        if bound is not None:
            holders[at] = owners.where(np.asarray(values == bound, np.bool_)).n
    k = rules.n_pooled(owners.n)
    low, high = _ends(np.cumsum(counts), k) if places is None else owners.ends(places, k)
    first = 0 if settled.low is not None else low
    last = max(first, len(distinct) - 1 if settled.high is not None else high)
    kept = counts[first : last + 1].copy()
    kept[0] += counts[:first].sum()
    kept[-1] += counts[last + 1 :].sum()
    return Seen(
        distinct[first : last + 1],
        kept,
        holders[first : last + 1],
        owners,
        None if places is None else np.clip(places, first, last) - first,
        settled,
        np.isin(distinct[first : last + 1], settled.points),
    )


def _clip(values: Values, settled: Settled) -> Values:
    low, high = settled.low, settled.high
    return values if low is None and high is None else np.asarray(np.clip(values, low, high), values.dtype)


def _distinct(values: Values, owners: Owners) -> tuple[Values, NDArray[np.int64], NDArray[np.int64] | None]:
    """Give the distinct values in order, the rows of each, and where each row's is; not so where counts say all."""
    if owners.are_distinct:
        return *np.unique(values, return_counts=True), None
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return distinct, counts, places.reshape(-1)


def _ends(total: NDArray[np.int64], k: int) -> tuple[int, int]:
    """Give the places of the k-th row from either end, from running totals."""
    return int(np.searchsorted(total, k)), int(np.searchsorted(total, total[-1] - k, side="right"))


def _n_holders(seen: Seen, chosen: NDArray[np.bool_]) -> int:
    """Count the entities that hold one of the chosen values."""
    if seen.places is None:
        return int(seen.counts[chosen].sum())
    return seen.owners.where(chosen[seen.places]).n


def _points(seen: Seen, rules: FitRules) -> NDArray[np.bool_]:
    """Mark the values that are leaves of their own."""
    stays = seen.was_point & (seen.holders >= enough_to_stay(rules.rare_below))
    common = np.asarray((seen.holders >= rules.rare_below) | stays)
    if common.sum() <= rules.max_leaves * 3 // 4:
        return common
    around = _neighbours_mean(seen.counts)
    spikes = common & ((seen.counts >= _POINT_SHARE * seen.counts.sum()) | (seen.counts > _SPIKE * around))
    ranked = np.argsort(-seen.counts * spikes, kind="stable")[: rules.max_leaves // 2]
    chosen = np.zeros(len(common), np.bool_)
    chosen[ranked] = True
    return np.asarray(chosen & spikes)


def _neighbours_mean(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    window = np.ones(2 * _WINDOW + 1)
    window[_WINDOW] = 0
    n_around = np.convolve(np.ones(len(counts)), window, mode="same")
    return np.asarray(np.convolve(counts, window, mode="same") / np.maximum(n_around, 1))


def _points_only(seen: Seen, is_point: NDArray[np.bool_]) -> Leaves:
    points, mass = seen.values[is_point], seen.counts[is_point]
    codes = tuple(range(len(points)))
    return Leaves(points=tuple(points.tolist()), point_codes=codes, heaviest=int(np.argmax(mass)))


def _points_and_intervals(seen: Seen, is_point: NDArray[np.bool_], rules: FitRules) -> Leaves:
    rest = np.flatnonzero(~is_point)
    points = seen.values[is_point]
    total = np.cumsum(seen.counts[rest])
    budget = max(1, rules.max_leaves - len(points))
    cells = _common_cells(_cut(total, budget * _CELLS_PER_LEAF, rules.rare_below), seen, rest, rules)
    lows, high = _edges(seen, rest, cells)
    counts = np.diff(np.append(0, total[np.append(cells[1:], len(rest)) - 1]))
    firsts = _cut(np.cumsum(counts), budget, 1)
    mass = np.append(seen.counts[is_point], np.add.reduceat(counts, firsts))
    order = np.argsort(np.append(_as_floats(points), _middles(lows, high, firsts)), kind="stable")
    codes = np.empty(len(order), np.int64)
    codes[order] = np.arange(len(order))
    return Leaves(
        points=tuple(points.tolist()),
        point_codes=tuple(codes[: len(points)].tolist()),
        lows=tuple(lows.tolist()),
        high=high,
        counts=tuple(counts.tolist()),
        firsts=tuple(firsts.tolist()),
        interval_codes=tuple(codes[len(points) :].tolist()),
        heaviest=int(np.argmax(mass[order])),
    )


def _cut(total: NDArray[np.int64], n_most: int, at_least: int) -> NDArray[np.int64]:
    """Give the first index of each of at most `n_most` even runs of at least that many rows, from running totals."""
    n_rows = int(total[-1])
    firsts, done = [0], 0
    while True:
        want = max(at_least, -(-(n_rows - done) // max(1, n_most - len(firsts) + 1)))
        end = int(np.searchsorted(total, done + want)) + 1
        if end >= len(total) or n_rows - int(total[end - 1]) < at_least:
            return np.array(firsts, np.int64)
        firsts.append(end)
        done = int(total[end - 1])


def _common_cells(cells: NDArray[np.int64], seen: Seen, rest: NDArray[np.int64], rules: FitRules) -> NDArray[np.int64]:
    """Join cells that too few entities share with their neighbours, until none is left of them."""
    if seen.places is None:
        return cells
    place_in_rest = np.full(len(seen.values), -1, np.int64)
    place_in_rest[rest] = np.arange(len(rest))
    at = place_in_rest[seen.places]
    owners, at = seen.owners.where(at >= 0), at[at >= 0]
    while len(cells) > 1:
        cell_of = np.searchsorted(cells, np.arange(len(rest)), side="right") - 1
        few = owners.count(cell_of[at], len(cells)) < rules.rare_below
        if not few.any():
            break
        cells = _joined(cells, few)
    return cells


def _joined(cells: NDArray[np.int64], few: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Let each of the marked cells take in the next; the last is taken in by the one before."""
    firsts, i = [], 0
    while i < len(cells):
        firsts.append(int(cells[i]))
        i += 2 if few[i] else 1
    return np.array(firsts[:-1] if few[-1] and i == len(cells) + 1 and len(firsts) > 1 else firsts, np.int64)


def _edges(seen: Seen, rest: NDArray[np.int64], cells: NDArray[np.int64]) -> tuple[Values, Number]:
    """Give the first value of each cell and the last value of all, none of them a lone real value."""
    values, begins, end = seen.values, rest[cells], int(rest[-1])
    lows = halfway_up(values[np.maximum(begins - 1, 0)], values[begins])
    if begins[0] == 0:
        lows[0] = (
            values[0]
            if seen.settled.low is not None
            else halfway_down(values[:1], halfway_down(values[:1], values[1:2]))[0]
        )
    at = min(end, len(values) - 2)
    a, b = values[at : at + 1], values[at + 1 : at + 2]
    if end == len(values) - 1:
        high = values[-1] if seen.settled.high is not None else halfway_up(halfway_up(a, b), b)[0]
    else:
        high = halfway_down(a, b)[0]
    return lows, high.item() if isinstance(high, np.generic) else high


def _middles(lows: Values, high: Number, firsts: NDArray[np.int64]) -> NDArray[np.float64]:
    begins = _as_floats(lows)[firsts]
    return np.asarray(begins / 2 + np.append(begins[1:], float(high)) / 2)


def is_whole(values: Values) -> bool:
    """Tell integers from floats."""
    return values.dtype.kind != "f"


def halfway_up(a: Values, b: Values) -> Values:
    """Give a value above `a`, at most `b`, in the middle; exact for any integers.

    >>> halfway_up(np.array([1, 1]), np.array([2, 5])).tolist()
    [2, 3]
    """
    if is_whole(a):
        return np.asarray((a >> 1) + (b >> 1) + ((a | b) & 1))
    middle = a / 2 + b / 2
    return np.where(middle > a, middle, b)


def halfway_down(a: Values, b: Values) -> Values:
    """Give a value of at least `a`, below `b`, in the middle.

    >>> halfway_down(np.array([1, 1]), np.array([2, 5])).tolist()
    [1, 3]
    """
    if is_whole(a):
        return np.asarray((a >> 1) + (b >> 1) + (a & b & 1))
    middle = a / 2 + b / 2
    return np.where(middle < b, middle, a)


def between(low: Values, high: Values, part: NDArray[np.float64]) -> Values:
    """Give the value at that part, 0 to 1, of the way; integers include both ends, and never overflow."""
    if not is_whole(low):
        return np.asarray(np.clip(low * (1 - part) + high * part, low, high))
    if low.dtype == object:
        return _between_unbounded(low, high, part)
    width = high.view(np.uint64) - low.view(np.uint64)
    steps = np.minimum(part * (width.astype(np.float64) + 1.0), 2.0**64 - 2048).astype(np.uint64)
    return np.asarray((low.view(np.uint64) + np.minimum(steps, width)).view(np.int64))


def _between_unbounded(low: Values, high: Values, part: NDArray[np.float64]) -> Values:
    parts = (part * 2.0**53).astype(np.int64).astype(object)
    return np.asarray(np.minimum(low + parts * (high - low + 1) // 2**53, high))


def _array(values: tuple[Number, ...]) -> Values:
    """Make an array that holds these numbers exactly."""
    if any(isinstance(v, float) for v in values):
        return np.array(values, np.float64)
    fits = all(-(2**63) <= v < 2**63 for v in values)
    return np.array(values, np.int64 if fits else object)


def _as_floats(values: Values) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)
