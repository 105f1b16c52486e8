"""How many children a parent has: the real distribution, smoothed, put on the model's ranks."""

import numpy as np
from numpy.typing import NDArray

from synth_ops.records import Record

EVEN_SPREAD = 0.25
"""Coefficient of variation up to which a pooled tail counts as even, and above which as log-normal."""
MAX_VARIATION = 3.0
"""Coefficient of variation that a tail is given at most."""


class DegreeGroup(Record):
    """Parents of about the same number of children, pooled."""

    share: float
    """Of all parents."""
    low: float
    high: float
    """Degrees lie evenly between `low` and `high`."""
    excess: float = 0.0
    """Where positive, degrees lie beyond `low`, log-normally, by this much in the mean."""
    spread: float = 0.0
    """Standard deviation of the excess's logarithm."""


class DegreeSpec(Record):
    """The distribution of children per parent; no group but the whole tail holds fewer than `rare_below` parents."""

    groups: tuple[DegreeGroup, ...]
    """In ascending order of degree."""

    @classmethod
    def of(cls, degrees: NDArray[np.int64], *, rare_below: int) -> "DegreeSpec":
        """Describe real degrees, with those of the smallest and largest parents pooled."""
        n = max(len(degrees), 1)
        positive = np.sort(degrees[degrees > 0])
        n_body = max(len(positive) - rare_below, 0)
        *pools, last = _pools(positive[:n_body], rare_below)
        tail = np.append(last, positive[n_body:])
        groups = [DegreeGroup(share=1 - len(positive) / n, low=0, high=0)] if len(positive) < n else []
        groups += [_group(values, n) for values in pools]
        if len(tail):
            groups.append(_tail(tail, float(pools[-1][-1]) if pools else 1.0, n))
        return cls(groups=tuple(groups))

    def quantiles(self, n_parents: int) -> NDArray[np.int64]:
        """Give the degrees of `n_parents` parents, ascending."""
        counts = round_to_total(np.array([g.share for g in self.groups]) * n_parents, n_parents)
        pieces = [_spread(g, int(c)) for g, c in zip(self.groups, counts, strict=True)]
        exact = np.concatenate([*pieces, np.zeros(0)])
        floor = (exact > 0).astype(np.int64)
        return np.sort(np.maximum(np.diff(np.round(np.cumsum(exact)), prepend=0.0).astype(np.int64), floor))


def calibrate(
    spec: DegreeSpec, scores: NDArray[np.float64], n_children: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each parent a degree from the real distribution, by the rank of its score, `n_children` in all.

    **Shape**

    - scores: ``(n_parents,)``; what the model sampled
    - result: ``(n_parents,)``; sums to `n_children` wherever there is a parent
    """
    degrees = np.zeros(len(scores), dtype=np.int64)
    if len(scores) == 0:
        return degrees
    order = np.lexsort((rng.random(len(scores)), np.nan_to_num(scores)))
    degrees[order] = _to_total(spec.quantiles(len(scores)), n_children)
    return degrees


def round_to_total(exact: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Round numbers down, and give what `total` still lacks to the largest remainders."""
    whole = np.floor(exact).astype(np.int64)
    lacking = total - int(whole.sum())
    if len(exact) and lacking > 0:
        largest = np.argsort(whole - exact, kind="stable")
        whole += np.bincount(largest[np.arange(lacking) % len(exact)], minlength=len(exact))
    for _ in range(-lacking):
        whole[np.argmax(whole)] -= 1
    return whole


def _pools(body: NDArray[np.int64], rare_below: int) -> list[NDArray[np.int64]]:
    """Cut ascending degrees into runs of one value; pool neighbours where a run would be rare, the last pool aside."""
    pools: list[NDArray[np.int64]] = []
    pool = body[:0]
    for value, count in zip(*np.unique(body, return_counts=True), strict=True):
        frequent = count >= rare_below
        # A frequent value takes the rare ones below it along, or it would be blurred by them.
        pool = np.full(len(pool) + count, value) if frequent else np.append(pool, np.full(count, value))
        if len(pool) >= rare_below:
            pools.append(pool)
            pool = body[:0]
    return [*pools, pool]


def _group(values: NDArray[np.int64], n: int) -> DegreeGroup:
    half = float(np.sqrt(3) * values.std())
    mean = float(values.mean())
    return DegreeGroup(share=len(values) / n, low=max(mean - half, 1.0), high=mean + half)


def _tail(tail: NDArray[np.int64], threshold: float, n: int) -> DegreeGroup:
    """Pool the largest degrees: even where they hardly differ, else log-normal beyond the threshold."""
    if tail.std() <= EVEN_SPREAD * tail.mean():
        return _group(tail, n)
    excess = float(tail.mean()) - threshold
    variation = min(float(tail.std()) / excess, MAX_VARIATION)
    spread = float(np.sqrt(np.log1p(variation**2)))
    return DegreeGroup(share=len(tail) / n, low=threshold, high=threshold, excess=excess, spread=spread)


def _spread(group: DegreeGroup, n: int) -> NDArray[np.float64]:
    """Place `n` degrees within the group, at plotting positions that keep its mean."""
    from scipy.special import ndtri  # scipy takes a while to load, and only sampling needs it

    if n == 0:
        return np.zeros(0)
    positions = (np.arange(n) + 0.5) / n
    if group.excess <= 0:
        return group.low + (group.high - group.low) * positions
    beyond = np.exp(group.spread * ndtri(positions))
    return np.asarray(group.low + group.excess * beyond / beyond.mean())


def _to_total(degrees: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Bring ascending degrees to a wanted sum: a small gap by the largest few alone, a large one by scaling all."""
    gap = total - int(degrees.sum())
    if gap == 0:
        return degrees
    if degrees.sum() == 0:
        return round_to_total(np.full(len(degrees), total / len(degrees)), total)
    from_top = np.cumsum(degrees[::-1])
    n_top = int(np.searchsorted(from_top, 5 * abs(gap))) + 1
    chosen = degrees[-n_top:]
    scaled = round_to_total(chosen * ((chosen.sum() + gap) / chosen.sum()), int(chosen.sum() + gap))
    return np.concatenate([degrees[:-n_top], scaled])
