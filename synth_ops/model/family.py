"""What a family of models is made of: a network over codes that trains, and fills rows."""

import torch
from torch import Tensor

from synth_ops.encode.layout import Layout
from synth_ops.model.config import TrainingConfig
from synth_ops.model.trainable import Trainable


class CodeNetwork(Trainable):
    """A network over code matrices; it is built from ``(layout, counts, n_context, config)``."""

    counts: Tensor
    """``(n_codes,)``, how often each code of each sub-column occurs in the training rows; kept with the weights."""

    def start(self, rows: Tensor) -> None:
        """Set what counting alone can tell, from ``(n_rows, n_sub_columns)`` training codes."""

    def forget_joints(self) -> None:
        """Leave each column its own frequencies and nothing else."""
        raise NotImplementedError

    def to_follow(self, layout: Layout, config: TrainingConfig) -> tuple[Trainable, TrainingConfig] | None:  # noqa: ARG002 — of the protocol
        """Give a second training, to follow the first, and how long it lasts; None where the first is all."""
        return None

    @torch.no_grad()
    def sample(
        self, codes: Tensor, noise: torch.Generator, *, is_given: Tensor | None = None, never_null: bool = False
    ) -> Tensor:
        """Draw what is not given.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)`` with the context, and what is given, in its place
        - is_given: the same, where more than the context is given
        - result: the same, filled; `codes` itself

        With `never_null`, what is drawn is not null.
        """
        raise NotImplementedError
