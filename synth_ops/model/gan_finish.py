"""The adversarial finish: a generator that can fill rows is taught, by a critic, to fill them unnoticed."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synth_ops.model.config import TrainingConfig
from synth_ops.model.gan_critic import PAC, Critic, critic_vectors, gradient_penalty
from synth_ops.model.gan_generator import Generator
from synth_ops.model.gan_judge import MADE, tell_apart
from synth_ops.model.gan_relaxed import relaxed_draw
from synth_ops.model.trainable import Pace, Trainable

_PENALTY = 10.0
"""Weight of the gradient penalty (Gulrajani et al. 2017, §4)."""
_ANCHOR = 0.1
"""Weight of the likelihood, per nat: what the critic cannot see stays as it was learned."""
_CRITIC, _GENERATOR = Pace(rate=5.0, betas=(0.5, 0.9), n_steps=2), Pace(betas=(0.5, 0.9))
_FROM_NOTHING = 0.5
"""Share of rows that the generator makes whole; the others begin with codes of a real row."""


class AdversarialFinish(Trainable):
    """The training of a generator against a critic; rows of both kinds show the same codes, known to the critic."""

    def __init__(self, generator: Generator, seed: int) -> None:
        """Take the generator, and draw a critic from the seed."""
        super().__init__()
        self.generator = generator
        self.vectors = critic_vectors(generator.heads.marginals, generator.inputs)
        d_row = sum(v.vectors.shape[1] for v in self.vectors) + len(self.vectors)
        with torch.random.fork_rng(devices=[]):  # torch draws initial weights from its global generator only
            torch.manual_seed(seed)
            self.critic = Critic(d_row).to(generator.passes.device)

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give what each of the two moves; the critic goes first."""
        return {"critic": list(self.critic.parameters()), "generator": list(self.generator.parameters())}

    def pace(self, part: str) -> Pace:
        """Give the critic its lead: a generator that outruns it learns its mistakes."""
        return _CRITIC if part == "critic" else _GENERATOR

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:  # noqa: ARG002 — nothing of it is asked
        """Give the critic's loss or the generator's, ``()``, for a gradient step.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``
        """
        codes = codes[: len(codes) // PAC * PAC]
        shown = self._choose_shown(len(codes), noise)
        with torch.autocast(codes.device.type, enabled=False):  # a penalty on a gradient needs its digits
            return self._critic_loss(codes, shown, noise) if part == "critic" else self._loss(codes, shown, noise)

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give how well made rows are told from these, ``(n_rows,)`` times the same area under the curve."""
        made = codes.repeat(MADE, 1)
        shown = torch.zeros_like(made, dtype=torch.bool)
        shown[:, : self.generator.n_context] = True
        area = tell_apart(codes, self.generator.fill(made, shown, noise))
        return torch.full((len(codes),), area, device=codes.device)

    def _critic_loss(self, codes: Tensor, shown: Tensor, noise: torch.Generator) -> Tensor:
        with torch.no_grad():
            made = self._make(codes, shown, noise)
        real = torch.cat([v.of_codes(c) for v, c in zip(self.vectors, codes.T, strict=True)] + [shown.float()], 1)
        distance: Tensor = self.critic(real).mean() - self.critic(made).mean()
        return _PENALTY * gradient_penalty(self.critic, real, made, noise) - distance

    def _loss(self, codes: Tensor, shown: Tensor, noise: torch.Generator) -> Tensor:
        anchor = self.generator.masked_nats(codes, noise).mean()
        score: Tensor = self.critic(self._make(codes, shown, noise)).mean()
        return _ANCHOR * anchor - score

    def _make(self, codes: Tensor, shown: Tensor, noise: torch.Generator) -> Tensor:
        """Fill rows, and give what the critic sees of them, ``(n_rows, d_row)``.

        A gradient reaches each pass through what it drew, not through what later passes made of that: one pass of
        gradient is steadier than eight, and none is left where rows cannot be told apart.
        """
        filled, z = codes.clone(), self.generator.draw_noise(len(codes), noise)
        seen = [v.of_codes(c) for v, c in zip(self.vectors, codes.T, strict=True)]
        for place in range(self.generator.n_passes):
            x = self.generator(filled, shown | (self.generator.passes < place), z)
            filled = filled.clone()
            for i in self.generator.members(place):
                draw = relaxed_draw(self.generator.heads, i, self.generator.outputs(x, i), filled, noise)
                filled[:, i] = torch.where(shown[:, i], filled[:, i], draw.codes)
                seen[i] = torch.where(shown[:, i, None], seen[i], self.vectors[i].of_draw(draw))
        return torch.cat([*seen, shown.float()], 1)

    def _choose_shown(self, n_rows: int, noise: torch.Generator) -> Tensor:
        """Choose ``(n_rows, n_sub_columns)``: the context, and of some rows what a random pass finds filled."""
        passes = self.generator.passes
        place = torch.randint(self.generator.n_passes, (n_rows, 1), generator=noise, device=passes.device)
        whole = torch.rand(n_rows, 1, generator=noise, device=passes.device) < _FROM_NOTHING
        return passes < torch.where(whole, 0, place)
