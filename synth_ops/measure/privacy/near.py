"""Synthetic rows that are training rows in all but a hair, or in all but a column or two."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.privacy.bounds import Z_POWER, Z, wilson
from synth_ops.measure.privacy.space import Rows, Space, find_nearest, lay_out, lay_out_cells, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_EXCESS = 0.005
"""Default limit of both figures: what lies beyond `floor_high`."""

MIN_ROWS = 300
"""Rows of each kind it takes: a hundredth of fewer is no row or two."""

QUANTILE = 0.01
"""Share of held-out rows that are called near to a training row."""

MAX_SYNTHETIC, MAX_TRAINING, MAX_HOLDOUT = 10_000, 20_000, 10_000


@dataclass(frozen=True)
class Sampled:
    """The rows that are held against each other, and by how much training rows outnumber held-out ones."""

    training: Rows
    holdout: Rows
    synthetic: Rows

    @property
    def ratio(self) -> float:
        return len(self.training) / len(self.holdout)


def measure_near_copies(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the share of synthetic rows nearer to a training row than all but a hundredth of held-out rows are to one.

    The floor is what as many held-out rows in the training rows' place would score. It, too, knows whether the copy
    keeps to where rows are dense, and is near to all of them: only nearness to the rows that a model saw stands out.
    """
    yield from _measure(table, "near_copies", stack, lay_out, rng)


def measure_altered_copies(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the same share where near is to agree in telling columns, by however much the others differ.

    A column counts by its entropy: to share a time tells more than to share a sex. Rows copied and then scaled,
    jittered or drawn anew in some columns agree with their originals in more than chance brings about.
    """
    yield from _measure(table, "altered_copies", stack, lay_out_cells, rng)


def _measure(
    table: str, name: str, stack: Stack, lay: Callable[[Stack], Space], rng: np.random.Generator
) -> Iterator[Measure]:
    n = stack.n_least
    if n < MIN_ROWS:
        error = f"the smallest of training, held-out and synthetic rows has {n}; {MIN_ROWS} are needed"
        yield Measure(table=table, name=name, n=n, error=error)
        return
    rows = Sampled(
        some_of(stack.training, MAX_TRAINING, rng),
        some_of(stack.holdout, MAX_HOLDOUT, rng),
        some_of(stack.synthetic, MAX_SYNTHETIC, rng),
    )
    yield _figure(table, name, lay(stack), rows)


def _figure(table: str, name: str, space: Space, rows: Sampled) -> Measure:
    near = _Threshold.of(find_nearest(space, rows.holdout, rows.training).distances[:, 0])
    to_training = find_nearest(space, rows.synthetic, rows.training)
    to_holdout = find_nearest(space, rows.synthetic, rows.holdout)
    n = len(rows.synthetic)
    observed = wilson(float(near.holds(to_training.distances[:, 0]).mean()), n)
    met = to_holdout.rows[near.holds(to_holdout.distances[:, 0]), 0]
    floor = wilson(len(met) / n, n / _design_effect(met))
    high = _as_many(floor.high, rows.ratio)
    return Measure(
        table=table,
        name=name,
        observed=observed.value,
        floor=_as_many(floor.value, rows.ratio),
        floor_high=high,
        low=observed.low,
        high=observed.high,
        detectable=min(1.0, high + MAX_EXCESS + Z_POWER / Z * (high - _as_many(floor.value, rows.ratio))),
        n=n,
    )


@dataclass(frozen=True)
class _Threshold:
    """From where on a row is near: at a distance, or only below it."""

    distance: float
    included: bool

    @classmethod
    def of(cls, held_out: NDArray[np.float64]) -> "_Threshold":
        """Let a hundredth of the distances be near; where many are tied there, those below them are.

        Nothing lies below zero: where many held-out rows have a twin among the training rows, twins are near.
        """
        distance = float(np.quantile(held_out, QUANTILE, method="lower"))
        tied = float((held_out <= distance + _HAIR).mean()) > 2 * QUANTILE
        return cls(distance, included=not tied or distance <= _HAIR)

    def holds(self, distances: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mark what is near."""
        return distances <= self.distance + _HAIR if self.included else distances < self.distance - _HAIR


_HAIR = 1e-6
"""Distances that are this close are the same."""


def _as_many(share: float, ratio: float) -> float:
    """Give the share of rows that would meet one of `ratio` times as many rows, if they met them independently.

    Some rows meet others sooner than other rows do, so that the true share is at most this one (Jensen).
    """
    return float(1 - (1 - share) ** ratio)


def _design_effect(met: Rows) -> float:
    """Give how many synthetic rows stand for one where several met the same row: they are not independent."""
    counts = np.unique(met, return_counts=True)[1]
    return float((counts**2).sum() / counts.sum()) if len(counts) else 1.0
