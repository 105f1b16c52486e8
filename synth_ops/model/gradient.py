"""The gradient of a batch, in two shards of its rows: each has noise and, where there are cores, a thread of its own.

Threads that share one operation await each other at each, and on a busy machine most of the time. These meet once a
step. The shards are the same however many cores there are, and so is their sum.
"""

from collections.abc import Iterable, Sequence
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
    """Computes gradients; as a context, with the threads that operations may take shared among the shards."""

    def __init__(self, network: Trainable, config: TrainingConfig, device: torch.device, batch_size: int) -> None:
        self.network, self.config, self.device = network, config, device
        is_cut = device.type == "cpu" and batch_size >= N_SHARDS * _FEWEST_ROWS and not config.compile
        self.noises = [torch.Generator(device) for _ in range(N_SHARDS if is_cut else 1)]
        self.pool: ThreadPoolExecutor | None = None
        self.n_threads = torch.get_num_threads()

    def __enter__(self) -> Self:
        self.n_threads = torch.get_num_threads()
        if self.device.type == "cpu":
            torch.set_num_threads(max(1, self.n_threads // N_SHARDS))
        if len(self.noises) > 1 and self.n_threads > 1:
            self.pool = ThreadPoolExecutor(1, thread_name_prefix="gradient")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None
        torch.set_num_threads(self.n_threads)

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
        shards = [(part, c, noise, parameters, len(c) / len(codes)) for c, noise in self._cut(codes)]
        others = [self.pool.submit(self._of_shard, *shard) for shard in shards[1:]] if self.pool else []
        loss, gradients = self._of_shard(*shards[0])
        besides = [other.result() for other in others] or [self._of_shard(*shard) for shard in shards[1:]]
        for loss_besides, more in besides:
            loss = loss + loss_besides
            torch._foreach_add_([g for g in gradients if g is not None], [g for g in more if g is not None])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        return loss

    def _cut(self, codes: Tensor) -> Iterable[tuple[Tensor, torch.Generator]]:
        return zip(codes.tensor_split(len(self.noises)), self.noises, strict=True)

    def _of_shard(
        self, part: str, codes: Tensor, noise: torch.Generator, parameters: Sequence[nn.Parameter], share: float
    ) -> tuple[Tensor, Sequence[Tensor | None]]:
        with lower_precision(self.device):
            loss = self.network.part_loss(part, codes, noise, self.config) * share
        return loss.detach(), torch.autograd.grad(loss, parameters, allow_unused=True)
