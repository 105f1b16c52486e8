"""One long list of codes as two short ones: a coarse group, and a place in it."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth_ops.encode.codec import Codes
from synth_ops.encode.layout import SubColumn
from synth_ops.records import Record

_HEAVY = 4
"""A code with this many times the mass of an even group stands alone."""
_WIDEN = 1.1


class Hierarchy(Record):
    """Codes ``0 .. n_special - 1`` that stand apart, then `n_ordinary` others, in one sub-column or two."""

    n_special: int
    n_ordinary: int
    starts: tuple[int, ...] = ()
    """First ordinary code of each group, where there are two sub-columns."""

    @classmethod
    def fit(cls, mass: NDArray[Any], *, n_special: int, n_flat: int, n_groups: int) -> "Hierarchy":
        """Group the codes of those masses, if there are more than `n_flat`, in at most `n_groups` runs."""
        starts = tuple(group_starts(mass, n_groups)) if len(mass) > n_flat else ()
        return cls(n_special=n_special, n_ordinary=len(mass), starts=starts)

    @property
    def width(self) -> int:
        """Count the sub-columns."""
        return 2 if self.starts else 1

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:
        """Describe ``value``, or ``coarse`` and ``fine``."""
        if not self.starts:
            size = self.n_special + self.n_ordinary
            return (self._sub_column(column, "value", size, self.n_special, None),)
        return (
            self._sub_column(column, "coarse", self.n_special + len(self.starts), self.n_special, None),
            self._sub_column(column, "fine", int(self._lengths.max()), 0, at),
        )

    def split(self, codes: NDArray[Any]) -> Codes:
        """Give the sub-columns of flat codes, ``(n_rows, width)``."""
        if not self.starts:
            return codes.astype(np.int32)[:, None]
        ordinary = np.maximum(codes - self.n_special, 0)
        group = self._group_of[ordinary]
        special = codes < self.n_special
        coarse = np.where(special, codes, group + self.n_special)
        fine = np.where(special, 0, ordinary - self._first[group])
        return np.stack([coarse, fine], axis=1).astype(np.int32)

    def join(self, codes: Codes) -> NDArray[np.int64]:
        """Give the flat codes of sub-columns; a place beyond its group's end is its last."""
        coarse = codes[:, 0].astype(np.int64)
        if not self.starts:
            return np.clip(coarse, 0, self.n_special + self.n_ordinary - 1)
        group = np.clip(coarse - self.n_special, 0, len(self.starts) - 1)
        fine = np.minimum(codes[:, 1], self._lengths[group] - 1)
        return np.where(coarse < self.n_special, coarse, self.n_special + self._first[group] + fine)

    def _sub_column(self, column: str, part: str, size: int, n_special: int, within: int | None) -> SubColumn:
        return SubColumn(column=column, part=part, size=size, n_special=n_special, within=within)

    @cached_property
    def _first(self) -> NDArray[np.int64]:
        return np.array(self.starts, np.int64)

    @cached_property
    def _lengths(self) -> NDArray[np.int64]:
        return np.diff(np.append(self._first, self.n_ordinary))

    @cached_property
    def _group_of(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.starts)), self._lengths)


def group_starts(mass: NDArray[Any], n_groups: int) -> list[int]:
    """Cut a list in at most `n_groups` runs, even in mass and in length, with heavy ones alone.

    >>> group_starts(np.array([1, 1, 1, 1, 1, 1]), 3)
    [0, 2, 4]
    """
    share = mass / mass.sum()
    weights = (0.5 * share + 0.5 / len(mass)).tolist()
    heavy = (share >= _HEAVY / n_groups).tolist()
    most = 1.0 / n_groups
    while len(starts := _greedy(weights, heavy, most)) > n_groups:
        most *= _WIDEN
    return starts


def _greedy(weights: list[float], heavy: list[bool], most: float) -> list[int]:
    starts, held, alone = [], 2.0, True
    for i, (weight, is_heavy) in enumerate(zip(weights, heavy, strict=True)):
        if is_heavy or alone or held + weight > most * (1 + 1e-9):
            starts.append(i)
            held = 0.0
        held += weight
        alone = is_heavy
    return starts
