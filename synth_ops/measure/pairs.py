"""How far pairs of columns are from production: the headline figure of fidelity."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.draws import Draw, mean_and_high
from synth_ops.measure.grid import Codes, bin_stack
from synth_ops.measure.marginals import total_variation
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

N_BINS = 10
WIDTH = N_BINS + 2
MAX_PAIRS = 1_000
"""More pairs than these are sampled: 45 columns have all theirs measured."""

Pairs = list[tuple[str, str]]


def measure_pairs(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the total variation of each pair of columns on ten bins each, and their mean."""
    pairs = choose_pairs(stack.names, rng)
    if not pairs:
        return
    codes = bin_stack(stack, N_BINS, N_BINS, rare_below)
    observed, floors = _distances(codes, pairs, draws)
    independent = _independent(codes, pairs, draws[0], rng)
    yield _summary(table, observed, floors, independent, draws[0].n)
    mean, high = mean_and_high(floors)
    for i, pair in enumerate(pairs):
        yield Measure(
            table=table,
            name="pair_error",
            columns=pair,
            observed=float(observed[i]),
            floor=float(mean[i]),
            floor_high=float(high[i]),
            independent=float(independent[i]),
            n=draws[0].n,
        )


def choose_pairs(names: tuple[str, ...], rng: np.random.Generator) -> Pairs:
    """Give all pairs of columns, or a sample where they are too many."""
    pairs = list(combinations(names, 2))
    if len(pairs) <= MAX_PAIRS:
        return pairs
    return [pairs[i] for i in np.sort(rng.choice(len(pairs), MAX_PAIRS, replace=False))]


def _summary(
    table: str,
    observed: NDArray[np.float64],
    floors: NDArray[np.float64],
    independent: NDArray[np.float64],
    n: int,
) -> Measure:
    mean, high = mean_and_high(floors.mean(axis=1))
    return Measure(
        table=table,
        name="mean_pair_error",
        observed=float(observed.mean()),
        floor=float(mean),
        floor_high=float(high),
        independent=float(independent.mean()),
        n=n,
    )


def _distances(
    codes: dict[str, Codes], pairs: Pairs, draws: tuple[Draw, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure every pair on every draw.

    **Shape**

    - observed: ``(n_pairs,)``, the mean over draws
    - floors: ``(n_draws, n_pairs)``
    """
    observed, floors = [], []
    for draw in draws:
        training = _joint_shares(_rows_of(codes, draw.training), pairs)
        observed.append(total_variation(_joint_shares(_rows_of(codes, draw.synthetic), pairs), training))
        floors.append(total_variation(_joint_shares(_rows_of(codes, draw.holdout), pairs), training))
    return np.mean(observed, axis=0), np.asarray(floors)


def _independent(codes: dict[str, Codes], pairs: Pairs, draw: Draw, rng: np.random.Generator) -> NDArray[np.float64]:
    """Put held-out rows in the copy's place, each column shuffled on its own."""
    shuffled = {name: rng.permutation(column) for name, column in _rows_of(codes, draw.holdout).items()}
    training = _joint_shares(_rows_of(codes, draw.training), pairs)
    return total_variation(_joint_shares(shuffled, pairs), training)


def _rows_of(codes: dict[str, Codes], rows: NDArray[np.int64]) -> dict[str, Codes]:
    return {name: column[rows] for name, column in codes.items()}


def _joint_shares(codes: dict[str, Codes], pairs: Pairs) -> NDArray[np.float64]:
    """Give each pair's joint distribution: ``(n_pairs, WIDTH²)``."""
    scaled = {name: column * np.int16(WIDTH) for name, column in codes.items()}
    n_rows = len(next(iter(codes.values())))
    shares = np.empty((len(pairs), WIDTH * WIDTH))
    for i, (a, b) in enumerate(pairs):
        shares[i] = np.bincount(scaled[a] + codes[b], minlength=WIDTH * WIDTH)
    return shares / n_rows
