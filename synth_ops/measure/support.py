"""Values that the copy must not hold: beyond the common range, rare in production, or unknown to it."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.grid import count_labels
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Numbers = NDArray[np.float64]
Labels = Mapping[str, frozenset[str]]
"""Labels by column."""


def measure_ranges(table: str, stack: Stack, k: int) -> Iterator[Measure]:
    """Give the share of each number beyond the k-th smallest and k-th largest of the training rows."""
    for name, values in stack.numbers.items():
        low, high = common_range(values[stack.training], k)
        yield Measure(
            table=table,
            name="outside_range",
            column=name,
            observed=_outside(values[stack.synthetic], low, high),
            floor=_outside(values[stack.holdout], low, high),
            n=len(stack.synthetic),
        )


def common_range(values: Numbers, k: int) -> tuple[float, float]:
    """Give the k-th smallest and the k-th largest value; of fewer than 4 k values, the quartiles."""
    ordered = np.sort(values[~np.isnan(values)])
    if not len(ordered):
        return np.inf, -np.inf
    k = k if len(ordered) >= 4 * k else max(1, len(ordered) // 4)
    return float(ordered[k - 1]), float(ordered[-k])


def measure_categories(table: str, stack: Stack, rare_below: int, shown: Labels, declared: Labels) -> Iterator[Measure]:
    """Give the share of each label that production does not hold, or holds for too few rows.

    A label that is published anyway (`shown`), for the table it refers to is copied, is not rare. Where the type
    declares its labels (`declared`), those and no others may be there.
    """
    for name, codes in stack.labels.items():
        training = count_labels(codes, stack.training)
        real = training + count_labels(codes, stack.holdout)
        common = _may_show(name, stack, real, rare_below, shown, declared)
        pooled = ~_may_show(name, stack, training, rare_below, shown, declared)
        rare = ~common & (real > 0)
        yield _share_of(table, "unknown_categories", name, stack, ~common & (real == 0), pooled)
        yield _share_of(table, "rare_categories", name, stack, rare, rare)


def _may_show(
    name: str, stack: Stack, counts: NDArray[np.int64], rare_below: int, shown: Labels, declared: Labels
) -> NDArray[np.bool_]:
    """Mark the labels that the copy may hold."""
    words = stack.words[name][: len(counts)]
    if name in declared:
        return np.fromiter((w in declared[name] for w in words), dtype=bool, count=len(counts))
    published = shown.get(name, frozenset())
    known = np.fromiter((w in published for w in words), dtype=bool, count=len(counts))
    return np.asarray((counts >= rare_below) | known)


def _share_of(
    table: str, name: str, column: str, stack: Stack, marked: NDArray[np.bool_], pooled: NDArray[np.bool_]
) -> Measure:
    """Give the share of marked labels in the copy; its floor is the held-out rows' share of what is pooled."""
    codes = stack.labels[column]
    return Measure(
        table=table,
        name=name,
        column=column,
        observed=_share(codes[stack.synthetic], marked),
        floor=_share(codes[stack.holdout], pooled),
        n=len(stack.synthetic),
    )


def _share(codes: NDArray[np.int64], marked: NDArray[np.bool_]) -> float:
    present = codes[codes >= 0]
    return float(marked[present].mean()) if len(present) else 0.0


def _outside(values: Numbers, low: float, high: float) -> float:
    present = values[~np.isnan(values)]
    # A value that went through decimals or float32 comes back a hair away from where it was clipped.
    slack = 1e-6 * max(abs(low), abs(high), 1e-12) if np.isfinite([low, high]).all() else 0.0
    return float(((present < low - slack) | (present > high + slack)).mean()) if len(present) else 0.0
