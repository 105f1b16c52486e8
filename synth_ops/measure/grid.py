"""The bins that real and synthetic values share, laid out on the training rows alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.stack import Stack

Codes = NDArray[np.int16]


def bin_stack(stack: Stack, n_bins: int, n_labels: int, rare_below: int) -> dict[str, Codes]:
    """Give each compared column as codes in ``range(max(n_bins, n_labels) + 2)``, one for each row of the stack."""
    numbers = {name: bin_numbers(values, stack.training, n_bins) for name, values in stack.numbers.items()}
    labels = {name: bin_labels(codes, stack.training, n_labels, rare_below) for name, codes in stack.labels.items()}
    return numbers | labels


def bin_numbers(values: NDArray[np.float64], training: NDArray[np.int64], n_bins: int) -> Codes:
    """Bin by the training rows' quantiles, or by value where there are few; null has a bin of its own, the last."""
    null = np.isnan(values)
    edges = bin_edges(values[training], n_bins)
    codes = np.searchsorted(edges, values, side="right").astype(np.int16)
    codes[null] = n_bins + 1
    return codes


def bin_edges(seen: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Give at most `n_bins` values that training rows hold, each the first of its bin."""
    ordered = np.sort(seen[~np.isnan(seen)])
    distinct = np.unique(ordered)
    if len(distinct) <= n_bins:
        return distinct
    # Values themselves, not points between them: infinities stay finite bins, and a point mass keeps its own.
    return np.unique(ordered[np.arange(n_bins) * len(ordered) // n_bins])


def bin_labels(codes: NDArray[np.int64], training: NDArray[np.int64], n_labels: int, rare_below: int) -> Codes:
    """Keep the commonest labels of the training rows; all others share one bin, and nulls have another."""
    counts = count_labels(codes, training)
    ranked = np.argsort(-counts, kind="stable")[:n_labels]
    bins = np.full(len(counts) + 1, n_labels, dtype=np.int16)
    kept = ranked[counts[ranked] >= rare_below]
    bins[kept] = np.arange(len(kept))
    bins[-1] = n_labels + 1
    return bins[codes]


def count_labels(codes: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count each label among the rows; nulls are left out."""
    n_labels = int(codes.max(initial=-1)) + 1
    seen = codes[rows]
    return np.bincount(seen[seen >= 0], minlength=n_labels)


def rows_of(codes: Mapping[str, Codes], rows: NDArray[np.int64]) -> dict[str, Codes]:
    """Give each column's codes of some rows."""
    return {name: column[rows] for name, column in codes.items()}


def shuffled(codes: Mapping[str, Codes], rows: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Codes]:
    """Give each column's codes of some rows, each column in an order of its own: what has no relation left."""
    return {name: rng.permutation(column) for name, column in rows_of(codes, rows).items()}
