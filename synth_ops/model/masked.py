"""Linear maps of which only some weights count, and products that skip the others.

Inputs are sorted by degree, so that what an output may see is a leading run of them. Outputs are cut in runs too, each
multiplied with what its most knowing member sees: of a triangle of weights, little more than the half is computed.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_MOST_PIECES = 64
"""Pieces from which runs are put together."""
_COST_OF_RUN = 16_384
"""What it costs to start one more product, in multiplications a row."""


class Run(NamedTuple):
    """Outputs that are computed together."""

    start: int
    stop: int
    all_see: int
    """Leading inputs that every one of them sees."""
    seen: int
    """Leading inputs that some of them see."""


class MaskedLinear(nn.Module):
    """A linear map in which each output sees only the inputs that its degree allows.

    A weight that does not count is zero, and stays zero, for so is its gradient.

    **Shape**

    - Input: ``(n_rows, d_in)``
    - Output: ``(n_rows, d_out)``
    """

    mask: Tensor

    def __init__(
        self,
        in_degrees: Tensor,
        out_degrees: Tensor,
        *,
        strict: bool,
        gain: float = 1.0,
        precise_from: int | None = None,
    ) -> None:
        """Draw small weights, and fix which of them count.

        Args:
            in_degrees: ``(d_in,)``, the last sub-column that each input knows of, ascending.
            out_degrees: ``(d_out,)``, the last that each output may know of.
            strict: whether an output must know less than its degree (logits of a sub-column) or up to it (hidden).
            gain: scale of the initial weights.
            precise_from: outputs from here on are computed with all digits, whatever the precision of the rest.
        """
        super().__init__()
        allowed = in_degrees[None, :] < out_degrees[:, None] if strict else in_degrees[None, :] <= out_degrees[:, None]
        self.register_buffer("mask", allowed.float(), persistent=False)
        n_seen = self.mask.sum(1, keepdim=True)
        scale = gain / n_seen.clamp(min=1).sqrt()
        self.weight = nn.Parameter(torch.randn(len(out_degrees), len(in_degrees)) * scale * self.mask)
        self.bias = nn.Parameter(torch.zeros(len(out_degrees)))
        self.precise_from = len(out_degrees) if precise_from is None else precise_from
        self.runs = plan_runs(n_seen[:, 0].long().tolist())

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda or torch.is_autocast_enabled(x.device.type):
            return self._forward_mixed(x)
        y: Tensor = _Product.apply(x, self.weight, self.bias, self.mask, self.runs)  # type: ignore[no-untyped-call] # as torch has it
        return y

    @torch.no_grad()
    def silence(self) -> None:
        """Set to zero what does not count, after weights were put here by hand."""
        self.weight.mul_(self.mask)

    def _forward_mixed(self, x: Tensor) -> Tensor:
        """Multiply whole, with half the digits up to `precise_from`: a GPU is faster so."""
        weight, cut = self.weight * self.mask, self.precise_from
        rough = functional.linear(x, weight[:cut], self.bias[:cut])
        if cut == len(weight):
            return rough
        with torch.autocast(x.device.type, enabled=False):
            precise = functional.linear(x.float(), weight[cut:], self.bias[cut:])
        return torch.cat([rough.float(), precise], 1)


class _Product(torch.autograd.Function):
    """The product of rows with masked weights, run by run."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor, runs: list[Run]) -> Tensor:  # noqa: ANN401 — torch's own
        ctx.save_for_backward(x, weight, mask)
        ctx.runs = runs
        y = x.new_empty(len(x), len(weight))
        for a, b, _, seen in runs:
            torch.addmm(bias[a:b], x[:, :seen], weight[a:b, :seen].T, out=y[:, a:b])
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 — torch's own
        x, weight, mask = ctx.saved_tensors
        (grad,) = grads
        grad_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        grad_weight = torch.empty_like(weight)
        for a, b, all_see, seen in ctx.runs:
            torch.mm(grad[:, a:b].T, x[:, :seen], out=grad_weight[a:b, :seen])
            grad_weight[a:b, all_see:seen].mul_(mask[a:b, all_see:seen])
            grad_weight[a:b, seen:].zero_()
            if grad_x is not None:
                grad_x[:, :seen].addmm_(grad[:, a:b], weight[a:b, :seen])
        return grad_x, grad_weight, grad.sum(0), None, None


def plan_runs(n_seen: list[int]) -> list[Run]:
    """Cut outputs in runs such that products of leading inputs cost least.

    >>> [(run.start, run.stop, run.seen) for run in plan_runs([100] * 500 + [900] * 500)]
    [(0, 500, 100), (500, 1000, 900)]
    """
    cuts = _pieces(n_seen)
    most = [max(n_seen[a:b]) for a, b in pairwise(cuts)]
    best: list[tuple[int, int]] = [(0, 0)]
    """By the pieces that are done: the least cost, and where the last run began."""
    for end in range(1, len(cuts)):
        options = []
        seen = 0
        for start in range(end - 1, -1, -1):
            seen = max(seen, most[start])
            options.append((best[start][0] + (cuts[end] - cuts[start]) * seen + _COST_OF_RUN, start))
        best.append(min(options))
    runs: list[Run] = []
    end = len(cuts) - 1
    while end:
        start = best[end][1]
        a, b = cuts[start], cuts[end]
        runs.append(Run(a, b, min(n_seen[a:b]), max(n_seen[a:b])))
        end = start
    return runs[::-1]


def _pieces(n_seen: list[int]) -> list[int]:
    """Cut where what is seen changes, but in no more than some pieces."""
    changes = [i for i in range(1, len(n_seen)) if n_seen[i] != n_seen[i - 1]]
    step = -(-len(changes) // _MOST_PIECES) or 1
    return [0, *changes[step - 1 :: step], len(n_seen)] if n_seen else [0]
