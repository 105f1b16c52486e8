"""The generator: a masked autoencoder, which fills what a row does not show in a few passes.

It takes a row of which some codes are hidden, and noise, and speaks of all hidden codes at once (as TAEGAN, Li et al.
2024, §3). Whatever is shown, it has learned from rows that showed just that: to condition on any columns is to show
them.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.encode.layout import Layout
from synth_ops.model.config import NetworkConfig
from synth_ops.model.dropout import drop
from synth_ops.model.gan_passes import plan_passes
from synth_ops.model.heads import CLOSED, Heads
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.marginals import marginals_of

D_NOISE = 16
"""Numbers of the noise that a row is made from."""
D_HIDDEN = 256
N_BLOCKS = 2
_SHOWN_BESIDES = 0.5
"""Share of training rows that show random codes beside those of earlier passes."""


class Generator(nn.Module):
    """Outputs for hidden codes from shown ones; `Heads` says what outputs mean."""

    passes: Tensor
    """``(n_sub_columns,)``: the pass that fills each; -1 for the context."""
    places: list[int]
    """The same numbers, which to ask a GPU for at every step would be to wait for it."""

    def __init__(self, layout: Layout, counts: Tensor, n_context: int, config: NetworkConfig) -> None:
        """Lay the network out; `start` gives it its passes and first weights.

        Args:
            layout: the sub-columns, context first.
            counts: ``(n_codes,)``, how often each code of each sub-column occurs in the training rows.
            n_context: leading sub-columns that are always given.
            config: the width of embeddings, and the dropout.
        """
        super().__init__()
        n = len(layout.sizes)
        self.layout, self.n_context, self.dropout = layout, n_context, config.dropout or 0.0
        marginals = marginals_of(layout, counts)
        self.register_buffer("passes", torch.arange(n) - n_context)
        self.places = self.passes.tolist()
        self.inputs = CodeInputs(marginals, config.d_embedding, own_days=config.own_days)
        self.heads = Heads(marginals, n_context)
        d_in = sum(self.inputs.widths)
        self.hidden = nn.Parameter(torch.randn(d_in) * 0.3)
        """What stands for the numbers of a code that is not shown."""
        d_hidden = min(D_HIDDEN, config.d_hidden)
        self.entry = nn.Linear(d_in + D_NOISE, d_hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(d_hidden) for _ in range(N_BLOCKS))
        self.blocks = nn.ModuleList(nn.Linear(d_hidden, d_hidden) for _ in range(N_BLOCKS))
        self.out = nn.Linear(d_hidden, self.heads.n_outputs)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.copy_(self.heads.marginal_bias())

    @torch.no_grad()
    def start(self, rows: Tensor) -> None:
        """Set what counting alone can tell, from ``(n_rows, n_sub_columns)`` training codes."""
        self.heads.start(rows)
        self.passes.copy_(plan_passes(rows, self.layout, self.n_context))
        self.places = self.passes.tolist()

    @torch.no_grad()
    def forget_joints(self) -> None:
        """Leave each column its own frequencies and nothing else."""
        self.out.weight.zero_()
        self.out.bias.copy_(self.heads.marginal_bias(others=CLOSED))

    @property
    def n_passes(self) -> int:
        """Count the passes that fill a row of which only the context is given."""
        return max(self.places) + 1

    def members(self, place: int) -> list[int]:
        """Give the sub-columns that a pass fills."""
        return [i for i, own in enumerate(self.places) if own == place]

    def draw_noise(self, n_rows: int, noise: torch.Generator) -> Tensor:
        """Give ``(n_rows, D_NOISE)`` numbers for rows to be made from."""
        return torch.randn(n_rows, D_NOISE, generator=noise, device=self.passes.device)

    def forward(self, codes: Tensor, shown: Tensor, z: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Give what the network makes of rows, before `outputs`; with `noise`, some units are left out.

        **Shape**

        - codes, shown: ``(n_rows, n_sub_columns)``; codes that are not shown are ignored
        - z: ``(n_rows, D_NOISE)``
        - result: ``(n_rows, d_hidden)``
        """
        seen = torch.where(shown[:, self.inputs.owners], self.inputs(codes), self.hidden)
        x = self.entry(torch.cat([seen, z], 1))
        for norm, block in zip(self.norms, self.blocks, strict=True):
            x = x + block(drop(functional.silu(norm(x)), self.dropout, noise))
        return drop(functional.silu(x), self.dropout, noise)

    def outputs(self, x: Tensor, i: int) -> Tensor:
        """Give ``(n_rows, n_own)`` outputs for sub-column i, in the order of `Heads.own`."""
        own = self.heads.own(i).to(x.device)
        return functional.linear(x, self.out.weight[own], self.out.bias[own])

    def masked_nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give ``(n_rows,)``: the negative log-likelihood of hidden codes, for a gradient step.

        Each row shows what some pass finds filled, and half of them others as well. What that pass fills counts once
        for each pass, so that its mean is that of `nats`; the rest counts once, for it teaches the same units.
        """
        n_rows, device = len(codes), codes.device
        place = torch.randint(self.n_passes, (n_rows, 1), generator=noise, device=device)
        share, lot = (torch.rand(n_rows, 1, generator=noise, device=device) for _ in range(2))
        besides = torch.rand(codes.shape, generator=noise, device=device) < share * (lot < _SHOWN_BESIDES)
        shown = (self.passes < place) | besides
        shown[:, : self.n_context] = True
        x = self(codes, shown, self.draw_noise(n_rows, noise), noise)
        nats = self.heads.nats(self.out(x), codes)
        weight = torch.where(self.passes == place, self.n_passes, 1) * ~shown
        return (nats * weight).sum(1)

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give ``(n_rows,)``: a bound on the negative log-likelihood of rows, from one draw of the noise each."""
        z, total = self.draw_noise(len(codes), noise), torch.zeros(len(codes), device=codes.device)
        for place in range(self.n_passes):
            shown = (self.passes < place).expand(codes.shape)
            nats = self.heads.nats(self.out(self(codes, shown, z)), codes)
            total += nats[:, self.members(place)].sum(1)
        return total

    @torch.no_grad()
    def fill(self, codes: Tensor, shown: Tensor, noise: torch.Generator, *, never_null: bool = False) -> Tensor:
        """Fill in place what is not shown, pass by pass, and give it.

        **Shape**

        - codes, shown: ``(n_rows, n_sub_columns)``
        """
        z = self.draw_noise(len(codes), noise)
        for place in range(self.n_passes):
            members = [i for i in self.members(place) if not shown[:, i].all()]
            if not members:
                continue
            x = self(codes, shown | (self.passes < place), z)
            for i in members:
                uniform = torch.rand(3, len(codes), generator=noise, device=codes.device)
                drawn = self.heads.draw(i, self.outputs(x, i).T, codes.T, uniform, never_null=never_null)
                codes[:, i] = torch.where(shown[:, i], codes[:, i], drawn)
        return codes

    def _load_from_state_dict(self, *args: Any) -> None:  # noqa: ANN401 — torch's own signature
        super()._load_from_state_dict(*args)
        self.places = self.passes.tolist()
