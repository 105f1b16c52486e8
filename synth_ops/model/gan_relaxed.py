"""Draws of codes that a gradient passes: what a critic says of a row reaches the outputs that it was drawn from.

An outcome is drawn by Gumbel's trick, with the gradient of a softmax (Jang et al. 2017, §2.2, straight through). A
place in a mixture is its component's centre plus scaled noise, whose gradient is exact.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from synth_ops.model.heads import Heads
from synth_ops.model.marginals import Marginal
from synth_ops.model.mixture import N_COMPONENTS, NARROWEST, WIDEST

TEMPERATURE = 0.7
"""Of the softmax whose gradient stands for that of a draw."""
_LEAST_STEP = 1e-4
"""Distance of two cells' scores from which a slope is taken."""


@dataclass(frozen=True)
class Draw:
    """Drawn codes of one sub-column."""

    codes: Tensor
    """``(n_rows,)``."""
    outcome: Tensor
    """``(n_rows, n_outcomes)``, one-hot."""
    cell: Tensor
    """``(n_rows,)``: the place in the mixture, which counts where the mixture is the outcome."""
    shift: Tensor
    """``(n_rows,)`` zeros, with the gradient of the place's score."""


def relaxed_draw(heads: Heads, i: int, outputs: Tensor, codes: Tensor, noise: torch.Generator) -> Draw:
    """Draw sub-column i; draws follow the same distribution as those of `Heads.draw`.

    **Shape**

    - outputs: ``(n_rows, n_own)``, in the order of `Heads.own`
    - codes: ``(n_rows, n_sub_columns)``, the coarser ones drawn already
    """
    marginal = heads.marginals[i]
    logits = outputs[:, : marginal.n_outcomes]
    if i in heads.within:
        coarse = codes[:, heads.within[i]].clone()  # codes are filled in place, and a gradient needs them as they are
        logits = logits + heads.refine[str(i)][coarse]
    outcome = _one_hot(logits, noise)
    chosen, zeros = outcome.detach().argmax(1), outcome.new_zeros(len(outcome))
    if not marginal.is_mixed:
        return Draw(chosen, outcome, zeros.long(), zeros)
    score = _score(outputs[:, marginal.n_outcomes :], noise)
    first, n_alone = heads.edge_starts[i], len(marginal.alone)
    cell = torch.searchsorted(heads.edges[first + 1 : first + len(marginal.between)], score.detach())
    code_of = torch.cat([marginal.alone, marginal.between]).to(codes.device)
    return Draw(code_of[torch.where(chosen < n_alone, chosen, n_alone + cell)], outcome, cell, score - score.detach())


class FixedVectors:
    """One fixed vector for each code of a sub-column, for rows that are known and for rows that were drawn."""

    def __init__(self, marginal: Marginal, vectors: Tensor) -> None:
        """Take ``(size, width)`` vectors."""
        self.vectors, device = vectors, vectors.device
        self.alone, self.between = vectors[marginal.alone.to(device)], vectors[marginal.between.to(device)]
        self.slopes = _slopes(marginal, self.between)

    def of_codes(self, codes: Tensor) -> Tensor:
        """Give ``(n_rows, width)``."""
        return functional.embedding(codes, self.vectors)

    def of_draw(self, draw: Draw) -> Tensor:
        """Give ``(n_rows, width)``: what `of_codes` gives of its codes, with the draw's gradient."""
        n_alone = len(self.alone)
        vectors = draw.outcome[:, :n_alone] @ self.alone
        if not len(self.between):
            return vectors
        place = self.between[draw.cell] + self.slopes[draw.cell] * draw.shift[:, None]
        return vectors + draw.outcome[:, n_alone:] * place


def _score(outputs: Tensor, noise: torch.Generator) -> Tensor:
    """Draw ``(n_rows,)`` places on the axis of a mixture."""
    weights, centres, scales = outputs.unflatten(1, (3, N_COMPONENTS)).unbind(1)
    uniform = torch.rand(weights.shape, generator=noise, device=weights.device)
    scores = centres + scales.clamp(NARROWEST, WIDEST).exp() * torch.logit(uniform, eps=1e-6)
    score: Tensor = (_one_hot(weights, noise) * scores).sum(1)
    return score


def _one_hot(logits: Tensor, noise: torch.Generator) -> Tensor:
    uniform = torch.rand(logits.shape, generator=noise, device=logits.device).clamp(1e-20, 1 - 1e-7)
    soft = torch.softmax((logits - torch.log(-torch.log(uniform))) / TEMPERATURE, -1)
    hard = functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def _slopes(marginal: Marginal, between: Tensor) -> Tensor:
    """Give how the vectors of a mixture's cells change with the score: the difference of a cell's neighbours."""
    if not len(between):
        return between
    edges = torch.sigmoid(marginal.edges.to(between.device))
    score = torch.logit((edges[1:] + edges[:-1]) / 2, eps=1e-6)
    place = torch.arange(len(score), device=between.device)
    after, before = (place + 1).clamp(max=len(score) - 1), (place - 1).clamp(min=0)
    return (between[after] - between[before]) / (score[after] - score[before]).clamp(min=_LEAST_STEP)[:, None]
