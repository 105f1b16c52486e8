"""Samples of equal size from training, held-out and synthetic rows, over and over."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.stack import Stack

Rows = NDArray[np.int64]
Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """As many training rows, held-out rows and synthetic rows: positions in the stack."""

    training: Rows
    holdout: Rows
    synthetic: Rows

    @property
    def n(self) -> int:
        """Rows on each side."""
        return len(self.training)


def draw_samples(stack: Stack, n_draws: int, at_most: int, rng: np.random.Generator) -> tuple[Draw, ...]:
    """Draw as many rows of each part as the smallest has, at most so many, without replacement."""
    parts = (stack.training, stack.holdout, stack.synthetic)
    n = min(at_most, *map(len, parts))
    return tuple(Draw(*(some_rows(part, n, rng) for part in parts)) for _ in range(n_draws))


def some_rows(rows: Rows, n: int, rng: np.random.Generator) -> Rows:
    """Draw so many of the rows, or all where there are no more."""
    return rows if len(rows) <= n else np.sort(rng.choice(rows, n, replace=False))


def over_draws(
    draws: tuple[Draw, ...], shares: Callable[[Rows], Figures], distance: Callable[[Figures, Figures], Figures]
) -> tuple[Figures, Figures]:
    """Measure how far synthetic rows are from training rows on every draw, and how far held-out rows are.

    **Shape**

    - observed: ``(...)``, the mean over draws
    - floors: ``(n_draws, ...)``
    """
    observed, floors = [], []
    for draw in draws:
        training = shares(draw.training)
        observed.append(distance(shares(draw.synthetic), training))
        floors.append(distance(shares(draw.holdout), training))
    return np.mean(observed, axis=0), np.asarray(floors)


def mean_and_high(floors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the mean and the 95 % quantile of several draws of a floor.

    **Shape**

    - floors: ``(n_draws, ...)``
    - results: ``(...)``
    """
    return floors.mean(axis=0), np.quantile(floors, 0.95, axis=0)
