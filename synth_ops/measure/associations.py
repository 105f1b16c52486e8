"""How strongly pairs of columns go together, from their joint distributions on bins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True)
class Sides:
    """Which column of each pair is ordered.

    **Shape**

    - first, second: ``(n_pairs,)``; True for numbers, False for labels
    """

    first: NDArray[np.bool_]
    second: NDArray[np.bool_]


def associations(joint: Shares, sides: Sides) -> Shares:
    """Give Spearman's correlation of two numbers, Cramér's V of two labels, and the correlation ratio of one of each.

    A number's rank is its bin's; a bin of nulls, the last of both axes, is left out of numbers.

    **Shape**

    - joint: ``(n_pairs, n_bins, n_bins)``
    - result: ``(n_pairs,)``; -1 to 1 for two numbers, else 0 to 1
    """
    ordered, mixed = sides.first & sides.second, sides.first ^ sides.second
    found = cramers_v(joint)
    if ordered.any():
        found[ordered] = _spearman(_present(_present(joint[ordered], 1), 2))
    if mixed.any():
        turned = np.where(sides.second[mixed][:, None, None], joint[mixed], joint[mixed].transpose(0, 2, 1))
        found[mixed] = _correlation_ratio(_present(turned, 2))
    return found


def cramers_v(joint: Shares) -> Shares:
    """Give Cramér's V of each table of shares: 0 for independent columns, 1 for columns that determine each other."""
    rows, columns = joint.sum(2), joint.sum(1)
    expected = rows[:, :, None] * columns[:, None, :]
    chi = np.where(expected > 0, (joint - expected) ** 2 / np.maximum(expected, TINY), 0.0).sum((1, 2))
    narrow = np.minimum((rows > 0).sum(1), (columns > 0).sum(1)) - 1
    return np.asarray(np.sqrt(np.clip(chi / np.maximum(narrow, 1), 0, 1)))


def mutual_information(joint: Shares) -> Shares:
    """Give the mutual information of each table of shares over the smaller entropy: 0 to 1."""
    rows, columns = joint.sum(2), joint.sum(1)
    expected = rows[:, :, None] * columns[:, None, :]
    shared = np.where(joint > 0, joint * np.log(np.maximum(joint, TINY) / np.maximum(expected, TINY)), 0.0).sum((1, 2))
    smaller = np.minimum(_entropy(rows), _entropy(columns))
    return np.asarray(np.clip(shared / np.maximum(smaller, TINY), 0, 1) * (smaller > TINY))


def _entropy(shares: Shares) -> Shares:
    return np.asarray(-(shares * np.log(np.maximum(shares, TINY))).sum(1))


def _present(joint: Shares, axis: int) -> Shares:
    """Leave out the nulls of an axis."""
    kept = joint[:, :-1] if axis == 1 else joint[:, :, :-1]
    return np.asarray(kept / np.maximum(kept.sum((1, 2), keepdims=True), TINY))


def _ranks(shares: Shares) -> Shares:
    """Give each bin's rank, centred: the middle of its place among all rows."""
    middle = np.cumsum(shares, 1) - shares / 2
    return np.asarray(middle - (middle * shares).sum(1, keepdims=True))


def _spearman(joint: Shares) -> Shares:
    rows, columns = joint.sum(2), joint.sum(1)
    a, b = _ranks(rows), _ranks(columns)
    covariance = np.einsum("pij,pi,pj->p", joint, a, b)
    spread = (rows * a**2).sum(1) * (columns * b**2).sum(1)
    return np.asarray(np.where(spread > TINY, covariance / np.sqrt(np.maximum(spread, TINY)), 0.0))


def _correlation_ratio(joint: Shares) -> Shares:
    """Give how much of a number's spread of ranks, on the last axis, the label on the other explains."""
    labels, numbers = joint.sum(2), joint.sum(1)
    ranks = _ranks(numbers)
    means = np.einsum("pij,pj->pi", joint, ranks) / np.maximum(labels, TINY)
    total = (numbers * ranks**2).sum(1)
    between = (labels * means**2).sum(1)
    return np.asarray(np.sqrt(np.where(total > TINY, np.clip(between / np.maximum(total, TINY), 0, 1), 0.0)))
