"""The network of the VAE: a recognition net, and a masked autoregressive decoder over the codes.

The decoder is a residual MADE (Germain et al. 2015, "MADE", §4; residual blocks as in Durkan & Nash 2019): sub-column
*j* sees the latent and the sub-columns before it, and nothing else. Its hidden units are sorted by degree, the last
sub-column each may see, so that sampling computes every unit once a row and not once a sub-column.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.encode.layout import Layout
from synth_ops.model.config import NetworkConfig

N_BASIS = 8
"""Fixed features of an ordinal code's place among its neighbours."""


class MaskedLinear(nn.Module):
    """A linear map in which each output sees only the inputs that its degree allows.

    **Shape**

    - Input: ``(n_rows, d_in)``
    - Output: ``(n_rows, d_out)``
    """

    mask: Tensor

    def __init__(self, in_degrees: Tensor, out_degrees: Tensor, *, strict: bool, gain: float = 1.0) -> None:
        """Draw small weights, and fix which of them count.

        Args:
            in_degrees: ``(d_in,)``, the last sub-column that each input knows of.
            out_degrees: ``(d_out,)``, the last that each output may know of.
            strict: whether an output must know less than its degree (logits of a sub-column) or up to it (hidden).
            gain: scale of the initial weights.
        """
        super().__init__()
        allowed = in_degrees[None, :] < out_degrees[:, None] if strict else in_degrees[None, :] <= out_degrees[:, None]
        self.register_buffer("mask", allowed.float(), persistent=False)
        fan_in = self.mask.sum(1, keepdim=True).clamp(min=1)
        self.weight = nn.Parameter(torch.randn(len(out_degrees), len(in_degrees)) * gain / fan_in.sqrt())
        self.bias = nn.Parameter(torch.zeros(len(out_degrees)))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.mask, self.bias)


class CodeEmbedding(nn.Module):
    """One vector for each code of each sub-column; ordinal codes share a smooth part with their neighbours.

    **Shape**

    - Input: ``(n_rows, n_sub_columns)`` codes
    - Output: ``(n_rows, n_sub_columns * d_embedding)``
    """

    offsets: Tensor
    basis: Tensor
    owner: Tensor

    def __init__(self, layout: Layout, counts: Sequence[Tensor], d_embedding: int) -> None:
        super().__init__()
        sizes = torch.tensor(layout.sizes)
        self.d_embedding = d_embedding
        self.register_buffer("offsets", torch.cumsum(sizes, 0) - sizes, persistent=False)
        self.register_buffer("owner", torch.repeat_interleave(torch.arange(len(sizes)), sizes), persistent=False)
        basis = [_basis(c, s.n_special, ordinal=s.ordinal) for c, s in zip(counts, layout.sub_columns, strict=True)]
        self.register_buffer("basis", torch.cat(basis) if basis else torch.zeros(0, N_BASIS))
        free_scale = torch.cat([torch.full((s.size, 1), 0.1 if s.ordinal else 1.0) for s in layout.sub_columns])
        self.free = nn.Parameter(torch.randn(int(sizes.sum()), d_embedding) * 0.3 * free_scale)
        self.smooth = nn.Parameter(torch.randn(len(sizes), N_BASIS, d_embedding) * 0.3)

    def table(self) -> Tensor:
        """Give the vectors of all codes, ``(n_codes, d_embedding)``."""
        smooth = torch.einsum("cb,cbd->cd", self.basis, self.smooth[self.owner])
        return self.free + smooth

    def forward(self, codes: Tensor, table: Tensor | None = None) -> Tensor:
        vectors = functional.embedding(codes + self.offsets, self.table() if table is None else table)
        return vectors.flatten(1)


