"""The optimizer: AdamW in one pass over each parameter and its moments.

Of `torch.optim` we take the kernel and not the class: to make one of its optimizers imports a compiler, which costs a
worker two seconds and 70 MB, at every table of every night.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

_EPSILON = 1e-8


class AdamW:
    """Moves parameters by their gradients (Loshchilov & Hutter 2019, algorithm 2).

    Matrices decay, biases and tables do not.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], *, weight_decay: float, betas: tuple[float, float]) -> None:
        self.parameters, self.weight_decay, self.betas = list(parameters), weight_decay, betas
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros((), device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move each parameter that has a gradient."""
        gradients = {i: p.grad for i, p in enumerate(self.parameters) if p.grad is not None}
        for decays in (True, False):
            chosen = {i: g for i, g in gradients.items() if (self.parameters[i].ndim > 1) == decays}
            if chosen:
                self._move(chosen, learning_rate, self.weight_decay if decays else 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """Give the state, by names."""
        moments = {"mean": self.means, "square": self.squares, "step": self.steps}
        return {f"{i}/{name}": value for name, values in moments.items() for i, value in enumerate(values)}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up a state that `tensors` gave."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])

    def _move(self, chosen: Mapping[int, Tensor], learning_rate: float, weight_decay: float) -> None:
        steps = [self.steps[i] for i in chosen]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            [self.parameters[i] for i in chosen],
            list(chosen.values()),
            [self.means[i] for i in chosen],
            [self.squares[i] for i in chosen],
            [],
            steps,
            lr=learning_rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )
