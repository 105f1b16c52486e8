"""Whether the rows that stand apart give away that a model saw them: they are the first that one learns by heart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.privacy.bounds import (
    Bounded,
    auc,
    clopper_pearson,
    detectable_auc,
    highest_by_chance,
    wilson,
)
from synth_ops.measure.privacy.space import Rows, Space, find_nearest, lay_out, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_AUC = 0.60
"""Default limit of the upper bound of `outlier_membership_auc`."""

MAX_TPR = 0.10
"""Default limit of the upper bound of `outlier_membership_tpr`."""

MAX_COPIES_EXCESS = 0.0
"""Default limit of the excess of `outlier_copies` and `lone_copies` over `floor_high`."""

ALPHA = 2.5e-4
"""How often chance passes the floor of either: once in 4,000 nights."""

MIN_OUTLIERS, MAX_OUTLIERS = 300, 500
"""Most isolated rows of each side. The margin of the area takes 263."""

ISOLATED = 0.25
"""Share of the rows of the smaller side that are called isolated, at most."""

N_NEIGHBOURS = 5
N_TOP = 20
"""Rows that are called found: the top 2 % of both sides where each has 500."""

FALSE_POSITIVES = 0.01
MAX_ROWS, MAX_REFERENCE, MAX_LONE, MAX_SYNTHETIC = 50_000, 10_000, 5_000, 50_000
NAMES = ("outlier_membership_auc", "outlier_membership_tpr", "outlier_copies", "lone_copies")


@dataclass(frozen=True)
class Side:
    """The most isolated rows of training or of held-out rows, the first of them first.

    **Shape**

    - rows: ``(m,)`` positions
    - scores: ``(m,)``; high where the copy is nearer than real rows are, at most 0
    """

    rows: Rows
    scores: NDArray[np.float64]


def measure_outliers(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Attack the most isolated rows: how far each is from the copy, by how far it is from other real rows.

    `outlier_membership_auc` and `outlier_membership_tpr` look for them among as many training rows as there are
    held-out ones, so that both are equally isolated. `outlier_copies` looks among all training rows, for a copied one
    must not escape; they are then the more isolated, and further from an honest copy, so that it errs for the copy.
    `lone_copies` holds all held-out rows against as many training rows, those again the most isolated of all.
    """
    m = min(MAX_OUTLIERS, int(ISOLATED * min(len(stack.training), len(stack.holdout))))
    if m < MIN_OUTLIERS or not len(stack.synthetic):
        n = min(len(stack.training), len(stack.holdout))
        needed = int(MIN_OUTLIERS / ISOLATED)
        error = (
            f"there are {n} training and held-out rows each, and {len(stack.synthetic)} synthetic ones; {needed} each"
            f" are needed, for {MIN_OUTLIERS} that are isolated, and a copy"
        )
        yield from (Measure(table=table, name=name, n=m, error=error) for name in NAMES)
        return
    training, holdout = some_of(stack.training, MAX_ROWS, rng), some_of(stack.holdout, MAX_ROWS, rng)
    target = _Target.of(stack, training, holdout, rng)
    others = target.attack(holdout, m)
    yield from _membership(table, target.attack(some_of(training, len(holdout), rng), m), others)
    yield _copies(table, "outlier_copies", target.attack(training, m), others)
    n = min(len(training), len(holdout), MAX_LONE)
    yield _copies(table, "lone_copies", target.attack(training, n), target.attack(holdout, n))


@dataclass(frozen=True)
class _Target:
    """What an attacker holds: where rows lie, how far from others, and the copy."""

    space: Space
    alone: NDArray[np.float64]
    """Mean distance to the nearest of a sample of real rows, by position; NaN where none was measured."""
    exposure: NDArray[np.float64]
    """Rank among real rows of how far a row stands apart, in all its columns or in its numbers, 0 to 1, likewise."""
    copy: Rows

    @classmethod
    def of(cls, stack: Stack, training: Rows, holdout: Rows, rng: np.random.Generator) -> "_Target":
        """Measure how isolated each row is: from a sample of both sides, by one rule."""
        both = np.concatenate([training, holdout])
        reference = some_of(both, MAX_REFERENCE, rng)
        space = lay_out(stack)
        alone = _isolation(space, both, reference)
        ranks = [_ranks(alone)]
        if stack.numbers and stack.labels:
            # Labels alone make many rows lonely, among whom one that is extreme in its numbers would be lost.
            ranks.append(_ranks(_isolation(lay_out(stack, tuple(stack.numbers)), both, reference)))
        return cls(space, alone, np.max(ranks, axis=0), some_of(stack.synthetic, MAX_SYNTHETIC, rng))

    def attack(self, rows: Rows, m: int) -> Side:
        """Score the m most exposed rows: minus their distance to the copy over that to real rows.

        A row that others equal is no one's: it scores as one that the copy is as near to as real rows are.
        """
        chosen = rows[np.argsort(-self.exposure[rows], kind="stable")[:m]]
        distances = find_nearest(self.space, chosen, self.copy).distances[:, 0]
        scale = self.alone[chosen]
        return Side(chosen, -np.divide(distances, scale, out=np.ones(len(chosen)), where=scale > 0))


def _isolation(space: Space, rows: Rows, reference: Rows) -> NDArray[np.float64]:
    """Give each row's mean distance to the five nearest of the reference, by position; NaN elsewhere."""
    alone = np.full(len(space.points), np.nan)
    alone[rows] = find_nearest(space, rows, reference, N_NEIGHBOURS).distances.mean(axis=1)
    return alone


def _ranks(alone: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(alone, nan_policy="omit") / np.isfinite(alone).sum())


def _membership(table: str, members: Side, others: Side) -> Iterator[Measure]:
    m = len(members.rows)
    area = auc(members.scores, others.scores)
    yield _figure(table, "outlier_membership_auc", area, floor=0.5, detectable=detectable_auc(m, m), n=m)
    # As many false positives as a hundredth allows: a tie with the last of them is not above it.
    threshold = np.sort(others.scores)[-int(FALSE_POSITIVES * m) - 1]
    found = wilson(float((members.scores > threshold).mean()), m)
    yield _figure(table, "outlier_membership_tpr", found, floor=FALSE_POSITIVES, n=m)


def _copies(table: str, name: str, members: Side, others: Side) -> Measure:
    """Give the share of training rows among the top of both sides, ties with the last included (Fisher's test)."""
    m = len(members.rows)
    both = np.concatenate([members.scores, others.scores])
    threshold = np.sort(both)[-N_TOP]
    hits = int((members.scores >= threshold).sum())
    n_top = int((both >= threshold).sum())
    found = clopper_pearson(hits, n_top)
    highest = highest_by_chance(n_top, m, m, ALPHA)
    # Judged by what chance passes once in 4,000 nights, for an honest copy is judged every night.
    bounds = {"floor_high": highest / n_top, "detectable": (highest + 1) / n_top}
    return _figure(table, name, found, floor=0.5, n=m, **bounds)


def _figure(table: str, name: str, found: Bounded, **further: float | None) -> Measure:
    return Measure(table=table, name=name, observed=found.value, low=found.low, high=found.high, **further)
