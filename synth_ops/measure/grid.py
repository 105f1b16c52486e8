"""The bins that real and synthetic values share, laid out on the training rows alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.stack import Stack
from synth_ops.settings import n_threads
from synth_ops.shards import in_order

Codes = NDArray[np.int16]


def bin_stack(stack: Stack, n_bins: int, n_labels: int, rare_below: int) -> dict[str, Codes]:
    """Give each compared column as codes in ``range(max(n_bins, n_labels) + 2)``, one for each row of the stack.

    Several figures ask for the same bins; they are made once.
    """
    bins = (n_bins, n_labels, rare_below)
    if bins not in stack.binned:
        labels = {name: bin_labels(codes, stack.training, n_labels, rare_below) for name, codes in stack.labels.items()}
        stack.binned[bins] = bin_all_numbers(stack, n_bins) | labels
    return stack.binned[bins]


def bin_all_numbers(stack: Stack, n_bins: int) -> dict[str, Codes]:
    """Bin each column of numbers, several at a time: looking up millions of values is most of what bins cost."""
    binned = in_order(lambda values: bin_numbers(values, stack.training, n_bins), stack.numbers.values(), n_threads())
    return dict(zip(stack.numbers, (codes for codes, _ in binned), strict=True))


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
    is_first = np.concatenate([np.ones(min(len(ordered), 1), dtype=bool), ordered[1:] != ordered[:-1]])
    if np.count_nonzero(is_first) <= n_bins:
        return np.asarray(ordered[is_first])
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
