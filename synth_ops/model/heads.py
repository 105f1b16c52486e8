"""What a network says of each sub-column: a softmax over outcomes, and for many ordered codes a mixture over ranks.

The mixture is of logistic densities on the logistic score of the rank: a standard logistic is the marginal, so what is
learned is how a row differs from it. Its cost and freedom do not grow with the number of codes, and neighbouring codes
are alike without being told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.marginals import Marginal
from synth_ops.model.mixture import N_COMPONENTS, N_MIXTURE, NARROWEST, WIDEST, marginal_mixture, mixture_nats

CLOSED = -1e4
"""Logit of an outcome that a sub-column does not have."""
NEVER = -12.0
"""Logit of a fine code that its coarse code never had."""
_FEW = 128
"""Outcomes up to which shares are summed up by a product of matrices."""
_WIDTHS = sorted({2**k for k in range(1, 18)} | {3 * 2**k for k in range(17)})


@dataclass(frozen=True)
class _Block:
    """Sub-columns whose softmaxes are computed together, each padded to one width."""

    members: list[int]
    start: int
    width: int
    is_padded: bool

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + len(self.members) * self.width)


class Heads(nn.Module):
    """Likelihoods and draws of codes from ``(n_rows, n_outputs)``, the outputs of a network.

    Outputs are laid out for speed, softmaxes of like width side by side, then the mixtures; `own` finds a sub-column's.
    """

    offsets: Tensor
    outcomes: Tensor
    cells: Tensor
    edges: Tensor
    closed: Tensor
    targets: Tensor
    mixed_index: Tensor
    n_alone: Tensor

    def __init__(self, marginals: Sequence[Marginal], n_context: int) -> None:
        """Lay the outputs out.

        Args:
            marginals: of all sub-columns.
            n_context: leading sub-columns, which are always given and have no outputs.
        """
        super().__init__()
        self.marginals, self.n_context = tuple(marginals), n_context
        learned = range(n_context, len(marginals))
        self.within = {i: w for i in learned if (w := marginals[i].sub_column.within) is not None}
        self.mixed = [i for i in learned if marginals[i].is_mixed]
        self.blocks = _blocks(self.marginals, learned, self.within)
        self.starts = {i: b.start + k * b.width for b in self.blocks for k, i in enumerate(b.members)}
        self.mixtures_start = self.blocks[-1].slice.stop if self.blocks else 0
        self.n_outputs = self.mixtures_start + len(self.mixed) * N_MIXTURE
        self.refine = nn.ParameterDict(
            {str(i): nn.Parameter(torch.zeros(marginals[w].size, marginals[i].size)) for i, w in self.within.items()}
        )
        self._register()

    def _register(self) -> None:
        """Keep what follows from the counts on the network's device, and out of its file."""
        sizes = torch.tensor([m.size for m in self.marginals], dtype=torch.long)
        n_edges = [len(m.edges) if m.is_mixed else 0 for m in self.marginals]
        self.edge_starts = [sum(n_edges[:i]) for i in range(len(n_edges))]
        closed = torch.full((self.mixtures_start,), CLOSED)
        for i, start in self.starts.items():
            closed[start : start + self.marginals[i].n_outcomes] = 0
        empty = torch.zeros(0, dtype=torch.long)
        buffers = {
            "offsets": torch.cumsum(sizes, 0) - sizes,
            "outcomes": torch.cat([*(m.outcomes for m in self.marginals), empty]),
            "cells": torch.cat([empty, *(m.cells + e for m, e in zip(self.marginals, self.edge_starts, strict=True))]),
            "edges": torch.cat([*(m.edges for m in self.marginals if m.is_mixed), torch.zeros(0)]),
            "closed": closed,
            "targets": torch.tensor([i for b in self.blocks for i in b.members], dtype=torch.long),
            "mixed_index": torch.tensor(self.mixed, dtype=torch.long),
            "n_alone": torch.tensor([len(self.marginals[i].alone) for i in self.mixed], dtype=torch.long),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)

    def degrees(self) -> Tensor:
        """Give ``(n_outputs,)``: the sub-column that each output speaks of."""
        owners = [i for b in self.blocks for i in b.members for _ in range(b.width)]
        return torch.tensor(owners + [i for i in self.mixed for _ in range(N_MIXTURE)], dtype=torch.long)

    def own(self, i: int) -> Tensor:
        """Give the positions of a sub-column's outputs: of its outcomes, then of its mixture."""
        places = torch.arange(self.marginals[i].n_outcomes) + self.starts[i]
        if i not in self.mixed:
            return places
        return torch.cat([places, torch.arange(N_MIXTURE) + self.mixtures_start + self.mixed.index(i) * N_MIXTURE])

    def marginal_bias(self, *, others: float = -3.0) -> Tensor:
        """Give ``(n_outputs,)``: biases that make each sub-column follow its own frequencies.

        `others` is the log-weight of a mixture's components beside the one that is its marginal.
        """
        bias = torch.zeros(self.n_outputs)
        for i, start in self.starts.items():
            if i not in self.within:
                counts = self.marginals[i].outcome_counts
                bias[start : start + len(counts)] = torch.log((counts + 0.1) / (counts.sum() + 0.1 * len(counts)))
        bias[self.mixtures_start :] = marginal_mixture(others).repeat(len(self.mixed))
        return bias

    @torch.no_grad()
    def start(self, rows: Tensor) -> None:
        """Set what counting alone can tell: how often each fine code occurs within its coarse code.

        **Shape**

        - rows: ``(n_rows, n_sub_columns)`` training codes
        """
        for i, coarse in self.within.items():
            shape = tuple(self.refine[str(i)].shape)
            pair = rows[:, coarse].long() * shape[1] + rows[:, i]
            seen = torch.bincount(pair, minlength=shape[0] * shape[1]).view(shape).float()
            log_share = torch.log((seen + 0.5) / (seen.sum(1, keepdim=True) + 0.5 * shape[1]))
            self.refine[str(i)].copy_(log_share.masked_fill(seen == 0, NEVER))

    def nats(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """Give the negative log-likelihood of each code, ``(n_rows, n_sub_columns)``; 0 for the context's.

        **Shape**

        - outputs: ``(n_rows, n_outputs)``
        - codes: ``(n_rows, n_sub_columns)``
        """
        outcomes = self.outcomes[codes + self.offsets]
        widths = [len(b.members) * b.width for b in self.blocks]
        *blocks, mixtures = outputs.float().split([*widths, self.n_outputs - self.mixtures_start], 1)
        parts = [self._softmax_nats(b, o, codes, outcomes) for b, o in zip(self.blocks, blocks, strict=True)]
        nats = mixtures.new_zeros(codes.shape)
        if parts:
            nats = nats.index_copy(1, self.targets, torch.cat(parts, 1))
        if self.mixed:
            nats = nats.index_add(1, self.mixed_index, self._mixture_nats(mixtures, codes, outcomes))
        total: Tensor = nats
        return total

    def draw(self, i: int, outputs: Tensor, codes: Tensor, uniform: Tensor, *, never_null: bool = False) -> Tensor:
        """Draw codes of sub-column i.

        **Shape**

        - outputs: ``(n_own, n_rows)``, in the order of `own`; rows last, so that each step is one run of memory
        - codes: ``(n_sub_columns, n_rows)``, the coarser ones drawn already
        - uniform: ``(3, n_rows)`` numbers from 0 to below 1
        - result: ``(n_rows,)``
        """
        marginal = self.marginals[i]
        logits = outputs[: marginal.n_outcomes]
        if i in self.within:
            logits = logits + self.refine[str(i)][codes[self.within[i]]].T
        if never_null and marginal.sub_column.n_special and marginal.n_outcomes > 1:
            logits = torch.cat([torch.full_like(logits[:1], CLOSED), logits[1:]])  # null is code 0
        outcome = _pick(logits, uniform[0])
        if not marginal.is_mixed:
            return outcome
        weights, centres, scales = outputs[marginal.n_outcomes :].unflatten(0, (3, N_COMPONENTS)).unbind(0)
        component = _pick(weights, uniform[1])[None]
        scale = scales.gather(0, component)[0].clamp(NARROWEST, WIDEST).exp()
        score = centres.gather(0, component)[0] + scale * torch.logit(uniform[2], eps=1e-7)
        n_alone, first = len(marginal.alone), self.edge_starts[i]
        cell = torch.searchsorted(self.edges[first + 1 : first + len(marginal.between)], score)
        code_of = torch.cat([marginal.alone, marginal.between]).to(codes.device)
        drawn: Tensor = code_of[torch.where(outcome < n_alone, outcome, n_alone + cell)]
        return drawn

    def _softmax_nats(self, block: _Block, outputs: Tensor, codes: Tensor, outcomes: Tensor) -> Tensor:
        """Give ``(n_rows, n_members)``."""
        logits = outputs.unflatten(1, (len(block.members), block.width))
        if block.members[0] in self.within:
            i = block.members[0]
            table = functional.pad(self.refine[str(i)], (0, block.width - self.marginals[i].n_outcomes))
            logits = logits + table[codes[:, self.within[i]]][:, None]
        if block.is_padded:
            logits = logits + self.closed[block.slice].view(logits.shape[1:])
        seen = outcomes[:, block.members]
        return functional.cross_entropy(logits.flatten(0, 1), seen.flatten(), reduction="none").view(seen.shape)

    def _mixture_nats(self, outputs: Tensor, codes: Tensor, outcomes: Tensor) -> Tensor:
        """Give ``(n_rows, n_mixed)``; 0 where the code is an outcome of its own."""
        at = self.cells[codes[:, self.mixed] + self.offsets[self.mixed_index]]
        is_between = outcomes[:, self.mixed] == self.n_alone
        return mixture_nats(outputs, self.edges[at], self.edges[at + 1]) * is_between


def _blocks(marginals: Sequence[Marginal], learned: range, within: dict[int, int]) -> list[_Block]:
    """Group softmaxes by width; those with a table of their own stand alone."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i in learned:
        width = next(w for w in _WIDTHS if w >= marginals[i].n_outcomes)
        groups.setdefault((width, i if i in within else -1), []).append(i)
    blocks: list[_Block] = []
    for (width, _), members in sorted(groups.items()):
        is_padded = any(marginals[i].n_outcomes < width for i in members)
        blocks.append(_Block(members, blocks[-1].slice.stop if blocks else 0, width, is_padded))
    return blocks


def _pick(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw an outcome for each row, of ``(n_outcomes, n_rows)``, by inverting the cumulated shares."""
    if len(logits) == 1:
        return torch.zeros(logits.shape[1], dtype=torch.long, device=logits.device)
    shares = torch.softmax(logits, 0)
    cumulated = _summed_up(len(shares), shares.device) @ shares if len(shares) <= _FEW else shares.cumsum(0)
    return (cumulated[:-1] < uniform * cumulated[-1]).sum(0)


@cache
def _summed_up(n: int, device: torch.device) -> Tensor:
    """Give ``(n, n)`` ones on and below the diagonal: of few numbers, a product sums up sooner than a sum does."""
    return torch.ones(n, n, device=device).tril_()
