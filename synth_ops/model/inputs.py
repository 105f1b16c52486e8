"""What a network sees of a code: a learned vector, and where codes have an order, their place in it."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.marginals import Marginal

N_BASIS = 16
"""Fixed features of an ordinal code's place among its neighbours."""
MANY_ROWS = 20
"""Training rows from which a day is told from its neighbours."""
_SMALL, _LARGE = 0.03, 0.3


class CodeInputs(nn.Module):
    """One vector for each code of each sub-column.

    A vector has a free part, learned for the code, and for ordinal codes a part that is a smooth function of the code's
    rank among the training rows. Codes that a mixture models share one free part: with parts of their own, single rows
    would be learned by heart. Days that many rows fall on are the exception: what a day was like, a storm or a sale, is
    said by no smooth function of its rank.

    **Shape**

    - Input: ``(n_rows, n_sub_columns)`` codes
    - Output: ``(n_rows, d_out)``, the vectors side by side; a sub-column of few outcomes has a short one
    """

    owners: Tensor
    """``(d_out,)``: the sub-column that each number speaks of."""
    kept: Tensor
    offsets: Tensor
    free_rows: Tensor
    basis: Tensor
    ordinal: Tensor
    basis_offsets: Tensor

    def __init__(self, marginals: Sequence[Marginal], d_embedding: int, *, own_days: bool) -> None:
        super().__init__()
        self.parts = [parts_of(m, own_days=own_days) for m in marginals]
        """Of each sub-column, the free part that each code has: ``(size,)``."""
        self.n_parts = [int(parts.max()) + 1 for parts in self.parts]
        self.d_embedding = d_embedding
        self.widths = [width_of(m, d_embedding) for m in marginals]
        ordinal = [i for i, m in enumerate(marginals) if m.sub_column.ordinal]
        basis = [_basis(marginals[i]) for i in ordinal]
        n_free = torch.tensor(self.n_parts)
        starts = torch.cumsum(n_free, 0) - n_free
        free_rows = [parts + start for parts, start in zip(self.parts, starts, strict=True)]
        longer = [(d_embedding / w) ** 0.5 for w in self.widths]  # so that a short vector says no less
        scales = [k * _free_scales(m, n) for m, n, k in zip(marginals, self.n_parts, longer, strict=True)]
        n_wide = len(marginals) * d_embedding
        places = torch.arange(n_wide).view(len(marginals), d_embedding)
        self._buffer("kept", torch.cat([place[:w] for place, w in zip(places, self.widths, strict=True)]))
        self._buffer("owners", torch.arange(len(marginals)).repeat_interleave(torch.tensor(self.widths)))
        self._buffer("offsets", _starts([m.size for m in marginals]))
        self._buffer("free_rows", torch.cat(free_rows))
        self._buffer("basis", torch.cat([*basis, torch.zeros(0, N_BASIS)]))
        self._buffer("ordinal", torch.tensor(ordinal, dtype=torch.long))
        self._buffer("basis_offsets", _starts([len(b) for b in basis]))
        self.free = nn.Parameter(torch.randn(int(n_free.sum()), d_embedding) * torch.cat(scales))
        smooth = torch.tensor([0.3 * longer[i] for i in ordinal]).view(-1, 1, 1)
        self.smooth = nn.Parameter(torch.randn(len(ordinal), N_BASIS, d_embedding) * smooth)

    def forward(self, codes: Tensor) -> Tensor:
        vectors = functional.embedding(self.free_rows[codes + self.offsets], self.free)
        if len(self.ordinal):
            features = functional.embedding(codes[:, self.ordinal] + self.basis_offsets, self.basis)
            with torch.autocast(codes.device.type, enabled=False):  # a place among a thousand needs its digits
                smooth = torch.einsum("ncb,cbd->ncd", features, self.smooth)
            vectors = vectors.index_add(1, self.ordinal, smooth)
        wide = vectors.flatten(1)
        return wide if len(self.kept) == wide.shape[1] else wide.index_select(1, self.kept)

    def tables(self) -> list[Tensor]:
        """Give the vectors of each sub-column's codes, ``(size, width)`` each."""
        ends = [*self.offsets.tolist(), len(self.free_rows)]
        tables = [self.free[self.free_rows[a:b]] for a, b in pairwise(ends)]
        for place, i in enumerate(self.ordinal.tolist()):
            start = int(self.basis_offsets[place])
            tables[i] = tables[i] + self.basis[start : start + len(tables[i])] @ self.smooth[place]
        return [table[:, :width] for table, width in zip(tables, self.widths, strict=True)]

    def _buffer(self, name: str, value: Tensor) -> None:
        """Keep what follows from the counts on the network's device, and out of its file."""
        self.register_buffer(name, value, persistent=False)


def width_of(marginal: Marginal, d_embedding: int) -> int:
    """Give how many numbers a code becomes: no more than there are outcomes, for those tell as much."""
    return d_embedding if marginal.is_mixed else min(d_embedding, marginal.size)


def parts_of(marginal: Marginal, *, own_days: bool) -> Tensor:
    """Give the free part of each code, ``(size,)``: its outcome's, or of a day of many rows its own."""
    parts = marginal.outcomes.clone()
    if own_days and marginal.sub_column.part == "day":
        days = marginal.between[marginal.counts[marginal.between] >= MANY_ROWS]
        parts[days] = torch.arange(len(days)) + marginal.n_outcomes
    return parts


def _free_scales(marginal: Marginal, n_parts: int) -> Tensor:
    """Give the spread of the first free parts, ``(n_parts, 1)``: small where the smooth part tells codes apart."""
    scales = torch.full((n_parts, 1), _SMALL)
    if not marginal.sub_column.ordinal or marginal.is_mixed:
        scales[: marginal.n_outcomes] = _LARGE
    return scales


def _starts(sizes: list[int]) -> Tensor:
    total = torch.tensor(sizes, dtype=torch.long)
    return torch.cumsum(total, 0) - total


def _basis(marginal: Marginal) -> Tensor:
    """Give ``(size, N_BASIS)`` features of each code's rank: a normal score, its square, and waves."""
    n_special = marginal.sub_column.n_special
    features = torch.zeros(marginal.size, N_BASIS)
    mass = marginal.counts[n_special:].double() + 0.5
    if len(mass) <= 1:
        return features
    rank = (torch.cumsum(mass, 0) - mass / 2) / mass.sum()
    normal = torch.erfinv(2 * rank - 1) * 2**0.5
    waves = [torch.cos(torch.pi * k * rank) for k in range(1, N_BASIS - 1)]
    features[n_special:] = torch.stack([normal, normal.square() - 1, *waves], 1).float()
    return features
