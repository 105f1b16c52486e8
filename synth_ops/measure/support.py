"""Values that the copy must not hold: beyond the common range, rare in production, or unknown to it.

What is common is told by entities, as the encoder does: what many rows of one customer hold is rare.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack
from synth_ops.owners import Owners, enough_to_stay, pooled_entities

Numbers = NDArray[np.float64]
Labels = Mapping[str, frozenset[str]]
"""Labels by column."""


def measure_ranges(table: str, stack: Stack, k: int) -> Iterator[Measure]:
    """Give the share of each number beyond the values of the k-th entity from either end, of the training rows.

    Nulls do not count, neither here nor below: `n` is the values that the copy has.
    """
    for name, values in stack.numbers.items():
        low, high = common_range(values[stack.training], k, stack.owners)
        yield Measure(
            table=table,
            name="outside_range",
            column=name,
            observed=_outside(values[stack.synthetic], low, high),
            floor=_outside(values[stack.holdout], low, high),
            n=int(np.count_nonzero(~np.isnan(values[stack.synthetic]))),
        )


def common_range(values: Numbers, k: int, owners: Owners | None = None) -> tuple[float, float]:
    """Give the values of the k-th entity from below and from above; of fewer than 4 k entities, of those at a quarter.

    Each entity counts with its outermost value; without `owners`, each value is an entity's own.
    """
    there = ~np.isnan(values)
    present = values[there]
    if not len(present):
        return np.inf, -np.inf
    held = Owners.each(len(present)) if owners is None else owners.where(there)
    distinct, places = np.unique(present, return_inverse=True)
    low, high = held.ends(places.reshape(-1), pooled_entities(k, held.n))
    return float(distinct[low]), float(distinct[high])


def measure_categories(
    table: str, stack: Stack, rare_below: int, shown: Labels, declared: Labels, stayed: Labels | None = None
) -> Iterator[Measure]:
    """Give the share of each label that production does not hold, or holds for too few entities.

    A label that is published anyway (`shown`), for the table it refers to is copied, is not rare; of those that a
    model before kept (`stayed`), half as many entities are enough. Where the type declares its labels (`declared`),
    those and no others may be there.
    """
    for name, codes in stack.labels.items():
        training = _holders(stack, codes, stack.training)
        real = _holders(stack, codes, np.append(stack.training, stack.holdout))
        allowed = _Allowed(stack.words[name], rare_below, shown.get(name), declared.get(name), (stayed or {}).get(name))
        common, pooled = allowed.mark(real), ~allowed.mark(training)
        rare = ~common & (real > 0)
        yield _share_of(table, "unknown_categories", name, stack, ~common & (real == 0), pooled)
        yield _share_of(table, "rare_categories", name, stack, rare, rare)


def _holders(stack: Stack, codes: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the entities that hold each label, among real rows; nulls are left out."""
    present = rows[codes[rows] >= 0]
    return Owners.of(stack.ids[present]).count(codes[present], int(codes.max(initial=-1)) + 1)


class _Allowed(NamedTuple):
    """What decides whether the copy may hold a label of one column."""

    words: tuple[str, ...]
    rare_below: int
    shown: frozenset[str] | None
    declared: frozenset[str] | None
    stayed: frozenset[str] | None

    def mark(self, holders: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mark the labels that so many entities each let the copy hold."""
        if self.declared is not None:
            return self._among(self.declared, len(holders))
        stays = self._among(self.stayed, len(holders)) & (holders >= enough_to_stay(self.rare_below))
        return np.asarray((holders >= self.rare_below) | stays | self._among(self.shown, len(holders)))

    def _among(self, labels: frozenset[str] | None, n: int) -> NDArray[np.bool_]:
        known = labels or frozenset()
        return np.fromiter((w in known for w in self.words[:n]), dtype=bool, count=n)


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
        n=int(np.count_nonzero(codes[stack.synthetic] >= 0)),
    )


def _share(codes: NDArray[np.int64], marked: NDArray[np.bool_]) -> float:
    present = codes[codes >= 0]
    return float(marked[present].mean()) if len(present) else 0.0


def _outside(values: Numbers, low: float, high: float) -> float:
    present = values[~np.isnan(values)]
    # A value that went through decimals or float32 comes back a hair away from where it was clipped.
    slack = 1e-6 * max(abs(low), abs(high), 1e-12) if np.isfinite([low, high]).all() else 0.0
    return float(((present < low - slack) | (present > high + slack)).mean()) if len(present) else 0.0