def _basis(counts: Tensor, n_special: int, *, ordinal: bool) -> Tensor:
    """Give ``(size, N_BASIS)`` features of each code's rank among the training rows; zeros where there is no order."""
    features = torch.zeros(len(counts), N_BASIS)
    mass = counts[n_special:].double() + 0.5
    if not ordinal or len(mass) <= 1:
        return features
    rank = (torch.cumsum(mass, 0) - mass / 2) / mass.sum()
    normal = torch.erfinv(2 * rank - 1) * 2**0.5
    waves = [torch.cos(torch.pi * k * rank) for k in range(1, N_BASIS - 1)]
    features[n_special:] = torch.stack([normal, normal.square() - 1, *waves], 1).float()
    return features


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
    """The masked autoregressive decoder: logits of every code, given the latent and the codes before it.

    **Shape**

    - Input: embedded codes ``(n_rows, n_sub_columns * d_embedding)`` and latents ``(n_rows, d_latent)``
    - Output: ``(n_rows, n_learned_codes)`` logits of the sub-columns after the context
    """

    def __init__(self, layout: Layout, counts: Sequence[Tensor], n_context: int, config: NetworkConfig) -> None:
        super().__init__()
        n = len(layout.sizes)
        self.learned = range(n_context, n)
        self.sizes = layout.sizes[n_context:]
        self.within = tuple(s.within for s in layout.sub_columns[n_context:])
        ends = torch.tensor(self.sizes).cumsum(0).tolist()
        self.slices = [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]
        self.degrees = hidden_degrees(n, n_context, config.d_hidden)
        inputs = torch.arange(n).repeat_interleave(config.d_embedding)
        outputs = torch.arange(n_context, n).repeat_interleave(torch.tensor(self.sizes))
        self.entry = MaskedLinear(inputs, self.degrees, strict=False)
        self.blocks = nn.ModuleList(
            MaskedLinear(self.degrees, self.degrees, strict=False, gain=0.5) for _ in range(config.n_blocks)
        )
        self.latent = nn.Linear(config.d_latent, config.d_hidden * (1 + config.n_blocks))
        nn.init.normal_(self.latent.weight, std=0.1)
        self.direct = MaskedLinear(inputs, outputs, strict=True, gain=0.05)
        self.out = MaskedLinear(self.degrees, outputs, strict=True, gain=0.05)
        with torch.no_grad():
            self.out.bias.copy_(torch.cat([_log_frequency(c) for c in counts[n_context:]]))
        tables = {
            str(i): nn.Parameter(torch.zeros(layout.sizes[coarse], layout.sizes[i]))
            for i, coarse in zip(self.learned, self.within, strict=True)
            if coarse is not None
        }
        self.refine = nn.ParameterDict(tables)
        self.dropout = config.dropout

    def forward(self, x: Tensor, z: Tensor, codes: Tensor, noise: torch.Generator | None = None) -> Tensor:
        shifts = self.latent(z).split(len(self.degrees), dim=-1)
        hidden = self.entry(x) + shifts[0]
        for block, shift in zip(self.blocks, shifts[1:], strict=True):
            hidden = hidden + block(self._drop(functional.silu(hidden), noise)) + shift
        logits: Tensor = self.direct(x) + self.out(self._drop(functional.silu(hidden), noise))
        return logits + self.refinement(codes)

    def refinement(self, codes: Tensor) -> Tensor:
        """Give ``(n_rows, n_learned_codes)``: what a coarse code alone says of its fine codes."""
        parts = [
            self.refine[str(i)][codes[:, coarse]] if coarse is not None else self.out.bias.new_zeros(len(codes), size)
            for i, coarse, size in zip(self.learned, self.within, self.sizes, strict=True)
        ]
        return torch.cat(parts, 1)

    def _drop(self, x: Tensor, noise: torch.Generator | None) -> Tensor:
        if noise is None or not self.dropout:
            return x
        kept = torch.rand(x.shape, generator=noise, device=x.device) >= self.dropout
        return x * kept / (1 - self.dropout)


def hidden_degrees(n_sub_columns: int, n_context: int, d_hidden: int) -> Tensor:
    """Share hidden units among the degrees that some later sub-column can use, in ascending order.

    Degree ``n_context - 1`` knows the context and the latent only; the last sub-column is of no use to any other.
    """
    lowest, highest = n_context - 1, max(n_sub_columns - 2, n_context - 1)
    return torch.linspace(lowest, highest + 1 - 1e-6, d_hidden).floor().long()


def _log_frequency(counts: Tensor) -> Tensor:
    return torch.log((counts.float() + 0.1) / (counts.sum() + 0.1 * len(counts)))
