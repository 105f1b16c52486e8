"""What a training needs of a network."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synth_ops.model.config import TrainingConfig

_MOST_NUMBERS = 2**27
"""Numbers that are held together: half a gigabyte."""


@dataclass(frozen=True)
class Pace:
    """How one of several objectives is stepped."""

    rate: float = 1.0
    """Its learning rate, in that of the configuration."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Weights of the past in the optimizer's means of gradients and of their squares."""
    n_steps: int = 1
    """Its steps on each batch."""


class Trainable(nn.Module):
    """A network with objectives; a family with several has several parts, stepped in turn."""

    rows_at_once: int = 16_384
    """Rows that it is asked of together at most, where there is no gradient: of wide tables fewer, to spare memory."""

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the parameters that each objective moves."""
        raise NotImplementedError

    def pace(self, part: str) -> Pace:  # noqa: ARG002 — of the protocol
        """Give how an objective is stepped."""
        return Pace()

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
        """Give one objective's mean loss on rows, with gradients; two threads may ask at once, for other rows."""
        raise NotImplementedError

    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give what validation minimises, a number for each row."""
        raise NotImplementedError


def rows_within(n_numbers: int) -> int:
    """Give the rows of so many numbers each that are looked at together.

    >>> rows_within(600), rows_within(100_000)
    (16384, 1342)
    """
    return max(64, min(Trainable.rows_at_once, _MOST_NUMBERS // max(1, n_numbers)))
