"""The critic: it tells packs of real rows from packs of made ones, and its slope is kept near 1.

Wasserstein with a gradient penalty (Gulrajani et al. 2017, eq. 3), on packs of rows as PacGAN (Lin et al. 2018, §3),
so that too little variety shows. Codes enter as fixed vectors: with learned ones the critic could grow steeper without
paying for it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.gan_relaxed import FixedVectors
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.marginals import Marginal

PAC = 4
"""Rows that the critic judges together."""
_D_HIDDEN = 256
_MOST_FLAGS = 32
"""Numbers for an outcome: a flag each up to so many outcomes, else random directions, nearly at right angles."""
_LEAK = 0.2


class Critic(nn.Module):
    """How real each pack of rows looks.

    **Shape**

    - Input: ``(n_rows, d_row)``
    - Output: ``(n_rows // PAC,)``; rows beyond the last whole pack are left out
    """

    def __init__(self, d_row: int) -> None:
        super().__init__()
        self.row = nn.Linear(d_row, _D_HIDDEN)
        self.body = nn.Sequential(
            nn.LeakyReLU(_LEAK), nn.Linear(PAC * _D_HIDDEN, _D_HIDDEN), nn.LeakyReLU(_LEAK), nn.Linear(_D_HIDDEN, 1)
        )

    def forward(self, rows: Tensor) -> Tensor:
        judged: Tensor = self.body(in_packs(self.row(rows)))
        return judged[:, 0]


def in_packs(rows: Tensor) -> Tensor:
    """Give ``(n_rows // PAC, PAC * width)`` from ``(n_rows, width)``."""
    n_packs = len(rows) // PAC
    return rows[: n_packs * PAC].reshape(n_packs, -1)


def gradient_penalty(critic: nn.Module, real: Tensor, made: Tensor, noise: torch.Generator) -> Tensor:
    """Give ``()``: how far the critic's slope is from 1, between packs of real rows and of made ones.

    **Shape**

    - real, made: ``(n_rows, d_row)``, whole packs
    """
    share = torch.rand(len(real) // PAC, 1, generator=noise, device=real.device).repeat_interleave(PAC, 0)
    between = real.lerp(made, share).detach().requires_grad_()
    gradient: Tensor
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    slope: Tensor = in_packs(gradient).norm(dim=1)
    return (slope - 1).square().mean()


def critic_vectors(marginals: Sequence[Marginal], inputs: CodeInputs) -> list[FixedVectors]:
    """Give what the critic sees of each sub-column's codes: which outcome, and where there is an order, what rank."""
    ordinal = {i: int(start) for i, start in zip(inputs.ordinal.tolist(), inputs.basis_offsets.tolist(), strict=True)}
    vectors = []
    for i, marginal in enumerate(marginals):
        seen = _outcome_vectors(marginal.n_outcomes)[marginal.outcomes].to(inputs.basis.device)
        if i in ordinal:
            seen = torch.cat([seen, inputs.basis[ordinal[i] : ordinal[i] + marginal.size]], 1)
        vectors.append(FixedVectors(marginal, seen))
    return vectors


def _outcome_vectors(n_outcomes: int) -> Tensor:
    if n_outcomes <= _MOST_FLAGS:
        return torch.eye(n_outcomes)
    directions = torch.randn(n_outcomes, _MOST_FLAGS, generator=torch.Generator().manual_seed(n_outcomes))
    return functional.normalize(directions, dim=1)
