"""The VAE: a masked autoregressive decoder over the codes, conditioned on a latent where there is one."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synth_ops.encode.layout import Layout
from synth_ops.model.ancestral import Ancestral, Given
from synth_ops.model.conditioning import Conditional, Conditioning
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.heads import CLOSED, Heads
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.marginals import marginals_of
from synth_ops.model.network import Decoder, Recognition
from synth_ops.model.trainable import rows_within

N_PROPOSALS = 8
"""Rows drawn for one of which something is given, and that one is chosen of."""


class VAE(Conditional):
    """Model rows of codes, given the codes of the leading context sub-columns.

    Trained on the evidence lower bound (Kingma & Welling 2014, eq. 3), in nats per row; without a latent the bound is
    the likelihood itself.
    """

    counts: Tensor

    def __init__(self, layout: Layout, counts: Tensor, n_context: int, config: NetworkConfig) -> None:
        """Lay the network out; `start` gives it its first weights.

        Args:
            layout: the sub-columns, context first.
            counts: ``(n_codes,)``, how often each code of each sub-column occurs in the training rows: it decides what
                is modelled as continuous, and is kept with the weights.
            n_context: leading sub-columns that are always given.
            config: sizes.
        """
        super().__init__()
        self.n_context, self.sizes, self.d_latent = n_context, layout.sizes, config.d_latent
        self._cut: tuple[object, Ancestral] | None = None
        marginals = marginals_of(layout, counts)
        self.register_buffer("counts", counts)
        self.inputs = CodeInputs(marginals, config.d_embedding, own_days=config.own_days)
        self.heads = Heads(marginals, n_context)
        self.decoder = Decoder(
            self.inputs.owners, n_context, self.heads.degrees(), config, precise_from=self.heads.mixtures_start
        )
        with torch.no_grad():
            self.decoder.out.bias.copy_(self.heads.marginal_bias())
        self.rows_at_once = rows_within(len(self.inputs.owners) + self.heads.n_outputs)
        self.conditioning = Conditioning(marginals, self.heads.degrees(), config)
        if self.d_latent:
            d_in, d_shifts = sum(self.inputs.widths), config.d_hidden * (1 + config.n_blocks)
            self.recognition = Recognition(d_in, config.d_recognition, config.d_latent)
            self.latent = nn.Linear(config.d_latent, d_shifts, bias=False)
            nn.init.normal_(self.latent.weight, std=0.1)

    def start(self, rows: Tensor) -> None:
        """Set what counting alone can tell, from ``(n_rows, n_sub_columns)`` training codes."""
        self.heads.start(rows)

    @torch.no_grad()
    def forget_joints(self) -> None:
        """Leave each column its own frequencies and nothing else."""
        self.decoder.out.weight.zero_()
        if self.decoder.direct is not None:
            self.decoder.direct.weight.zero_()
            self.decoder.direct.bias.zero_()
        self.decoder.out.bias.copy_(self.heads.marginal_bias(others=CLOSED))

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the parameters of the evidence; the conditioning is trained after them."""
        return {"evidence": [p for n, p in self.named_parameters() if not n.startswith("conditioning.")]}

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:  # noqa: ARG002 — there is one part
        """Give the mean negative evidence lower bound of the rows, with dropout, for a gradient step.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``
        - result: ``()``
        """
        reconstruction, kl = self._bound(codes, noise, dropout=True)
        return (reconstruction + config.kl_weight * kl).mean()

    def row_nats(self, codes: Tensor) -> Tensor:
        """Give each row's negative log-likelihood, ``(n_rows,)``, with gradients and without dropout; of no latent."""
        return self._bound(codes, torch.Generator(), dropout=False)[0]

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give each row's negative evidence lower bound, ``(n_rows,)``."""
        reconstruction, kl = self._bound(codes, noise, dropout=False)
        return reconstruction + kl

    def conditional_nats(self, codes: Tensor, is_given: Tensor) -> Tensor:
        """Give the negative log-likelihood of each code, given those marked and those before it.

        **Shape**

        - codes, is_given: ``(n_rows, n_sub_columns)``
        - result: ``(n_rows, n_sub_columns)``; what it says of a given code is of no meaning
        """
        shifts, added = self.conditioning(codes, is_given)
        return self.heads.nats(self.decoder(self.inputs(codes), shifts) + added, codes)

    @torch.no_grad()
    def sample(
        self, codes: Tensor, noise: torch.Generator, *, is_given: Tensor | None = None, never_null: bool = False
    ) -> Tensor:
        """Draw rows from the latent's prior and the decoder, one sub-column after another.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)`` with the context, and what is given, in its place
        - is_given: the same, where more than the context is given
        - result: the same, filled; `codes` itself

        With `never_null`, what is drawn is not null.
        """
        sampler = self._sampler()
        if is_given is not None:
            return self._draw_given(sampler, codes, noise, is_given, never_null=never_null)
        shifts = None
        if self.d_latent:
            shifts = self._shifts(torch.randn(len(codes), self.d_latent, generator=noise, device=codes.device))
        return sampler.run(codes, noise, shifts=shifts)

    def _sampler(self) -> Ancestral:
        """Give the weights cut for sampling, anew when they have changed: chunks are many, and short."""
        cut_of = tuple((p.data_ptr(), p._version) for p in self.parameters())  # noqa: SLF001 — torch has no other word
        if self._cut is None or self._cut[0] != cut_of:
            self._cut = cut_of, Ancestral(self.decoder, self.heads, self.inputs.tables(), self.n_context)
        return self._cut[1]

    def _draw_given(
        self, sampler: Ancestral, codes: Tensor, noise: torch.Generator, is_given: Tensor, *, never_null: bool
    ) -> Tensor:
        """Draw rows that hold what is given, several for each, and keep one of them.

        What the conditioning proposes is weighed by what the decoder says of the whole row (sampling importance
        resampling, Rubin 1988): so a joint holds that the conditioning has not learned. With a latent there is only a
        bound to weigh by, and one is drawn.
        """
        told, added = self.conditioning(codes * is_given, is_given)
        given = Given(is_given, added, never_null)
        if self.d_latent:
            return sampler.run(codes, noise, shifts=told, given=given)
        chosen, best = codes, torch.full((len(codes),), -torch.inf, device=codes.device)
        for _ in range(N_PROPOSALS):
            drawn = sampler.run(codes.clone(), noise, shifts=told, given=given)
            proposed = self.heads.nats(self.decoder(self.inputs(drawn), told) + added, drawn)
            weight = (proposed * ~is_given).sum(1) - self.nats(drawn, noise)
            lot = torch.rand(len(codes), generator=noise, device=codes.device).clamp(min=1e-30)
            score = weight - torch.log(-torch.log(lot))  # the greatest of these is a draw by weight (Gumbel's trick)
            is_better = score > best
            chosen, best = torch.where(is_better[:, None], drawn, chosen), torch.where(is_better, score, best)
        return codes.copy_(chosen)

    def _bound(self, codes: Tensor, noise: torch.Generator, *, dropout: bool) -> tuple[Tensor, Tensor]:
        x = self.inputs(codes)
        shifts, kl = None, x.new_zeros(len(x))
        if self.d_latent:
            mean, log_variance = self.recognition(x)
            epsilon = torch.randn(mean.shape, generator=noise, device=mean.device)
            shifts = self._shifts(mean + epsilon * torch.exp(0.5 * log_variance))
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
        outputs = self.decoder(x, shifts, noise if dropout else None)
        return self.heads.nats(outputs, codes).sum(-1), kl

    def _shifts(self, z: Tensor) -> list[Tensor]:
        """Give what a latent adds to each layer's hidden units."""
        return list(self.latent(z).split(len(self.decoder.degrees), dim=-1))
