"""What counting alone says of each sub-column: which codes are outcomes of their own, and where the rest lie.

An ordinal sub-column of many codes is modelled as a continuous one: a mixture over the ranks of its codes. A code that
rows favour over its neighbours (zero, a round price, null) has no place in a density, and is an outcome of its own.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from synth_ops.encode.layout import Layout, SubColumn

FEW_CODES = 96
"""Ordinal codes up to which each is an outcome of its own: enough rows are seen of each to learn it sharply."""
MOST_ALONE = 384
_WINDOW = 4
"""Neighbours on each side that a code is compared with."""
_SPIKE = 3.0
"""Times the median of its neighbours that makes a code an outcome of its own."""
_RAGGED = 0.2
"""Mean relative distance from the neighbours' median, beyond what chance makes, of a column without a density."""
_LEAST_ROWS, _LEAST_SHARE = 20, 0.0005
"""Rows that a code must have to be an outcome of its own."""
_FAR = 60.0
"""Where the logistic axis ends: no float32 probability lies beyond."""


@dataclass(frozen=True)
class Marginal:
    """One sub-column and how often each of its codes occurs."""

    sub_column: SubColumn
    counts: Tensor
    """``(size,)`` rows of each code."""

    @property
    def size(self) -> int:
        return self.sub_column.size

    @cached_property
    def alone(self) -> Tensor:
        """Give the codes that are outcomes of their own, in order."""
        if not self.sub_column.ordinal or self.size - self.sub_column.n_special <= FEW_CODES:
            return torch.arange(self.size)
        n_special = self.sub_column.n_special
        ordinary = _alone(self.counts[n_special:].double()) + n_special
        return torch.cat([torch.arange(n_special), ordinary])

    @property
    def is_mixed(self) -> bool:
        """Whether a mixture models some codes."""
        return len(self.alone) < self.size

    @cached_property
    def between(self) -> Tensor:
        """Give the codes that a mixture models, in order."""
        is_between = torch.ones(self.size, dtype=torch.bool)
        is_between[self.alone] = False
        return is_between.nonzero()[:, 0]

    @cached_property
    def outcomes(self) -> Tensor:
        """Give ``(size,)``: each code's outcome; ``len(alone)`` stands for the whole mixture."""
        outcomes = torch.full((self.size,), len(self.alone))
        outcomes[self.alone] = torch.arange(len(self.alone))
        return outcomes

    @cached_property
    def cells(self) -> Tensor:
        """Give ``(size,)``: each code's place among those that the mixture models; 0 for the others."""
        cells = torch.zeros(self.size, dtype=torch.long)
        cells[self.between] = torch.arange(len(self.between))
        return cells

    @cached_property
    def edges(self) -> Tensor:
        """Give ``(n_cells + 1,)`` edges of the mixture's cells: cumulated shares on the logistic axis.

        There a standard logistic density is the marginal itself.
        """
        mass = self.counts[self.between].double() + 0.5
        edges = torch.logit(torch.cumsum(mass, 0) / mass.sum())
        edges = torch.cat([edges.new_tensor([-_FAR]), edges])
        edges[-1] = _FAR
        return edges.float()

    @property
    def n_outcomes(self) -> int:
        """Count the outcomes, the mixture's among them."""
        return len(self.alone) + self.is_mixed

    @cached_property
    def outcome_counts(self) -> Tensor:
        """Give the rows of each outcome."""
        alone = self.counts[self.alone]
        return torch.cat([alone, self.counts[self.between].sum()[None]]) if self.is_mixed else alone


def marginals_of(layout: Layout, counts: Tensor) -> tuple[Marginal, ...]:
    """Split ``(n_codes,)`` counts of all sub-columns' codes among them."""
    pieces = counts.split(list(layout.sizes)) if layout.sizes else ()
    return tuple(Marginal(s, c) for s, c in zip(layout.sub_columns, pieces, strict=True))


def count_codes(rows: Tensor, layout: Layout) -> Tensor:
    """Give how often each code of each sub-column occurs, ``(n_codes,)``."""
    counts = [torch.bincount(rows[:, i].long(), minlength=size) for i, size in enumerate(layout.sizes)]
    return torch.cat([*counts, torch.zeros(0, dtype=torch.long)]).float()


def _alone(counts: Tensor) -> Tensor:
    """Give the ordinary codes that a smooth density misses: spikes, and of a ragged column all that are common."""
    around = _neighbours_median(counts)
    is_spike = counts > _SPIKE * around
    calm, nearby = counts[~is_spike], around[~is_spike]
    by_chance = calm.clamp(min=1).sqrt().sum()  # about the distance of Poisson counts from the median of eight others
    is_ragged = float((calm - nearby).abs().sum() - by_chance) > _RAGGED * float(calm.sum())
    is_common = counts >= max(_LEAST_ROWS, _LEAST_SHARE * float(counts.sum()))
    chosen = is_common & (is_spike | is_ragged)
    ranked = torch.argsort(-counts * chosen, stable=True)[: min(MOST_ALONE, int(chosen.sum()))]
    return ranked.sort().values


def _neighbours_median(counts: Tensor) -> Tensor:
    padded = functional.pad(counts[None, None], (_WINDOW, _WINDOW), mode="replicate")[0, 0]
    windows = padded.unfold(0, 2 * _WINDOW + 1, 1)
    return torch.cat([windows[:, :_WINDOW], windows[:, _WINDOW + 1 :]], 1).quantile(0.5, dim=1)
