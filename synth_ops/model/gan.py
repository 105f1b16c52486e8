"""The GAN: a masked autoencoder that generates, taught by likelihood first and by a critic at the end.

A generator that starts from nothing spends its training on what counting could have told it, and drops modes. This one
learns every conditional by likelihood; the critic then finishes it, on rows that it has made itself, with the
likelihood as an anchor (as TAEGAN, Li et al. 2024, §3). What that is worth is in `benchmarks/gan_ablation.py`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synth_ops.encode.layout import Layout
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.family import CodeNetwork
from synth_ops.model.gan_finish import AdversarialFinish
from synth_ops.model.gan_generator import Generator
from synth_ops.model.trainable import Pace, Trainable, rows_within

_FINISH = 0.06
"""Row visits of the adversarial finish, in those of the training before it."""
_RATE = 0.4
"""Learning rate of the likelihood, in that of the configuration."""
_FINISH_RATE = 0.012
"""The same of the finish."""
_FINISH_EMA = 0.99
_FINISH_PATIENCE = 2
_SMALL = 1000
"""Rows below which a critic would learn them by heart, and there are too few held-out ones to stop it."""
_WIDE = 256
"""Sub-columns above which the finish is left out: it draws them one by one, thrice a step."""


class GAN(CodeNetwork):
    """Model rows of codes by filling them, given the codes of the leading context sub-columns and any others.

    The critic is not part of it: it is of no use once the training is over, and knows more of the training rows than
    the generator.
    """

    counts: Tensor

    def __init__(self, layout: Layout, counts: Tensor, n_context: int, config: NetworkConfig) -> None:
        """Lay the network out; `start` gives it its first weights. Arguments are those of `Generator`."""
        super().__init__()
        self.n_context = n_context
        self.register_buffer("counts", counts)
        self.generator = Generator(layout, counts, n_context, config)
        self.rows_at_once = rows_within(len(self.generator.inputs.owners) + self.generator.heads.n_outputs)

    def start(self, rows: Tensor) -> None:
        """Set what counting alone can tell, from ``(n_rows, n_sub_columns)`` training codes."""
        self.generator.start(rows)

    def forget_joints(self) -> None:
        """Leave each column its own frequencies and nothing else."""
        self.generator.forget_joints()

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the parameters that the likelihood of hidden codes moves: all of them."""
        return {"generator": list(self.parameters())}

    def pace(self, part: str) -> Pace:  # noqa: ARG002 — there is one part
        """Give the generator a slower pace than the configuration's, which is a decoder's."""
        return Pace(rate=_RATE)

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:  # noqa: ARG002 — there is one part
        """Give the mean negative log-likelihood of hidden codes, ``()``, for a gradient step."""
        return self.generator.masked_nats(codes, noise).mean()

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give each row's negative log-likelihood in the order of the passes, ``(n_rows,)``.

        Within a pass, codes are independent given the noise, of which one draw is taken: the mean over draws is an
        upper bound of the negative log-likelihood (Jensen's), and loose where the noise has come to matter.
        """
        return self.generator.nats(codes, noise)

    def to_follow(self, layout: Layout, config: TrainingConfig) -> tuple[Trainable, TrainingConfig] | None:
        """Give the adversarial finish; None where rows are too few for a critic, or too wide."""
        n_rows = int(self.counts[: layout.sizes[0]].sum())
        if n_rows < _SMALL or len(layout.sizes) > _WIDE:
            return None
        visits = min(config.max_row_visits, config.n_epochs * n_rows)
        course = {
            "max_row_visits": max(1, int(visits * _FINISH)),
            "learning_rate": config.learning_rate * _FINISH_RATE,
            "ema": _FINISH_EMA,
            "patience": _FINISH_PATIENCE,
            "compile": False,  # the penalty is a gradient of a gradient, which compiled kernels do not have
        }
        return AdversarialFinish(self.generator, config.seed), config.model_copy(update=course)

    @torch.no_grad()
    def sample(
        self, codes: Tensor, noise: torch.Generator, *, is_given: Tensor | None = None, never_null: bool = False
    ) -> Tensor:
        """Draw what is not given, pass by pass.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)`` with the context, and what is given, in its place
        - is_given: the same, where more than the context is given
        - result: the same, filled; `codes` itself

        With `never_null`, what is drawn is not null.
        """
        shown = torch.zeros_like(codes, dtype=torch.bool) if is_given is None else is_given.clone()
        shown[:, : self.n_context] = True
        return self.generator.fill(codes, shown, noise, never_null=never_null)
