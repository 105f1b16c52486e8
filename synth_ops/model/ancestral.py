"""Rows drawn one sub-column after another, in one pass in which every hidden unit is computed once."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

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
        self.heads, self.n_context = heads, n_context
        self.tables = [table.T.contiguous() for table in tables]
        self.layers = [decoder.entry, *decoder.blocks]
        self.weights = [layer.weight for layer in self.layers]
        self.degrees = decoder.degrees.tolist()
        self.ends = [0, *accumulate(len(table) for table in self.tables)]
        """Where each sub-column's numbers begin among the inputs, and the last one's end."""
        self.owns = {i: heads.own(i) for i in range(n_context, len(tables))}
        self.out = {i: (decoder.out.weight[own], decoder.out.bias[own]) for i, own in self.owns.items()}
        direct = decoder.direct
        self.direct = {i: (direct.weight[own], direct.bias[own]) for i, own in self.owns.items()} if direct else {}

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
        row = _Rows(self, codes.T.contiguous(), None if shifts is None else [shift.T for shift in shifts])
        for i in range(self.n_context):
            row.see(i)
        row.compute(self.n_context - 1)
        for i in range(self.n_context, len(self.tables)):
            row.codes[i] = self._draw(row, i, noise, given)
            row.see(i)
            row.compute(i)
        return codes.copy_(row.codes.T)

    def _draw(self, row: "_Rows", i: int, noise: torch.Generator, given: "Given | None") -> Tensor:
        """Draw the codes of sub-column i where they are not given."""
        codes = row.codes
        uniform = torch.rand(_DRAWS, codes.shape[1], generator=noise, device=codes.device)
        if given is None:
            return self.heads.draw(i, row.outputs(i), codes, uniform)
        if given.is_given[:, i].all():
            return codes[i]
        outputs = row.outputs(i) + given.added[:, self.owns[i]].T
        drawn = self.heads.draw(i, outputs, codes, uniform, never_null=given.never_null)
        return torch.where(given.is_given[:, i], codes[i], drawn)


@dataclass(frozen=True)
class Given:
    """Codes that are given, and what they tell of the others."""

    is_given: Tensor
    """``(n_rows, n_sub_columns)``."""
    added: Tensor
    """``(n_rows, n_outputs)``, to add to the outputs."""
    never_null: bool = False
    """Whether what is drawn must not be null."""


class _Rows:
    """What is known of rows that are being drawn; rows lie last, so that each step is one run of memory."""

    def __init__(self, weights: Ancestral, codes: Tensor, shifts: list[Tensor] | None) -> None:
        self.of, self.codes, self.shifts = weights, codes, shifts
        n_rows, d_hidden = codes.shape[1], len(weights.degrees)
        self.x = weights.tables[0].new_empty(weights.ends[-1], n_rows)
        self.active = [self.x.new_empty(d_hidden, n_rows) for _ in weights.layers]
        """Hidden values of each layer, after activation."""

    def see(self, i: int) -> None:
        """Take up the codes of sub-column i."""
        torch.index_select(self.of.tables[i], 1, self.codes[i], out=self.x[self.of.ends[i] : self.of.ends[i + 1]])

    def compute(self, degree: int) -> None:
        """Compute the hidden units that may see the sub-columns up to this degree, and could not before."""
        start, stop = (bisect_left(self.of.degrees, d) for d in (degree, degree + 1))
        if start == stop:
            return
        value = self._layer(0, self.x[: self.of.ends[degree + 1]], start, stop)
        for i in range(1, len(self.of.layers)):
            self.active[i - 1][start:stop] = functional.silu(value)
            value = value + self._layer(i, self.active[i - 1][:stop], start, stop)
        self.active[-1][start:stop] = functional.silu(value)

    def outputs(self, i: int) -> Tensor:
        """Give the outputs of sub-column i, ``(n_own, n_rows)``, in the order of `Heads.own`."""
        seen, stop = self.of.ends[i], bisect_left(self.of.degrees, i)
        weight, bias = self.of.out[i]
        outputs = torch.addmm(bias[:, None], weight[:, :stop], self.active[-1][:stop])
        if i not in self.of.direct:
            return outputs
        weight, bias = self.of.direct[i]
        return outputs.addmm_(weight[:, :seen], self.x[:seen]).add_(bias[:, None])

    def _layer(self, i: int, x: Tensor, start: int, stop: int) -> Tensor:
        weight, bias = self.of.weights[i][start:stop, : len(x)], self.of.layers[i].bias[start:stop]
        value = torch.addmm(bias[:, None], weight, x)
        return value if self.shifts is None else value + self.shifts[i][start:stop]
