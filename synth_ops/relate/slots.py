"""Which child gets which parent: slots that parents offer, matched to children of the same label."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth_ops.relate.match import group_ranks

Labels = NDArray[np.object_]
Levels = Sequence[NDArray[np.int64]]
"""Codes of the same children or slots, from the most to the least exacting."""


def match_slots(wanted: Labels, offered: Labels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give each child a slot of its own, of its label as far as they go, at random among the rest.

    **Shape**

    - wanted: ``(n,)``; each child's label
    - offered: ``(n,)``; each slot's label
    - result: ``(n,)``; a permutation
    """
    codes = pd.factorize(np.concatenate([wanted, offered]), use_na_sentinel=False)[0].astype(np.int64)
    n = len(wanted)
    return match_by_levels([codes[:n], np.zeros(n, np.int64)], [codes[n:], np.zeros(n, np.int64)], rng)


def match_by_levels(wanted: Levels, offered: Levels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give each child a slot that agrees on the first level; to who is left over, one that agrees on the next.

    **Shape**

    - wanted, offered: per level ``(n,)``; on the last level each code is wanted as often as it is offered
    - result: ``(n,)``; a permutation
    """
    n = len(wanted[0])
    chosen = np.full(n, -1, dtype=np.int64)
    children, slots = rng.permutation(n), rng.permutation(n)
    for mine, theirs in zip(wanted, offered, strict=True):
        given, taken = _match(mine[children], theirs[slots])
        chosen[children[given]] = slots[taken]
        children, slots = np.delete(children, given), np.delete(slots, taken)
    return chosen


def slots_within(
    groups: NDArray[np.int64], parent_groups: NDArray[np.int64], weights: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give as many slots in each group as it has children, parents in proportion to their weights.

    **Shape**

    - groups: ``(n_children,)``; each has parents
    - parent_groups, weights: ``(n_parents,)``; weights are positive
    - result: ``(n_children,)``; parents' rows
    """
    parents = rng.permutation(len(parent_groups))
    parents = parents[np.argsort(parent_groups[parents], kind="stable")]
    of = parent_groups[parents]
    n_groups = int(max(of.max(initial=-1), groups.max(initial=-1))) + 1
    n_wanted = np.bincount(groups, minlength=n_groups)
    total = np.bincount(of[of >= 0], weights[parents][of >= 0], n_groups)
    share = np.where(of >= 0, (n_wanted / np.maximum(total, np.finfo(float).tiny))[of] * weights[parents], 0.0)
    # The running sum is whole at the end of each group, so rounding it keeps every group's number.
    counts = np.diff(np.round(np.cumsum(share), 6).round(), prepend=0.0).astype(np.int64)
    return np.repeat(parents, counts)


def _match(mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair children and slots of the same code, in order, as far as both go."""
    order = np.argsort(theirs, kind="stable")
    starts = np.searchsorted(theirs[order], np.arange(max(mine.max(initial=-1), theirs.max(initial=-1)) + 2))
    ranks = group_ranks(mine)
    given = np.flatnonzero(ranks < starts[mine + 1] - starts[mine])
    return given, order[starts[mine[given]] + ranks[given]]


def cycle_rows(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give one row of each cycle of rows that point at each other; a row that points at itself is none.

    **Shape**

    - parent: ``(n_rows,)``, -1 where there is none
    """
    n = len(parent)
    ahead = np.append(np.where(parent == np.arange(n), -1, parent), -1)
    ahead[ahead < 0] = n
    for _ in range(max(n, 1).bit_length()):
        ahead = ahead[ahead]
    # Whoever has not left after more than n steps stands in a cycle.
    on_cycle = np.unique(ahead[ahead < n])
    lowest = np.append(np.arange(n), n)
    step = np.append(np.where(parent < 0, n, parent), n)
    for _ in range(max(n, 1).bit_length()):
        lowest = np.minimum(lowest, lowest[step])
        step = step[step]
    return np.asarray(on_cycle[lowest[on_cycle] == on_cycle])


def plant_forest(
    roots: NDArray[np.bool_], degrees: NDArray[np.int64], wanted: Labels, own: Labels, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each row but the roots a parent in its own table, so that no row is its own ancestor.

    Level by level: rows with children of their own come among each level's, at least one while there are any, so
    that slots never run out. `degrees` sum to the number of rows that are not roots.

    **Shape**

    - all: ``(n_rows,)``; result: the parent's row, -1 for roots
    """
    parent = np.full(len(roots), -1, dtype=np.int64)
    inner = rng.permutation(np.flatnonzero(~roots & (degrees > 0)))
    leaves = rng.permutation(np.flatnonzero(~roots & (degrees == 0)))
    level = np.flatnonzero(roots)
    placed = [level]
    while len(inner) or len(leaves):
        slots = np.repeat(level, degrees[level])
        if len(slots) == 0:
            # Roots without children: the rest hangs on any row that is placed.
            slots = rng.choice(np.concatenate(placed), size=1)
        n_next = min(len(slots), len(inner) + len(leaves))
        n_inner = _n_inner(n_next, len(inner), len(leaves))
        level = np.concatenate([inner[:n_inner], leaves[: n_next - n_inner]])
        inner, leaves = inner[n_inner:], leaves[n_next - n_inner :]
        slots = rng.permutation(slots)[:n_next]
        parent[level] = slots[match_slots(wanted[level], own[slots], rng)]
        placed.append(level)
    return parent


def _n_inner(n: int, n_inner: int, n_leaves: int) -> int:
    """Give how many of a level's rows shall have children: the share that is left, but never none."""
    share = round(n * n_inner / (n_inner + n_leaves))
    return int(np.clip(share, max(min(1, n_inner), n - n_leaves), min(n, n_inner)))
