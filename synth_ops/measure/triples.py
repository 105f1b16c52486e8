"""How far triples of columns are from production, and which columns are null together: what pairs do not show."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.draws import Draw, mean_and_high, over_draws
from synth_ops.measure.grid import Codes, bin_stack, rows_of, shuffled
from synth_ops.measure.marginals import total_variation
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

N_BINS = 5
WIDTH = N_BINS + 2
MAX_TRIPLES = 300
MAX_PATTERNS = 200
"""Combinations of nulls that are told apart, the commonest; all others count as one."""

Figures = NDArray[np.float64]


def measure_triples(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the mean total variation of sampled triples of columns on five bins each."""
    triples = _choose(stack.names, rng)
    if not triples:
        return
    codes = bin_stack(stack, N_BINS, N_BINS, rare_below)
    observed, floors = over_draws(draws, lambda rows: _cells(rows_of(codes, rows), triples), total_variation)
    training = _cells(rows_of(codes, draws[-1].training), triples)
    independent = total_variation(_cells(shuffled(codes, draws[-1].holdout, rng), triples), training)
    yield _figure(table, "mean_triple_error", np.mean(observed), floors.mean(axis=1), independent, draws)


def measure_null_patterns(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the total variation over which columns are null together; 0 where fewer than two ever are null."""
    wanting = {name: marks for name, marks in stack.nulls().items() if 0 < marks[stack.training].mean() < 1}
    if len(wanting) < 2:  # noqa: PLR2004 — two are a pattern
        yield Measure(table=table, name="null_patterns", observed=0.0, floor=0.0, n=draws[0].n)
        return
    weights = rng.integers(1, 2**62, size=len(wanting), dtype=np.int64)
    known = _patterns(wanting, stack.training, weights, rare_below)
    observed, floors = over_draws(
        draws, lambda rows: _pattern_shares(rows_of(wanting, rows), weights, known), total_variation
    )
    training = _pattern_shares(rows_of(wanting, draws[-1].training), weights, known)
    apart = _pattern_shares(shuffled(wanting, draws[-1].holdout, rng), weights, known)
    yield _figure(table, "null_patterns", np.mean(observed), floors, total_variation(apart, training), draws)


def _figure(
    table: str, name: str, observed: np.floating, floors: Figures, independent: Figures, draws: tuple[Draw, ...]
) -> Measure:
    mean, high = mean_and_high(floors)
    return Measure(
        table=table,
        name=name,
        observed=float(observed),
        floor=float(mean),
        floor_high=float(high),
        independent=float(np.mean(independent)),
        n=draws[0].n,
    )


def _choose(names: tuple[str, ...], rng: np.random.Generator) -> list[tuple[str, ...]]:
    n_all = len(names) * (len(names) - 1) * (len(names) - 2) // 6
    if n_all <= MAX_TRIPLES:
        return list(combinations(names, 3))
    drawn = {tuple(sorted(rng.choice(len(names), 3, replace=False).tolist())) for _ in range(MAX_TRIPLES)}
    return [tuple(names[i] for i in triple) for triple in sorted(drawn)]


def _cells(codes: dict[str, Codes], triples: list[tuple[str, ...]]) -> Figures:
    """Give each triple's joint distribution: ``(n_triples, WIDTH³)``."""
    n_rows = len(next(iter(codes.values())))
    wide = {name: (c * np.int16(WIDTH * WIDTH), c * np.int16(WIDTH), c) for name, c in codes.items()}
    shares = np.empty((len(triples), WIDTH**3))
    for i, (a, b, c) in enumerate(triples):
        shares[i] = np.bincount(wide[a][0] + wide[b][1] + wide[c][2], minlength=WIDTH**3)
    return shares / n_rows


def _patterns(
    nulls: dict[str, Codes], training: NDArray[np.int64], weights: NDArray[np.int64], rare_below: int
) -> NDArray[np.int64]:
    patterns, counts = np.unique(_hashes(rows_of(nulls, training), weights), return_counts=True)
    ranked = np.argsort(-counts, kind="stable")[:MAX_PATTERNS]
    return np.sort(patterns[ranked[counts[ranked] >= rare_below]])


def _pattern_shares(nulls: dict[str, Codes], weights: NDArray[np.int64], known: NDArray[np.int64]) -> Figures:
    hashes = _hashes(nulls, weights)
    if not len(known):
        return np.ones(1)
    near = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    codes = np.where(known[near] == hashes, near, len(known))
    return np.bincount(codes, minlength=len(known) + 1) / len(hashes)


def _hashes(nulls: dict[str, Codes], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each row's pattern as a sum of its nulls' random weights, which wraps around."""
    total = np.zeros(len(next(iter(nulls.values()))), dtype=np.int64)
    with np.errstate(over="ignore"):
        for marks, weight in zip(nulls.values(), weights, strict=True):
            total += marks * weight
    return total
