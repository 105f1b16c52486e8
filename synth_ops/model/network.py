"""The masked network of the decoder, and the recognition net of a latent.

The decoder is a residual MADE (Germain et al. 2015, "MADE", §4; residual blocks as in Durkan & Nash 2019): sub-column
*j* sees the sub-columns before it, what conditions the whole row, and nothing else. Its hidden units are sorted by
degree, the last sub-column each may see, so that sampling computes every unit once a row and not once a sub-column.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.config import NetworkConfig
from synth_ops.model.dropout import drop
from synth_ops.model.masked import MaskedLinear


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


MOST_DIRECT = 2**24
"""Weights from inputs to outputs up to which they are joined directly; of wider tables all goes by the hidden units."""


class Decoder(nn.Module):
    """The masked autoregressive decoder: what it says of each sub-column, given those before it.

    **Shape**

    - Input: embedded codes ``(n_rows, d_in)``, and for each layer ``(n_rows, d_hidden)`` or None: what conditions the
      whole row
    - Output: ``(n_rows, n_outputs)``
    """

    def __init__(
        self, in_degrees: Tensor, n_context: int, out_degrees: Tensor, config: NetworkConfig, *, precise_from: int
    ) -> None:
        """Draw small weights.

        Args:
            in_degrees: ``(d_in,)``, the sub-column that each input speaks of, ascending.
            n_context: leading sub-columns that are always given.
            out_degrees: ``(n_outputs,)``, the sub-column that each output speaks of.
            config: sizes.
            precise_from: outputs from here on are computed with all digits, whatever the precision of the rest.
        """
        super().__init__()
        even = hidden_degrees(int(in_degrees.max()) + 1, n_context, config.d_hidden)
        self.degrees = even if config.degrees is None else torch.tensor(config.degrees)
        self.entry = MaskedLinear(in_degrees, self.degrees, strict=False)
        self.blocks = nn.ModuleList(
            MaskedLinear(self.degrees, self.degrees, strict=False, gain=0.5) for _ in range(config.n_blocks)
        )
        self.direct: MaskedLinear | None = None
        if len(in_degrees) * len(out_degrees) <= MOST_DIRECT:
            self.direct = MaskedLinear(in_degrees, out_degrees, strict=True, gain=0.05, precise_from=precise_from)
        self.out = MaskedLinear(self.degrees, out_degrees, strict=True, gain=0.05, precise_from=precise_from)
        self.dropout = config.dropout or 0.0

    def forward(self, x: Tensor, shifts: list[Tensor] | None = None, noise: torch.Generator | None = None) -> Tensor:
        """Give the outputs; `shifts` are added to each layer's hidden units, and `noise` draws their dropout."""
        hidden = self.entry(x) if shifts is None else self.entry(x) + shifts[0]
        for i, block in enumerate(self.blocks, start=1):
            hidden = hidden + block(drop(functional.silu(hidden), self.dropout, noise))
            hidden = hidden if shifts is None else hidden + shifts[i]
        outputs: Tensor = self.out(drop(functional.silu(hidden), self.dropout, noise))
        return outputs if self.direct is None else outputs + self.direct(x)

    def silence(self) -> None:
        """Set to zero every weight that does not count, after some were put here by hand."""
        for layer in (self.entry, *self.blocks, self.out, *([self.direct] if self.direct else [])):
            layer.silence()


def hidden_degrees(n_sub_columns: int, n_context: int, d_hidden: int) -> Tensor:
    """Share hidden units among the degrees that some later sub-column can use, in ascending order.

    Degree ``n_context - 1`` knows the context only; the last sub-column is of no use to any other.
    """
    lowest, highest = n_context - 1, max(n_sub_columns - 2, n_context - 1)
    return torch.linspace(lowest, highest + 1 - 1e-6, d_hidden).floor().long()
