"""Which child gets which parent: slots that parents offer, matched to children of the same label."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth_ops.relate.match import group_ranks

Labels = NDArray[np.object_]


def match_slots(wanted: Labels, offered: Labels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give each child a slot of its own, of its label as far as they go, at random among the rest.

    **Shape**

    - wanted: ``(n,)``; each child's label
    - offered: ``(n,)``; each slot's label
    - result: ``(n,)``; a permutation
    """
    n = len(wanted)
    codes = pd.factorize(np.concatenate([wanted, offered]), use_na_sentinel=False)[0].astype(np.int64)
    children, slots = rng.permutation(n), rng.permutation(n)
    child_codes, slot_codes = codes[:n][children], codes[n:][slots]
    order = np.argsort(slot_codes, kind="stable")
    starts = np.searchsorted(slot_codes[order], np.arange(codes.max(initial=0) + 2))
    ranks = group_ranks(child_codes)
    alike = ranks < (starts[child_codes + 1] - starts[child_codes])
    chosen = np.full(n, -1, dtype=np.int64)
    chosen[children[alike]] = slots[order[starts[child_codes[alike]] + ranks[alike]]]
    left = np.setdiff1d(np.arange(n), chosen[alike_rows(chosen)])
    chosen[children[~alike]] = rng.permutation(left)
    return chosen


def alike_rows(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the children that have a slot already."""
    return np.flatnonzero(chosen >= 0)


def draw_within(
    groups: NDArray[np.int64], parent_groups: NDArray[np.int64], weights: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw for each child a parent of its group, in proportion to the weights; -1 where the group has none.

    **Shape**

    - groups: ``(n_children,)``; negative is a group without parents
    - parent_groups, weights: ``(n_parents,)``; weights are positive
    """
    order = np.argsort(parent_groups, kind="stable")
    ordered = parent_groups[order]
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    low, high = np.searchsorted(ordered, groups, "left"), np.searchsorted(ordered, groups, "right")
    there = (high > low) & (groups >= 0)
    low, high = low[there], high[there]
    drawn = total[low] + rng.random(len(low)) * (total[high] - total[low])
    result = np.full(len(groups), -1, dtype=np.int64)
    result[there] = order[np.clip(np.searchsorted(total, drawn, "right") - 1, low, high - 1)] if len(low) else []
    return result


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
