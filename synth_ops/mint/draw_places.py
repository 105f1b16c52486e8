"""Places on a lattice, drawn without replacement within each of many groups at once."""

from dataclasses import dataclass

import numpy as np

_DENSE = 0.3
"""Share of a group's places, from which on all of them are listed instead of tried."""
_ROUNDS = 40


@dataclass(frozen=True)
class Ranges:
    """How many places each group takes between which ends, and how likely each place is."""

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    edges: np.ndarray
    density: np.ndarray
    week: np.ndarray | None
    """Weight by ``place % 7``, or none."""

    def weight(self, places: np.ndarray) -> np.ndarray:
        """Give how likely each place is; beyond the edges, as likely as beside them."""
        cell = np.clip(np.searchsorted(self.edges, places, side="right") - 1, 0, len(self.density) - 1)
        weight = self.density[cell]
        return weight if self.week is None else weight * self.week[places % len(self.week)]


def draw_places(ranges: Ranges, rng: np.random.Generator) -> np.ndarray:
    """Give each group's places, sorted, one group after the other; ``(sum of counts,)``."""
    n_places = ranges.high - ranges.low + 1
    dense = ranges.counts > _DENSE * n_places
    sparse_codes, sparse_places = _tried(ranges, np.flatnonzero(~dense & (ranges.counts > 0)), rng)
    short = np.bincount(sparse_codes, minlength=len(dense)) < ranges.counts
    listed = np.flatnonzero(dense | (short & ~dense))
    kept = ~np.isin(sparse_codes, listed)
    codes, places = _listed(ranges, listed, rng)
    codes = np.concatenate([codes, sparse_codes[kept]])
    places = np.concatenate([places, sparse_places[kept]])
    return places[np.lexsort((places, codes))]


def _listed(ranges: Ranges, groups: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Take the places with the smallest weighted waiting times: Efraimidis and Spirakis (2006), algorithm A-ES."""
    n_places = (ranges.high - ranges.low + 1)[groups]
    codes = np.repeat(groups, n_places)
    starts = np.repeat(np.cumsum(n_places) - n_places, n_places)
    offset = np.arange(len(codes)) - starts
    places = ranges.low[codes] + offset
    waits = rng.exponential(size=len(codes)) / np.maximum(ranges.weight(places), 1e-12)
    order = np.lexsort((waits, codes))
    chosen = order[offset < ranges.counts[codes]]
    return codes[chosen], places[chosen]


def _tried(ranges: Ranges, groups: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw by the density, and draw again what is taken already."""
    low, mass = _masses(ranges)
    from_, to = (np.interp(e, low, mass) for e in (ranges.low, ranges.high + 1))
    width = int((ranges.high - ranges.low).max(initial=0)) + 1
    found = np.zeros(0, np.int64)
    for _ in range(_ROUNDS):
        have = np.bincount(found // width, minlength=len(ranges.low))
        missing = np.repeat(groups, (ranges.counts - have)[groups])
        if not len(missing):
            break
        at = from_[missing] + rng.random(len(missing)) * (to - from_)[missing]
        places = np.clip(np.floor(np.interp(at, mass, low)).astype(np.int64), ranges.low[missing], ranges.high[missing])
        if ranges.week is not None:
            accepted = rng.random(len(places)) < ranges.week[places % len(ranges.week)]
            missing, places = missing[accepted], places[accepted]
        found = np.unique(np.concatenate([found, missing * width + places - ranges.low[missing]]))
    codes = found // width
    return codes, ranges.low[codes] + found % width


def _masses(ranges: Ranges) -> tuple[np.ndarray, np.ndarray]:
    """Give edges, out to the ends of all groups, and the mass before each."""
    low, high = ranges.low.min(initial=ranges.edges[0]), ranges.high.max(initial=ranges.edges[-1]) + 1
    edges = ranges.edges.astype(float)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges, np.concatenate([[0.0], np.cumsum(np.diff(edges) * ranges.density)])
