"""How coarsely numbers of a lattice are written, by how large they are: some rows to two decimals, others to three."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synth_ops.records import Record

Index = NDArray[np.int64]

MOST_ZEROS = 6
MIN_ROWS = 500
"""Rows that a magnitude must have to be looked at by itself."""
FINE = 0.98
"""Share of rows of the finest grain from which a column has no other."""


class Grains(Record):
    """Shares of rows that are written to a multiple of 1, 10, 100, ... of the lattice's step."""

    magnitudes: tuple[int, ...]
    """Ascending: decimal digits of the numbers, less one, from which on the shares hold."""
    shares: tuple[tuple[float, ...], ...]
    """Of each magnitude: shares that add up to one, the finest grain first."""

    @classmethod
    def fit(cls, index: Index) -> "Grains | None":
        """Look at the place on a lattice of each row; None where one grain is all."""
        magnitude, zeros = _magnitudes(index), _trailing_zeros(index)
        n_each = np.bincount(magnitude)
        found = {each: _shares(zeros[magnitude == each]) for each in np.flatnonzero(n_each >= MIN_ROWS).tolist()}
        if all(shares[0] > FINE for shares in found.values()):
            return None
        return cls(magnitudes=tuple(found), shares=tuple(found.values()))

    def coarsen(self, index: Index, rng: np.random.Generator) -> Index:
        """Round each place as coarsely as one row of its magnitude in so many is."""
        at = np.clip(np.searchsorted(self._magnitudes, _magnitudes(index), side="right") - 1, 0, None)
        drawn = rng.random(len(index))[:, None] >= self._cumulated[at]
        step = 10 ** drawn.sum(axis=1).astype(np.int64)
        return np.asarray((index + step // 2) // step * step)

    @cached_property
    def _magnitudes(self) -> Index:
        return np.array(self.magnitudes, np.int64)

    @cached_property
    def _cumulated(self) -> NDArray[np.float64]:
        return np.cumsum(np.array(self.shares), axis=1)[:, :-1]


def _magnitudes(index: Index) -> Index:
    return np.floor(np.log10(np.maximum(np.abs(index.astype(np.float64)), 1.0))).astype(np.int64)


def _trailing_zeros(index: Index) -> Index:
    zeros = np.zeros(len(index), np.int64)
    for k in range(1, MOST_ZEROS + 1):
        zeros[index % 10**k == 0] = k
    return zeros


def _shares(zeros: Index) -> tuple[float, ...]:
    """Take from the shares of trailing zeros what finer grains end in by chance: a zero in ten numbers."""
    seen = np.bincount(zeros, minlength=MOST_ZEROS + 1) / len(zeros)
    shares: list[float] = []
    for k in range(MOST_ZEROS):
        by_chance = sum(0.9 * share * 10.0 ** (i - k) for i, share in enumerate(shares))
        shares.append(max(float(seen[k] - by_chance) / 0.9, 0.0))
    shares.append(max(1 - sum(shares), 0.0))
    return tuple(round(share / sum(shares), 3) for share in shares)
