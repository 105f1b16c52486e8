"""Counting entities instead of rows: what ten rows of one customer share is that customer's, and no common good."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def enough_to_stay(rare_below: int) -> int:
    """Give the entities that must still hold what the model before kept: half as many as it takes to enter.

    With one threshold for both, a category at its edge would come and go with a single entity, night by night, and who
    laid two copies side by side would learn of it. With two, many must come or go before a copy shows it.

    >>> enough_to_stay(10), enough_to_stay(1)
    (5, 1)
    """
    return -(-rare_below // 2)


def pooled_entities(rare_below: int, n_entities: int) -> int:
    """Give k, such that an ordered column's common range lies between the k-th entity's values from either end.

    >>> pooled_entities(10, 40), pooled_entities(10, 39), pooled_entities(10, 1)
    (10, 9, 1)
    """
    return rare_below if n_entities >= 4 * rare_below else max(1, n_entities // 4)


@dataclass(frozen=True)
class Owners:
    """Whose each of some rows is.

    **Shape**

    - codes: ``(n_rows,)``; from 0 to below `n`, equal for rows of one entity
    """

    codes: NDArray[np.int64]
    n: int
    """Entities that have a row."""

    @classmethod
    def of(cls, ids: NDArray[Any]) -> "Owners":
        """Number the entities of rows."""
        codes, found = pd.factorize(ids)
        return cls(codes.astype(np.int64), len(found))

    @classmethod
    def each(cls, n_rows: int) -> "Owners":
        """Make each row an entity of its own."""
        return cls(np.arange(n_rows), n_rows)

    @cached_property
    def are_distinct(self) -> bool:
        """Tell whether no entity has a second row, so that to count rows is to count entities."""
        return self.n == len(self.codes)

    def where(self, rows: Mask) -> "Owners":
        """Give the owners of the marked rows."""
        if rows.all():
            return self
        return Owners.each(int(rows.sum())) if self.are_distinct else Owners.of(self.codes[rows])

    def count(self, groups: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
        """Count the entities that have a row in each group.

        **Shape**

        - groups: ``(n_rows,)``, in ``range(n_groups)``
        - result: ``(n_groups,)``
        """
        if self.are_distinct:
            return np.bincount(groups, minlength=n_groups)
        pairs = pd.unique(groups.astype(np.int64) * max(self.n, 1) + self.codes)
        return np.bincount(pairs // max(self.n, 1), minlength=n_groups)

    def count_large(self, groups: NDArray[np.int64], sizes: NDArray[np.int64], least: int) -> NDArray[np.int64]:
        """Count the entities of each group that has that many rows; of a smaller one, give its rows.

        It tells which groups have `least` entities, for the work of those alone that may.

        **Shape**

        - sizes, result: ``(n_groups,)``; `sizes` are the rows of each
        """
        may = sizes >= least
        if self.are_distinct or not may.any():
            return sizes.copy()
        rows = may[groups]
        pairs = pd.unique(groups[rows].astype(np.int64) * self.n + self.codes[rows])
        return np.where(may, np.bincount(pairs // self.n, minlength=len(sizes)), sizes)

    def ends(self, places: NDArray[np.int64], k: int) -> tuple[int, int]:
        """Give the least place that k entities have not passed, from below and from above: k from 1 to `n`.

        Each entity counts once on each side, at its outermost row.

        **Shape**

        - places: ``(n_rows,)``, not negative
        """
        if self.are_distinct:
            lows = highs = places
        else:
            lows = np.full(self.n, places.max(initial=0), dtype=np.int64)
            highs = np.zeros(self.n, dtype=np.int64)
            np.minimum.at(lows, self.codes, places)
            np.maximum.at(highs, self.codes, places)
        return int(np.partition(lows, k - 1)[k - 1]), int(np.partition(highs, self.n - k)[self.n - k])

    def firsts(self) -> NDArray[np.int64]:
        """Give the first row of each entity, ascending."""
        return self.codes if self.are_distinct else np.sort(np.unique(self.codes, return_index=True)[1])
