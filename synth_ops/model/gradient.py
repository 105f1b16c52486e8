"""The gradient of a batch, in two shards of its rows: each has noise and, where there are cores, a thread of its own.

Threads that share one operation await each other at each, and on a busy machine most of the time. These meet once a
step. The shards are the same however many cores there are, and so is their sum.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from synth_ops.model.config import TrainingConfig
from synth_ops.model.precision import lower_precision
from synth_ops.model.trainable import Trainable

N_SHARDS = 2
_FEWEST_ROWS = 64
"""Rows of a shard below which a thread is not worth waking."""


class BatchGradient:
    """Computes gradients until it is closed."""

    def __init__(self, network: Trainable, config: TrainingConfig, device: torch.device, batch_size: int) -> None:
        self.network, self.config, self.device = network, config, device
        is_cut = device.type == "cpu" and batch_size >= N_SHARDS * _FEWEST_ROWS and not config.compile
        self.noises = [torch.Generator(device) for _ in range(N_SHARDS if is_cut else 1)]
        self.threads = ThreadPoolExecutor(1, thread_name_prefix="gradient") if is_cut else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.threads is not None:
            self.threads.shutdown()

    def seed(self, seed: int) -> None:
        """Begin every shard's noise anew."""
        for k, noise in enumerate(self.noises):
            noise.manual_seed(seed + 15_485_863 * k)

    def step(self, part: str, codes: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
        """Leave the gradient of one objective's mean loss with its parameters, and give the loss.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``
        - result: ``()``
        """
        shards = codes.tensor_split(len(self.noises))
        shares = [len(shard) / len(codes) for shard in shards]
        if self.threads is None:
            ((loss, gradients),) = [self._of_shard(part, shards[0], self.noises[0], parameters, 1.0)]
        else:
            other = self.threads.submit(self._of_shard, part, shards[1], self.noises[1], parameters, shares[1])
            loss, gradients = self._of_shard(part, shards[0], self.noises[0], parameters, shares[0])
            loss_besides, besides = other.result()
            loss = loss + loss_besides
            torch._foreach_add_([g for g in gradients if g is not None], [g for g in besides if g is not None])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        return loss

    def _of_shard(
        self, part: str, codes: Tensor, noise: torch.Generator, parameters: Sequence[nn.Parameter], share: float
    ) -> tuple[Tensor, Sequence[Tensor | None]]:
        with lower_precision(self.device):
            loss = self.network.part_loss(part, codes, noise, self.config) * share
        return loss.detach(), torch.autograd.grad(loss, parameters, allow_unused=True)
