"""An ordered axis: the lattice its numbers lie on, the leaves it is cut in, and the codes of the leaves."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synth_ops.encode.grains import Grains
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.leaves import Leaves, Values, fit_leaves, neutral_leaves, pooled
from synth_ops.encode.rules import FitRules
from synth_ops.records import Record

FloatType = Literal["float16", "float32", "float64"]

_MAX_DIGITS = 12
_EXACT_FLOAT = 2.0**53
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
        digits = None if float_type is None else _digits(values, float_type)
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


def _digits(values: Values, float_type: FloatType) -> int | None:
    """Give the decimals that write all values exactly, if that takes few."""
    stored = values.astype(float_type)
    for digits in range(_MAX_DIGITS + 1):
        power = 10.0**digits
        if len(values) and np.abs(values).max() >= _EXACT_FLOAT / power:
            return None
        short = (np.rint(values * power) / power).astype(float_type) == stored
        if short.all():
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


def _grains(index: Values, counts: NDArray[np.int64], lattice: Lattice, leaves: Leaves) -> Grains | None:
    """Look at the numbers between the points, on a lattice of whole units of the last decimal."""
    if lattice.step != 1 or index.dtype != np.int64 or not leaves.firsts:
        return None
    between = ~leaves.is_point(leaves.encode(index))
    return Grains.fit(index[between], counts[between]) if between.any() else None


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
        *,
        n_special: int,
        float_type: FloatType | None = None,
        has_grains: bool = False,
    ) -> "Scale":
        """Fit finite numbers; with too few of them, only zero is kept. `has_grains` is of what is written in tens."""
        if len(values) < rules.rare_below:
            return cls(lattice=Lattice(), leaves=neutral_leaves(), n_special=n_special)
        distinct, counts = pooled(*np.unique(values, return_counts=True), rules)
        lattice = Lattice.fit(distinct, rules.rare_below, float_type)
        index = lattice.to_index(distinct)
        leaves = fit_leaves(index, counts, rules)
        grains = _grains(index, counts[1], lattice, leaves) if has_grains else None
        return cls(lattice=lattice, leaves=leaves, n_special=n_special, grains=grains)

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
