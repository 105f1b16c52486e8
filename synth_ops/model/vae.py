"""The VAE: a Gaussian latent, a recognition net, and a masked autoregressive decoder over the codes."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.encode.layout import Layout
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.network import CodeEmbedding, Decoder, Recognition
from synth_ops.model.training import Trainable

NEVER = -12.0
"""Logit of a fine code that its coarse code never had."""


class VAE(Trainable):
    """Model rows of codes, given the codes of the leading context sub-columns.

    Trained on the evidence lower bound (Kingma & Welling 2014, eq. 3), in nats per row.
    """

    def __init__(self, layout: Layout, counts: Sequence[Tensor], n_context: int, config: NetworkConfig) -> None:
        """Lay the network out; `start` gives it its first weights.

        Args:
            layout: the sub-columns, context first.
            counts: how often each code of each sub-column occurs in the training rows.
            n_context: leading sub-columns that are always given.
            config: sizes.
        """
        super().__init__()
        self.n_context = n_context
        self.sizes = layout.sizes
        self.d_latent = config.d_latent
        self.embedding = CodeEmbedding(layout, counts, config.d_embedding)
        self.recognition = Recognition(len(layout.sizes) * config.d_embedding, config.d_recognition, config.d_latent)
        self.decoder = Decoder(layout, counts, n_context, config)

    @torch.no_grad()
    def start(self, rows: Tensor, layout: Layout) -> None:
        """Set what counting alone can tell: how often each fine code occurs within its coarse code.

        **Shape**

        - rows: ``(n_rows, n_sub_columns)`` training codes
        """
        for i, coarse, at in zip(self.decoder.learned, self.decoder.within, self.decoder.slices, strict=True):
            if coarse is not None:
                shape = (layout.sizes[coarse], layout.sizes[i])
                pair = rows[:, coarse] * shape[1] + rows[:, i]
                seen = torch.bincount(pair, minlength=shape[0] * shape[1]).view(shape).float()
                log_share = torch.log((seen + 0.5) / (seen.sum(1, keepdim=True) + 0.5 * shape[1]))
                self.decoder.refine[str(i)].copy_(log_share.masked_fill(seen == 0, NEVER))
                self.decoder.out.bias[at] = 0

    @torch.no_grad()
    def forget_joints(self) -> None:
        """Leave each column its own frequencies and nothing else."""
        decoder = self.decoder
        for tensor in (decoder.direct.weight, decoder.direct.bias, decoder.out.weight):
            tensor.zero_()

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the one objective's parameters."""
        return {"evidence": list(self.parameters())}

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:  # noqa: ARG002 — there is one part
        """Give the mean negative evidence lower bound of the rows, with dropout, for a gradient step.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``
        - result: ``()``
        """
        reconstruction, kl = self._bound(codes, noise, dropout=True)
        return (reconstruction + config.kl_weight * kl).mean()

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give each row's negative evidence lower bound, ``(n_rows,)``."""
        reconstruction, kl = self._bound(codes, noise, dropout=False)
        return reconstruction + kl

    def _bound(self, codes: Tensor, noise: torch.Generator, *, dropout: bool) -> tuple[Tensor, Tensor]:
        x = self.embedding(codes)
        mean, log_variance = self.recognition(x)
        epsilon = torch.randn(mean.shape, generator=noise, device=mean.device)
        z = mean + epsilon * torch.exp(0.5 * log_variance)
        logits = self.decoder(x, z, codes, noise if dropout else None)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
        return self._cross_entropy(logits, codes), kl

    def _cross_entropy(self, logits: Tensor, codes: Tensor) -> Tensor:
        pieces = logits.split(self.decoder.sizes, dim=-1)  # one (n_rows, size) for each learned sub-column
        losses = [
            functional.cross_entropy(piece, codes[:, i], reduction="none")
            for i, piece in zip(self.decoder.learned, pieces, strict=True)
        ]
        return torch.stack(losses).sum(0)

    @torch.no_grad()
    def sample(self, n_rows: int, context: Tensor | None, noise: torch.Generator) -> Tensor:
        """Draw rows from the latent's prior and the decoder, one sub-column after another.

        **Shape**

        - context: ``(n_rows, n_context)`` codes, or None where there is no context
        - result: ``(n_rows, n_sub_columns)`` codes, the context's first
        """
        device = self.embedding.free.device
        codes = torch.zeros(n_rows, len(self.sizes), dtype=torch.long, device=device)
        if context is not None:
            codes[:, : self.n_context] = context
        z = torch.randn(n_rows, self.d_latent, generator=noise, device=device)
        return _Ancestral(self, codes, z).run(noise)


