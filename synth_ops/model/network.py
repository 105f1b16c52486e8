"""The masked network of the decoder, and the recognition net of a latent.

The decoder is a residual MADE (Germain et al. 2015, "MADE", §4; residual blocks as in Durkan & Nash 2019): sub-column
*j* sees the sub-columns before it, what conditions the whole row, and nothing else. Its hidden units are sorted by
degree, the last sub-column each may see, so that sampling computes every unit once a row and not once a sub-column.
"""

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.config import NetworkConfig

_BANDS = 4
"""Runs of hidden units; a run skips the inputs that none of its units may see."""
_WORTH_BANDS, _SPARED = 2**16, 0.2
"""Weights, and the share of them to be skipped, from which runs are faster than one product."""


class MaskedLinear(nn.Module):
    """A linear map in which each output sees only the inputs that its degree allows.

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
            in_degrees: ``(d_in,)``, the last sub-column that each input knows of.
            out_degrees: ``(d_out,)``, the last that each output may know of.
            strict: whether an output must know less than its degree (logits of a sub-column) or up to it (hidden).
            gain: scale of the initial weights.
            precise_from: outputs from here on are computed with all digits, whatever the precision of the rest.
        """
        super().__init__()
        allowed = in_degrees[None, :] < out_degrees[:, None] if strict else in_degrees[None, :] <= out_degrees[:, None]
        self.register_buffer("mask", allowed.float(), persistent=False)
        fan_in = self.mask.sum(1, keepdim=True).clamp(min=1)
        self.weight = nn.Parameter(torch.randn(len(out_degrees), len(in_degrees)) * gain / fan_in.sqrt())
        self.bias = nn.Parameter(torch.zeros(len(out_degrees)))
        self.precise_from = len(out_degrees) if precise_from is None else precise_from
        self.bands = _bands(allowed, self.precise_from)

    def forward(self, x: Tensor) -> Tensor:
        heights = [stop - start for start, stop, _ in self.bands]
        weights, biases = (self.weight * self.mask).split(heights), self.bias.split(heights)
        pieces = []
        for (start, _, seen), weight, bias in zip(self.bands, weights, biases, strict=True):
            known, used = (x, weight) if seen == x.shape[1] else (x[:, :seen], weight[:, :seen])
            if start < self.precise_from:
                pieces.append(functional.linear(known, used, bias))
            else:
                with torch.autocast(x.device.type, enabled=False):
                    pieces.append(functional.linear(known.float(), used, bias))
        is_mixed = self.precise_from < len(self.bias)
        return torch.cat([piece.float() for piece in pieces] if is_mixed else pieces, 1)


def _bands(allowed: Tensor, cut: int) -> list[tuple[int, int, int]]:
    """Give runs of outputs, and the leading inputs that each sees; fewer runs where that spares little."""
    n_out, n_in = allowed.shape
    last_seen = (allowed * torch.arange(1, n_in + 1)).amax(1) if n_in else torch.zeros(n_out)

    def runs(inner: Iterable[int]) -> list[tuple[int, int, int]]:
        cuts = sorted({0, n_out, *inner})
        return [(a, b, int(last_seen[a:b].max())) for a, b in pairwise(cuts)]

    fine = runs([cut, *(n_out * k // _BANDS for k in range(_BANDS))])
    spared = 1 - sum((b - a) * seen for a, b, seen in fine) / max(1, n_out * n_in)
    return fine if spared > _SPARED and n_out * n_in > _WORTH_BANDS else runs([cut])


class Recognition(nn.Module):
    """The encoder: the mean and log-variance of the latent of a row.

    **Shape**

    - Input: ``(n_rows, d_in)`` embedded codes
    - Output: two of ``(n_rows, d_latent)``
    """

    def __init__(self, d_in: int, d_hidden: int, d_latent: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(d_in, d_hidden), nn.SiLU(), nn.Linear(d_hidden, d_hidden), nn.SiLU())
        self.head = nn.Linear(d_hidden, 2 * d_latent)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.head(self.body(x)).chunk(2, dim=-1)
        return mean, log_variance.clamp(-8, 4)


class Decoder(nn.Module):
    """The masked autoregressive decoder: what it says of each sub-column, given those before it.

    **Shape**

    - Input: embedded codes ``(n_rows, n_sub_columns * d_embedding)``, and ``(n_rows, d_condition)`` or None: what
      conditions the whole row
    - Output: ``(n_rows, n_outputs)``
    """

    def __init__(
        self, n_sub_columns: int, n_context: int, out_degrees: Tensor, config: NetworkConfig, *, precise_from: int
    ) -> None:
        """Draw small weights.

        Args:
            n_sub_columns: all of them.
            n_context: leading sub-columns that are always given.
            out_degrees: the sub-column that each output speaks of.
            config: sizes.
            precise_from: outputs from here on are computed with all digits, whatever the precision of the rest.
        """
        super().__init__()
        even = hidden_degrees(n_sub_columns, n_context, config.d_hidden)
        self.degrees = even if config.degrees is None else torch.tensor(config.degrees)
        inputs = torch.arange(n_sub_columns).repeat_interleave(config.d_embedding)
        self.entry = MaskedLinear(inputs, self.degrees, strict=False)
        self.blocks = nn.ModuleList(
            MaskedLinear(self.degrees, self.degrees, strict=False, gain=0.5) for _ in range(config.n_blocks)
        )
        self.direct = MaskedLinear(inputs, out_degrees, strict=True, gain=0.05, precise_from=precise_from)
        self.out = MaskedLinear(self.degrees, out_degrees, strict=True, gain=0.05, precise_from=precise_from)
        self.dropout = config.dropout

    def forward(self, x: Tensor, shifts: list[Tensor] | None = None, noise: torch.Generator | None = None) -> Tensor:
        """Give the outputs; `shifts` are added to each layer's hidden units, and `noise` draws their dropout."""
        hidden = self.entry(x) if shifts is None else self.entry(x) + shifts[0]
        for i, block in enumerate(self.blocks, start=1):
            hidden = hidden + block(self._drop(functional.silu(hidden), noise))
            hidden = hidden if shifts is None else hidden + shifts[i]
        outputs: Tensor = self.direct(x) + self.out(self._drop(functional.silu(hidden), noise))
        return outputs

    def _drop(self, x: Tensor, noise: torch.Generator | None) -> Tensor:
        if noise is None or not self.dropout:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.dropout, generator=noise)
        return x * kept.div_(1 - self.dropout)


def hidden_degrees(n_sub_columns: int, n_context: int, d_hidden: int) -> Tensor:
    """Share hidden units among the degrees that some later sub-column can use, in ascending order.

    Degree ``n_context - 1`` knows the context only; the last sub-column is of no use to any other.
    """
    lowest, highest = n_context - 1, max(n_sub_columns - 2, n_context - 1)
    return torch.linspace(lowest, highest + 1 - 1e-6, d_hidden).floor().long()
