"""Rows of the copy that are rows of production, word for word."""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth_ops.measure.draws import Draw, mean_and_high
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Hashes = NDArray[np.uint64]
MIN_ALIKE = 100
"""Held-out rows of common values that make a floor of their own."""

MIN_REPEATED = 0.5
"""Share of rows that common values must hold for a column to be one that repeats."""


def measure_copies(table: str, stack: Stack, rare_below: int) -> Iterator[Measure]:
    """Give the share of rows that equal a training row which those of fewer than `rare_below` entities equal.

    A combination that many share tells of no one, so it does not count as copied. The floor is the share of
    held-out rows that equal such a row: a real row that no model has seen. A copy holds common values only, and rows
    of these meet by chance more often than others: where there are enough such held-out rows, they are the floor.
    """
    hashes = hash_rows(stack)
    rows, groups = np.unique(hashes[stack.training], return_inverse=True)
    telling = rows[stack.owners.count(groups, len(rows)) < rare_below]
    alike = stack.holdout[_is_common(stack, rare_below)[stack.holdout]]
    holdout = alike if len(alike) >= MIN_ALIKE else stack.holdout
    floor = float(np.isin(hashes[holdout], telling).mean())
    yield Measure(
        table=table,
        name="exact_copies",
        observed=float(np.isin(hashes[stack.synthetic], telling).mean()),
        floor=floor,
        floor_high=upper_bound(floor, len(holdout)),
        n=len(holdout),
    )


def measure_repeats(table: str, stack: Stack, draws: tuple[Draw, ...]) -> Iterator[Measure]:
    """Give the share of the copy's rows that equal an earlier one of its rows; the floor is that of held-out rows."""
    hashes = hash_rows(stack)
    observed = np.mean([_repeated(hashes[d.synthetic]) for d in draws])
    mean, high = mean_and_high(
        np.asarray([max(_repeated(hashes[d.holdout]), _repeated(hashes[d.training])) for d in draws])
    )
    yield Measure(
        table=table,
        name="repeated_rows",
        observed=float(observed),
        floor=float(mean),
        floor_high=float(high),
        n=draws[0].n,
    )


def _repeated(hashes: Hashes) -> float:
    return 1 - len(np.unique(hashes)) / len(hashes)


def hash_rows(stack: Stack) -> Hashes:
    """Give one hash for each row of the stack, over its compared columns."""
    mixed = np.zeros(stack.n_rows, dtype=np.uint64)
    for values in stack.numbers.values():
        mixed = mix(mixed, pd.util.hash_array(rounded(values)))
    for codes in stack.labels.values():
        mixed = mix(mixed, pd.util.hash_array(codes))
    return mixed


def mix(mixed: Hashes, further: Hashes) -> Hashes:
    """Fold one column's hashes into those of the columns before it."""
    return mixed * np.uint64(0x9E3779B97F4A7C15) + further


def upper_bound(share: float, n: int, z: float = 1.645) -> float:
    """Give the one-sided 95 % upper bound of a share seen in n rows (Wilson)."""
    if n == 0:
        return 1.0
    centre = share + z * z / (2 * n)
    return (centre + z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def _is_common(stack: Stack, rare_below: int) -> NDArray[np.bool_]:
    """Mark the rows whose every value enough entities hold; numbers that hardly repeat are left out of it."""
    common = np.ones(stack.n_rows, dtype=bool)
    for values in (*map(rounded, stack.numbers.values()), *stack.labels.values()):
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        held = stack.owners.count(codes[stack.training], int(codes.max(initial=-1)) + 1) >= rare_below
        if held[codes[stack.training]].mean() >= MIN_REPEATED:
            common &= held[codes]
    return common


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take away what lies beyond six decimals, where a round trip may differ; minus zero is zero."""
    return np.round(values, 6) + 0.0