class _Ancestral:
    """One pass over the sub-columns in which every hidden unit is computed once."""

    def __init__(self, vae: VAE, codes: Tensor, z: Tensor) -> None:
        self.vae, self.codes, decoder = vae, codes, vae.decoder
        self.table = vae.embedding.table()
        self.d = vae.embedding.d_embedding
        self.x = codes.new_zeros(len(codes), len(vae.sizes) * self.d, dtype=self.table.dtype)
        self.layers = [decoder.entry, *decoder.blocks]
        self.weights = [layer.weight * layer.mask for layer in self.layers]
        self.shifts = decoder.latent(z).split(len(decoder.degrees), dim=-1)
        self.active = [torch.zeros_like(self.shifts[0]) for _ in self.layers]
        """After-activation hidden values of each layer."""
        self.degrees = decoder.degrees.tolist()
        self.offsets = vae.embedding.offsets.tolist()

    def run(self, noise: torch.Generator) -> Tensor:
        n_context = self.vae.n_context
        for i in range(n_context):
            self._embed(i)
        self._hidden(n_context - 1)
        for i in range(n_context, len(self.vae.sizes)):
            self.codes[:, i] = _draw(self._logits(i), noise)
            self._embed(i)
            self._hidden(i)
        return self.codes

    def _embed(self, i: int) -> None:
        vectors = self.table[self.codes[:, i] + self.offsets[i]]
        self.x[:, i * self.d : (i + 1) * self.d] = vectors

    def _hidden(self, degree: int) -> None:
        """Compute the hidden units that may see the sub-columns up to this degree, and could not before."""
        start, stop = (_first(self.degrees, d) for d in (degree, degree + 1))
        if start == stop:
            return
        seen = (degree + 1) * self.d
        value = functional.linear(self.x[:, :seen], self.weights[0][start:stop, :seen], self.layers[0].bias[start:stop])
        value = value + self.shifts[0][:, start:stop]
        for i in range(1, len(self.layers)):
            self.active[i - 1][:, start:stop] = functional.silu(value)
            weight, bias = self.weights[i][start:stop, :stop], self.layers[i].bias[start:stop]
            value = (
                value + functional.linear(self.active[i - 1][:, :stop], weight, bias) + self.shifts[i][:, start:stop]
            )
        self.active[-1][:, start:stop] = functional.silu(value)

    def _logits(self, i: int) -> Tensor:
        decoder, seen, stop = self.vae.decoder, i * self.d, _first(self.degrees, i)
        place = i - self.vae.n_context
        rows = decoder.slices[place]
        logits = functional.linear(self.x[:, :seen], decoder.direct.weight[rows, :seen], decoder.direct.bias[rows])
        logits = logits + functional.linear(
            self.active[-1][:, :stop], decoder.out.weight[rows, :stop], decoder.out.bias[rows]
        )
        coarse = decoder.within[place]
        return logits if coarse is None else logits + decoder.refine[str(i)][self.codes[:, coarse]]


def _first(degrees: list[int], degree: int) -> int:
    """Give the position of the first hidden unit of at least this degree."""
    return bisect_left(degrees, degree)


def _draw(logits: Tensor, noise: torch.Generator) -> Tensor:
    """Draw one code a row by inverting the cumulative distribution: one uniform number a row."""
    cumulative = torch.softmax(logits.double(), -1).cumsum(-1)
    uniform = torch.rand(len(logits), 1, generator=noise, device=logits.device, dtype=torch.float64)
    return torch.searchsorted(cumulative, uniform * cumulative[:, -1:]).squeeze(-1).clamp(max=logits.shape[-1] - 1)
