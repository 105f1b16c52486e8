"""An ordered axis: the lattice its numbers lie on, the leaves it is cut in, and the codes of the leaves."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synth_ops.encode.grains import Grains
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.leaves import (
    NOTHING_SETTLED,
    Leaves,
    Settled,
    Values,
    fit_leaves,
    is_whole,
    look,
    neutral_leaves,
)
from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners, enough_to_stay
from synth_ops.records import Record

FloatType = Literal["float16", "float32", "float64"]

_MAX_DIGITS = 12
_EXACT_FLOAT = 2.0**53
BEYOND = 0.01
"""Share of a column's different values that may have more decimals than it has, at most."""
_HUGE = 2.0**62
_LARGEST_STEP = 10**18


class Lattice(Record):
    """Numbers ``origin + step * i``; of floats, those divided by a power of ten."""

    digits: int | None = None
    """Decimals of floats that are short decimals; None for integers, and for floats on no lattice."""
    step: int | None = 1
    """None for floats on no lattice, which stand for themselves."""
    origin: int = 0
    """From 0 to below `step`."""

    @classmethod
    def fit(cls, values: Values, rare_below: int, float_type: FloatType | None) -> "Lattice":
        """Find the coarsest lattice that sorted distinct values lie on."""
        digits = None if float_type is None else _digits(values, rare_below, float_type)
        if float_type is not None and digits is None:
            return cls(step=None)
        integers = values if digits is None else np.rint(values * 10.0**digits).astype(np.int64)
        step = _step(integers, rare_below)
        return cls(digits=digits, step=step, origin=int(integers[0]) % step if len(integers) else 0)

    def to_index(self, values: Values) -> Values:
        """Give the place of each value on the lattice; what lies off it goes to the nearest."""
        if self.step is None:
            return values
        if self.digits is not None:
            power = 10.0**self.digits
            values = np.rint(np.clip(values, -_HUGE / power, _HUGE / power) * power).astype(np.int64)
        return self._nearest(values, self.step) if self.step > 1 else values

    def _nearest(self, values: Values, step: int) -> Values:
        off = values % step - self.origin
        return np.asarray(values // step + (2 * off > step).astype(np.int64) - (2 * off < -step).astype(np.int64))

    def to_value(self, index: Values) -> Values:
        """Give the value at each place."""
        if self.step is None:
            return index.astype(np.float64)
        values = index * self.step + self.origin if self.step > 1 else index
        return values if self.digits is None else values.astype(np.float64) / 10.0**self.digits


def _digits(values: Values, rare_below: int, float_type: FloatType) -> int | None:
    """Give the decimals that write the values exactly, if that takes few; what a handful adds beyond is left out.

    A column of positions has one that somebody computed, to fifteen decimals: all others have six in the copy too.
    """
    stored = values.astype(float_type)
    n_beyond = min(rare_below - 1, int(BEYOND * len(values)))
    for digits in range(_MAX_DIGITS + 1):
        power = 10.0**digits
        if len(values) and np.abs(values).max() >= _EXACT_FLOAT / power:
            return None
        short = (np.rint(values * power) / power).astype(float_type) == stored
        if np.count_nonzero(~short) <= n_beyond:
            return digits
    return None


def _step(integers: Values, rare_below: int) -> int:
    """Give the greatest common divisor of the distances; of few values, which it could give away, a round one."""
    distances = np.diff(integers)
    if integers.dtype != object:
        distances = distances.view(np.uint64)  # the distance of two int64 may need all 64 bits
    divisor = int(np.gcd.reduce(distances)) if len(distances) else 1
    if len(integers) >= rare_below and divisor <= _LARGEST_STEP:
        return max(1, divisor)
    rounds = (m * 10**k for k in range(18) for m in (1, 2, 5))
    return max(int(r) for r in rounds if divisor % r == 0)


class Scale(Record):
    """Numbers as the ordinary codes of one sub-column, after `n_special` others."""

    lattice: Lattice
    leaves: Leaves
    n_special: int
    grains: Grains | None = None
    """How coarsely numbers between the points are written, where that differs from row to row."""

    @classmethod
    def fit(
        cls,
        values: Values,
        rules: FitRules,
        owners: Owners,
        *,
        n_special: int,
        float_type: FloatType | None = None,
        before: "Scale | None" = None,
    ) -> "Scale":
        """Fit finite numbers; of too few owners, only zero is kept."""
        if owners.n < rules.rare_below:
            return cls(lattice=Lattice(), leaves=neutral_leaves(), n_special=n_special)
        seen = look(values, owners, rules, before.settled(values, owners, rules) if before else NOTHING_SETTLED)
        if len(seen.values) == 1 and seen.holders[0] < rules.rare_below:
            return cls(lattice=Lattice(), leaves=neutral_leaves(), n_special=n_special)
        lattice = Lattice.fit(seen.values, rules.rare_below, float_type)
        leaves = fit_leaves(seen._replace(values=lattice.to_index(seen.values)), rules)
        return cls(lattice=lattice, leaves=leaves, n_special=n_special)

    def with_grains(self, values: Values) -> "Scale":
        """Give the scale that knows how coarsely these numbers are written; they are such as are written in tens."""
        index = self.lattice.to_index(values)
        if self.lattice.step != 1 or index.dtype != np.int64 or not self.leaves.firsts:
            return self
        between = index[~self.leaves.is_point(self.leaves.encode(index)) & ~self.leaves.is_outside(index)]
        return self.model_copy(update={"grains": Grains.fit(between)}) if len(between) else self

    def sub_column(self, column: str, part: str = "value") -> SubColumn:
        """Describe the sub-column."""
        size = self.n_special + self.leaves.n
        return SubColumn(column=column, part=part, size=size, ordinal=True, n_special=self.n_special)

    def encode(self, values: Values) -> NDArray[np.int64]:
        """Give the code of each value."""
        return self.leaves.encode(self.lattice.to_index(values)) + self.n_special

    def is_outside(self, values: Values) -> NDArray[np.bool_]:
        """Mark what lies beyond the values that were fitted."""
        return self.leaves.is_outside(self.lattice.to_index(values))

    def decode(self, codes: NDArray[Any], rng: np.random.Generator) -> Values:
        """Give a value for each ordinary code; one that there is not is taken for the nearest."""
        leaves = np.clip(codes.astype(np.int64) - self.n_special, 0, self.leaves.n - 1)
        index = self.leaves.decode(leaves, rng)
        return self.lattice.to_value(index if self.grains is None else self._coarsened(index, leaves, self.grains, rng))

    def _coarsened(self, index: Values, leaves: NDArray[np.int64], grains: Grains, rng: np.random.Generator) -> Values:
        """Round what is no point, where it stays in its leaf."""
        rounded = grains.coarsen(index, rng)
        stays = (self.leaves.encode(rounded) == leaves) & ~self.leaves.is_outside(rounded)
        return np.where(stays & ~self.leaves.is_point(leaves), rounded, index)

    @property
    def heaviest(self) -> int:
        """The code that most rows have."""
        return self.n_special + self.leaves.heaviest

    def settled(self, values: Values, owners: Owners, rules: FitRules) -> Settled:
        """Give last night's points, and the ends of its leaves where about as many entities as ever lie at and beyond.

        Bounds that followed the k-th entity night by night would tell of each one that comes or goes.
        """
        ends, points = (self.lattice.to_value(v) for v in (self.leaves.ends, self.leaves.point_values))
        if is_whole(ends) != is_whole(values):
            return NOTHING_SETTLED
        if not rules.clip_extremes or ends[0] >= ends[1]:
            return Settled(points=points)
        least, most = enough_to_stay(rules.rare_below), 2 * rules.rare_below
        low, high = (e.item() if isinstance(e, np.generic) else e for e in ends)
        stays_low = least <= owners.where(np.asarray(values <= low, bool)).n <= most
        stays_high = least <= owners.where(np.asarray(values >= high, bool)).n <= most
        return Settled(low if stays_low else None, high if stays_high else None, points)
