"""Counting rows with noise, as often as was paid for and no more."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class NoisyCounter:
    """Counts rows in cells that do not depend on rows, or on noisy counts only, with Gaussian noise on each.

    One row is in one cell of a histogram, so that it changes each by one at most.
    """

    def __init__(self, noise: float, n_histograms: int, rng: np.random.Generator) -> None:
        """Say what was paid for.

        Args:
            noise: standard deviation, in rows.
            n_histograms: how many may be asked for.
            rng: draws the noise; its seed must be secret.
        """
        self.noise, self.n_left, self._rng = noise, n_histograms, rng

    @property
    def least(self) -> float:
        """Rows from which a count stands out of the noise, of any of some hundred cells."""
        return 3 * self.noise

    def count(self, cells: NDArray[Any], n_cells: int) -> Counts:
        """Give the noisy, whole number of rows in each cell.

        **Shape**

        - cells: ``(n_rows,)``, the cell of each row, in ``range(n_cells)``
        - result: ``(n_cells,)``, which may be negative
        """
        self._spend()
        exact = np.bincount(cells, minlength=n_cells)
        return np.rint(exact + self._rng.normal(0.0, self.noise, n_cells)).astype(np.int64)

    def threshold(self, failure: float) -> int:
        """Give the noisy count from which a name may be kept that is known from rows only.

        A name that one row alone holds reaches it with probability `failure` at most (partition selection, Korolova et
        al. 2009, with Gaussian noise).
        """
        from scipy.special import ndtri  # scipy takes a while to load

        # Half a row more, for what is rounded up must have been there without that.
        return math.ceil(1.5 - self.noise * float(ndtri(failure)))

    def _spend(self) -> None:
        if self.n_left <= 0:
            raise AssertionError("a histogram was asked for that is not paid for")  # ours to mend, and never to go on
        self.n_left -= 1
