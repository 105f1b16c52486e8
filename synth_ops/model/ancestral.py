"""Rows drawn one sub-column after another, in one pass in which every hidden unit is computed once."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.nn import functional

from synth_ops.model.heads import Heads
from synth_ops.model.network import Decoder

_DRAWS = 3
"""Uniform numbers that a code takes: its outcome, its component, its place."""


_FEWEST_OUTPUTS = 96
"""Outputs of a block: with fewer, a product does not keep a core busy."""


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
        self.ends = [0, *accumulate(len(table) for table in self.tables)]
        """Where each sub-column's numbers begin among the inputs, and the last one's end."""
        self.degrees = decoder.degrees.tolist()
        starts = [i for i, d in enumerate(self.degrees) if not i or d != self.degrees[i - 1]]
        self.layers = [_Weights(layer.weight, layer.bias, starts) for layer in (decoder.entry, *decoder.blocks)]
        self.owns = {i: heads.own(i) for i in range(n_context, len(tables))}
        self.firsts = dict(zip(self.owns, accumulate(map(len, self.owns.values()), initial=0), strict=False))
        """Where the outputs of each sub-column begin, when they stand in reading order."""
        order = torch.cat([torch.zeros(0, dtype=torch.long), *self.owns.values()])
        self.outs = [
            _Weights(layer.weight[order], layer.bias[order], list(self.firsts.values()))
            for layer in (decoder.out, decoder.direct)
            if layer is not None
        ]

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


class _Weights:
    """A product's weights, the biases in their first column; outputs that are asked for in turn share a block."""

    def __init__(self, weight: Tensor, bias: Tensor, starts: list[int]) -> None:
        """Take the weights, and where each run of outputs begins that will be asked for together."""
        self.weight = torch.cat([bias[:, None], weight], 1)
        self.blocks: dict[int, tuple[int, int]] = {}
        """By the start of a run, the block that it is in."""
        first, runs = 0, pairwise([*starts, len(weight)])
        held: list[int] = []
        for start, stop in runs:
            held.append(start)
            if stop - first >= _FEWEST_OUTPUTS or stop == len(weight):
                self.blocks |= dict.fromkeys(held, (first, stop))
                first, held = stop, []


class _Sums:
    """One product, of inputs that become known in turn.

    When the first output of a block is asked for, the whole block is multiplied with what is known by then; each run of
    it later adds what has become known since. So most of the work is done in products of many outputs.
    """

    def __init__(self, of: _Weights) -> None:
        self.of, self.block, self.n_known = of, (0, 0), 0
        self.sums = of.weight

    def take(self, start: int, stop: int, x: Tensor) -> Tensor:
        """Give ``(stop - start, n_rows)`` outputs, once, from all inputs that they may see, a one before them."""
        block = self.of.blocks[start]
        if block != self.block:
            self.block, self.n_known = block, len(x)
            self.sums = self.of.weight[slice(*block), : len(x)] @ x
        sums = self.sums[start - block[0] : stop - block[0]]
        if len(x) > self.n_known:
            sums.addmm_(self.of.weight[start:stop, self.n_known : len(x)], x[self.n_known :])
        return sums


class _Rows:
    """What is known of rows that are being drawn; rows lie last, so that each step is one run of memory."""

    def __init__(self, weights: Ancestral, codes: Tensor, shifts: list[Tensor] | None) -> None:
        self.of, self.codes, self.shifts = weights, codes, shifts
        n_rows, d_hidden = codes.shape[1], len(weights.degrees)
        self.x = weights.tables[0].new_empty(1 + weights.ends[-1], n_rows)
        self.active = [self.x.new_empty(1 + d_hidden, n_rows) for _ in weights.layers]
        """Hidden values of each layer, after activation, below a row of ones."""
        for ones in (self.x, *self.active):
            ones[0] = 1
        self.hidden = [_Sums(layer) for layer in weights.layers]
        self.outs = [_Sums(layer) for layer in weights.outs]

    def see(self, i: int) -> None:
        """Take up the codes of sub-column i."""
        place = self.x[1 + self.of.ends[i] : 1 + self.of.ends[i + 1]]
        torch.index_select(self.of.tables[i], 1, self.codes[i], out=place)

    def compute(self, degree: int) -> None:
        """Compute the hidden units that may see the sub-columns up to this degree, and could not before."""
        start, stop = (bisect_left(self.of.degrees, d) for d in (degree, degree + 1))
        if start == stop:
            return
        value = self._layer(0, self.x[: 1 + self.of.ends[degree + 1]], start, stop)
        for i in range(1, len(self.hidden)):
            self.active[i - 1][1 + start : 1 + stop] = functional.silu(value)
            value = value + self._layer(i, self.active[i - 1][: 1 + stop], start, stop)
        self.active[-1][1 + start : 1 + stop] = functional.silu(value)

    def outputs(self, i: int) -> Tensor:
        """Give the outputs of sub-column i, ``(n_own, n_rows)``, in the order of `Heads.own`."""
        start = self.of.firsts[i]
        stop, n_units = start + len(self.of.owns[i]), bisect_left(self.of.degrees, i)
        seen = (self.active[-1][: 1 + n_units], self.x[: 1 + self.of.ends[i]])
        sums = [out.take(start, stop, x) for out, x in zip(self.outs, seen, strict=False)]
        return sums[0] if len(sums) == 1 else sums[0] + sums[1]

    def _layer(self, i: int, x: Tensor, start: int, stop: int) -> Tensor:
        value = self.hidden[i].take(start, stop, x)
        return value if self.shifts is None else value + self.shifts[i][start:stop]
