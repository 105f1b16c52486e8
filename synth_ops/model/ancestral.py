"""Rows drawn one sub-column after another, in one pass in which every hidden unit is computed once."""

from bisect import bisect_left
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from synth_ops.model.heads import Heads
from synth_ops.model.network import Decoder

_DRAWS = 3
"""Uniform numbers that a code takes: its outcome, its component, its place."""


class Ancestral:
    """The weights of a decoder, cut for sampling."""

    def __init__(self, decoder: Decoder, heads: Heads, tables: list[Tensor], n_context: int) -> None:
        """Cut the weights.

        Args:
            decoder: of a trained network.
            heads: of the same.
            tables: vectors of each sub-column's codes.
            n_context: leading sub-columns that are given.
        """
        self.heads, self.tables, self.n_context = heads, tables, n_context
        self.layers = [decoder.entry, *decoder.blocks]
        self.weights = [layer.weight * layer.mask for layer in self.layers]
        self.degrees = decoder.degrees.tolist()
        self.owns = {i: heads.own(i) for i in range(n_context, len(tables))}
        self.direct = {i: (decoder.direct.weight[own], decoder.direct.bias[own]) for i, own in self.owns.items()}
        self.out = {i: (decoder.out.weight[own], decoder.out.bias[own]) for i, own in self.owns.items()}

    def run(
        self,
        codes: Tensor,
        noise: torch.Generator,
        *,
        shifts: list[Tensor] | None = None,
        given: "Given | None" = None,
    ) -> Tensor:
        """Fill the codes after the context in place, and give them.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``, with what is given in its place
        - shifts: of each layer, ``(n_rows, d_hidden)``
        """
        row = _Row(self, codes, shifts)
        for i in range(self.n_context):
            row.see(i)
        row.compute(self.n_context - 1)
        for i in range(self.n_context, len(self.tables)):
            uniform = torch.rand(len(codes), _DRAWS, generator=noise, device=codes.device)
            outputs = row.outputs(i)
            if given is None:
                codes[:, i] = self.heads.draw(i, outputs, codes, uniform)
            elif not given.is_given[:, i].all():
                outputs = outputs + given.added[:, self.owns[i]]
                drawn = self.heads.draw(i, outputs, codes, uniform, never_null=given.never_null)
                codes[:, i] = torch.where(given.is_given[:, i], codes[:, i], drawn)
            row.see(i)
            row.compute(i)
        return codes


@dataclass(frozen=True)
class Given:
    """Codes that are given, and what they tell of the others."""

    is_given: Tensor
    """``(n_rows, n_sub_columns)``."""
    added: Tensor
    """``(n_rows, n_outputs)``, to add to the outputs."""
    never_null: bool = False
    """Whether what is drawn must not be null."""


class _Row:
    """What is known of rows that are being drawn."""

    def __init__(self, weights: Ancestral, codes: Tensor, shifts: list[Tensor] | None) -> None:
        self.of, self.codes, self.shifts = weights, codes, shifts
        self.d = weights.tables[0].shape[1]
        n_rows, d_hidden = len(codes), len(weights.degrees)
        self.x = weights.tables[0].new_empty(n_rows, len(weights.tables) * self.d)
        self.active = [self.x.new_empty(n_rows, d_hidden) for _ in weights.layers]
        """Hidden values of each layer, after activation."""

    def see(self, i: int) -> None:
        """Take up the codes of sub-column i."""
        self.x[:, i * self.d : (i + 1) * self.d] = functional.embedding(self.codes[:, i], self.of.tables[i])

    def compute(self, degree: int) -> None:
        """Compute the hidden units that may see the sub-columns up to this degree, and could not before."""
        start, stop = (bisect_left(self.of.degrees, d) for d in (degree, degree + 1))
        if start == stop:
            return
        value = self._layer(0, self.x[:, : (degree + 1) * self.d], start, stop)
        for i in range(1, len(self.of.layers)):
            self.active[i - 1][:, start:stop] = functional.silu(value)
            value = value + self._layer(i, self.active[i - 1][:, :stop], start, stop)
        self.active[-1][:, start:stop] = functional.silu(value)

    def outputs(self, i: int) -> Tensor:
        """Give the outputs of sub-column i, in the order of `Heads.own`."""
        seen, stop = i * self.d, bisect_left(self.of.degrees, i)
        (direct, bias), (out, out_bias) = self.of.direct[i], self.of.out[i]
        outputs = functional.linear(self.x[:, :seen], direct[:, :seen], bias + out_bias)
        return outputs.addmm_(self.active[-1][:, :stop], out[:, :stop].T)

    def _layer(self, i: int, x: Tensor, start: int, stop: int) -> Tensor:
        value = functional.linear(x, self.of.weights[i][start:stop, : x.shape[1]], self.of.layers[i].bias[start:stop])
        return value if self.shifts is None else value + self.shifts[i][:, start:stop]
