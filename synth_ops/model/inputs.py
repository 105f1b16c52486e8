"""What a network sees of a code: a learned vector, and where codes have an order, their place in it."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.marginals import Marginal

N_BASIS = 16
"""Fixed features of an ordinal code's place among its neighbours."""


class CodeInputs(nn.Module):
    """One vector for each code of each sub-column.

    A vector has a free part, learned for the code, and for ordinal codes a part that is a smooth function of the code's
    rank among the training rows. Codes that a mixture models share one free part: with parts of their own, single rows
    would be learned by heart.

    **Shape**

    - Input: ``(n_rows, n_sub_columns)`` codes
    - Output: ``(n_rows, n_sub_columns * d_embedding)``
    """

    offsets: Tensor
    free_rows: Tensor
    basis: Tensor
    ordinal: Tensor
    basis_offsets: Tensor

    def __init__(self, marginals: Sequence[Marginal], d_embedding: int) -> None:
        super().__init__()
        self.d_embedding = d_embedding
        ordinal = [i for i, m in enumerate(marginals) if m.sub_column.ordinal]
        basis = [_basis(marginals[i]) for i in ordinal]
        n_free = torch.tensor([m.n_outcomes for m in marginals])
        starts = torch.cumsum(n_free, 0) - n_free
        free_rows = [m.outcomes + start for m, start in zip(marginals, starts, strict=True)]
        scales = [torch.full((m.n_outcomes, 1), _free_scale(m)) for m in marginals]
        self._buffer("offsets", _starts([m.size for m in marginals]))
        self._buffer("free_rows", torch.cat(free_rows))
        self._buffer("basis", torch.cat([*basis, torch.zeros(0, N_BASIS)]))
        self._buffer("ordinal", torch.tensor(ordinal, dtype=torch.long))
        self._buffer("basis_offsets", _starts([len(b) for b in basis]))
        self.free = nn.Parameter(torch.randn(int(n_free.sum()), d_embedding) * torch.cat(scales))
        self.smooth = nn.Parameter(torch.randn(len(ordinal), N_BASIS, d_embedding) * 0.3)

    def forward(self, codes: Tensor) -> Tensor:
        vectors = functional.embedding(self.free_rows[codes + self.offsets], self.free)
        if len(self.ordinal):
            features = functional.embedding(codes[:, self.ordinal] + self.basis_offsets, self.basis)
            with torch.autocast(codes.device.type, enabled=False):  # a place among a thousand needs its digits
                smooth = torch.einsum("ncb,cbd->ncd", features, self.smooth)
            vectors = vectors.index_add(1, self.ordinal, smooth)
        return vectors.flatten(1)

    def tables(self) -> list[Tensor]:
        """Give the vectors of each sub-column's codes, ``(size, d_embedding)`` each."""
        ends = [*self.offsets.tolist(), len(self.free_rows)]
        tables = [self.free[self.free_rows[a:b]] for a, b in pairwise(ends)]
        for place, i in enumerate(self.ordinal.tolist()):
            start = int(self.basis_offsets[place])
            tables[i] = tables[i] + self.basis[start : start + len(tables[i])] @ self.smooth[place]
        return tables

    def _buffer(self, name: str, value: Tensor) -> None:
        """Keep what follows from the counts on the network's device, and out of its file."""
        self.register_buffer(name, value, persistent=False)


def _free_scale(marginal: Marginal) -> float:
    """Give the spread of the first free parts: small where the smooth part tells codes apart."""
    return 0.03 if marginal.sub_column.ordinal and not marginal.is_mixed else 0.3


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
