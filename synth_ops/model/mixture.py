"""A mixture of logistic densities over a scale, and the probability that it gives to cells of it.

As PixelCNN++ (Salimans et al. 2017, §2.1), but over uneven cells. The gradient is written out: what autograd would keep
of some thirty steps is more memory to pass through than the products of the network around them.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

N_COMPONENTS = 10
N_MIXTURE = 3 * N_COMPONENTS
"""Weights, centres and log-scales."""
NARROWEST, WIDEST = -7.0, 3.0
"""Logarithms of a component's scale."""
_LEAST_WIDTH = 1e-6
"""Of a cell, in scales of a component."""


def marginal_mixture(others: float) -> Tensor:
    """Give the weights, centres and log-scales of a mixture whose first component is a standard logistic.

    The others lie along it, each ready for a part of the rows; `others` is the log of their weight.
    """
    share = (torch.arange(N_COMPONENTS - 1) + 0.5) / (N_COMPONENTS - 1)
    weights = torch.cat([torch.zeros(1), torch.full((N_COMPONENTS - 1,), others)])
    centres = torch.cat([torch.zeros(1), torch.logit(share)])
    scales = torch.cat([torch.zeros(1), torch.full((N_COMPONENTS - 1,), math.log(0.5))])
    return torch.cat([weights, centres, scales])


def mixture_nats(mixtures: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Give the negative log-probability of cells.

    **Shape**

    - mixtures: ``(n_rows, n_mixed * N_MIXTURE)``
    - low, high: ``(n_rows, n_mixed)``, the cells' edges
    - result: ``(n_rows, n_mixed)``
    """
    weights, centres, scales = mixtures.unflatten(1, (low.shape[1], 3, N_COMPONENTS)).unbind(2)
    nats: Tensor = _MixtureNats.apply(weights, centres, scales, low, high)  # type: ignore[no-untyped-call] # as torch has it
    return nats


class _MixtureNats(torch.autograd.Function):
    """``logsumexp(w) - logsumexp(w + log(F(high) - F(low)))`` over the components."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, centres: Tensor, scales: Tensor, low: Tensor, high: Tensor) -> Tensor:  # noqa: ANN401 — torch's own
        sharpness = torch.exp(-scales.clamp(NARROWEST, WIDEST))
        below = (low[..., None] - centres).mul_(sharpness)
        above = (high[..., None] - centres).mul_(sharpness)
        width = (above - below).clamp_(min=_LEAST_WIDTH)
        # log of sigmoid(above) - sigmoid(below), without cancellation
        log_mass = torch.log(-torch.expm1(-width))
        log_mass.sub_(functional.softplus(-above)).sub_(functional.softplus(below))
        weighted = weights + log_mass
        ctx.save_for_backward(weights, scales, sharpness, below, above, weighted)
        return torch.logsumexp(weights, -1) - torch.logsumexp(weighted, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 — torch's own
        weights, scales, sharpness, below, above, weighted = ctx.saved_tensors
        grad = grads[0][..., None]
        share = torch.softmax(weighted, -1)
        grad_weights = (torch.softmax(weights, -1) - share).mul_(grad)
        width = above - below
        inner = torch.expm1(width.clamp(min=_LEAST_WIDTH)).reciprocal_().mul_(width > _LEAST_WIDTH)
        by_above = (inner + torch.sigmoid(-above)).mul_(share)
        by_below = inner.add_(torch.sigmoid(below)).mul_(share)  # of the other sign
        by_centre = (by_above - by_below).mul_(sharpness).mul_(grad)
        is_free = (scales > NARROWEST) & (scales < WIDEST)
        by_scale = by_above.mul_(above).sub_(by_below.mul_(below)).mul_(grad).mul_(is_free)
        return grad_weights, by_centre, by_scale, None, None
