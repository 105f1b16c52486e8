"""The training loop that both families share: averaged weights, early stopping, checkpoints that resume exactly.

Length is counted in rows, order and noise come from the seed, so the result depends on the machine's speed only where
a time budget cuts it short. A run that was killed and resumed gives the same weights as one that was not.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from synth_ops.errors import WorkerFailed
from synth_ops.model.config import TrainingConfig
from synth_ops.workspace import staged, write_text

Stop = Literal["converged", "epochs", "time budget"]


class Trainable(nn.Module):
    """What the loop needs of a network; a family with several objectives has several parts, stepped in turn."""

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the parameters that each objective moves."""
        raise NotImplementedError

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
        """Give one objective's loss on a batch, with gradients."""
        raise NotImplementedError

    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give what validation minimises, a number for each row."""
        raise NotImplementedError


@dataclass
class Counters:
    """Where a training stands: everything that is not a tensor."""

    step: int = 0
    lr_scale: float = 1.0
    best: float = math.inf
    n_bad: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trained:
    """How a training ended."""

    n_steps: int
    n_epochs: int
    loss: float
    """Best validation loss, nats per row."""
    stopped_by: Stop
    seconds: float


@dataclass(frozen=True)
class Tick:
    """One validation, for whoever watches."""

    epoch: int
    done: float
    loss: float
    eta_seconds: float


def train(
    network: Trainable,
    codes: Tensor,
    config: TrainingConfig,
    *,
    checkpoint: Path | None = None,
    watch: Callable[[Tick], None] = lambda _tick: None,
) -> Trained:
    """Train the network in place; on return it holds the averaged weights that validated best.

    **Shape**

    - codes: ``(n_rows, n_sub_columns)`` on the network's device

    Args:
        network: what is to learn.
        codes: all rows; some are held out to decide when to stop.
        config: how long, how fast, and from which seed.
        checkpoint: a folder that holds the state of an unfinished training of the same rows and configuration;
            it is resumed where there is one, and left there.
        watch: called after each validation.

    Raises:
        WorkerFailed: the loss is not a number.
    """
    loop = _Loop(network, codes, config, checkpoint)
    return loop.run(watch)


class _Loop:
    def __init__(self, network: Trainable, codes: Tensor, config: TrainingConfig, checkpoint: Path | None) -> None:
        self.network, self.config, self.folder = network, config, checkpoint
        self.device = codes.device
        self.held, self.rows = split_validation(codes, config)
        self.batch_size = batch_size(len(self.rows), config.batch_size)
        self.n_batches = max(1, len(self.rows) // self.batch_size)
        self.n_steps = max(1, min(config.n_epochs * self.n_batches, config.max_row_visits // self.batch_size))
        self.validate_every = max(1, min(self.n_batches, 65_536 // self.batch_size))
        self.averaged = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.best = copy.deepcopy(network.state_dict())
        self.noise = torch.Generator(self.device).manual_seed(config.seed)
        self.optimizers = {part: _optimizer(params, config) for part, params in network.parts().items()}
        self.at = Counters()
        self.started = time.monotonic()

    def run(self, watch: Callable[[Tick], None]) -> Trained:
        self._resume()
        saved_at = time.monotonic()
        stop: Stop = "epochs"
        while self.at.step < self.n_steps:
            self._step()
            if self.at.step % self.validate_every == 0 or self.at.step == self.n_steps:
                self._validate()
                watch(self._tick())
                if self.at.n_bad >= self.config.patience:
                    stop = "converged"
                    break
                if self._out_of_time():
                    stop = "time budget"
                    break
                if time.monotonic() - saved_at > self.config.checkpoint_seconds:
                    self._save()
                    saved_at = time.monotonic()
        self.network.load_state_dict(self.best)
        epochs = math.ceil(self.at.step / self.n_batches)
        return Trained(self.at.step, epochs, self.at.best, stop, self._seconds())

    def _step(self) -> None:
        for group in (g for o in self.optimizers.values() for g in o.param_groups):
            group["lr"] = self.config.learning_rate * self._schedule()
        batch = self._batch()
        for part, optimizer in self.optimizers.items():
            loss = self.network.part_loss(part, batch, self.noise, self.config)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 5.0)
            optimizer.step()
        self.at.step += 1
        self._average()

    def _schedule(self) -> float:
        """Warm up, stay, fall with each plateau, and end near zero if the rows run out first."""
        warm = min(1.0, (self.at.step + 1) / 100)
        left = 1 - self.at.step / self.n_steps
        return warm * self.at.lr_scale * min(1.0, left / 0.5)

    def _batch(self) -> Tensor:
        epoch, place = divmod(self.at.step, self.n_batches)
        if place == 0 or not hasattr(self, "order"):
            shuffle = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
            self.order = torch.randperm(len(self.rows), generator=shuffle).to(self.device)
        return self.rows[self.order[place * self.batch_size : (place + 1) * self.batch_size]]

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema, (1 + self.at.step) / (10 + self.at.step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - keep)

    def _validate(self) -> None:
        noise = torch.Generator(self.device).manual_seed(self.config.seed + 1)
        nats = [self.averaged.nats(piece, noise) for piece in torch.split(self.held, 8192)]
        loss = float(torch.cat(nats).mean())
        if not math.isfinite(loss):
            raise WorkerFailed(
                f"The validation loss must be a number, however it is {loss} at step {self.at.step}."
                " Nothing was kept; run again, and lower the learning rate if it comes back."
            )
        if loss < self.at.best - 1e-4:
            self.best = copy.deepcopy(self.averaged.state_dict())
            self.at.best, self.at.n_bad = loss, 0
            return
        self.at.n_bad += 1
        self.at.lr_scale *= 0.5

    def _tick(self) -> Tick:
        seconds, done = self._seconds(), self.at.step / self.n_steps
        eta = seconds * (1 - done) / done
        if self.config.time_budget_seconds is not None:
            eta = min(eta, max(0.0, self.config.time_budget_seconds - seconds))
        return Tick(self.at.step // self.n_batches, done, self.at.best, eta)

    def _seconds(self) -> float:
        return self.at.seconds + time.monotonic() - self.started

    def _out_of_time(self) -> bool:
        budget = self.config.time_budget_seconds
        return budget is not None and self._seconds() >= budget

    def _save(self) -> None:
        if self.folder is None:
            return
        tensors = {"noise": self.noise.get_state()}
        for name, state in (("live", self.network), ("averaged", self.averaged)):
            tensors |= {f"{name}/{k}": v for k, v in state.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for part, optimizer in self.optimizers.items():
            for i, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{part}/{i}/{k}": v for k, v in state.items()}
        counters = asdict(self.at) | {"seconds": self._seconds()}
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.at.step}.safetensors"
        with staged(self.folder / name) as part_file:
            save_file({k: v.contiguous() for k, v in tensors.items()}, part_file)
        write_text(self.folder / "state.json", json.dumps({"tensors": name, "of": self._of(), **counters}))
        for old in self.folder.glob("*.safetensors"):
            if old.name != name:
                old.unlink()

    def _resume(self) -> None:
        """Take up a checkpoint of this very training; a damaged or foreign one is passed over."""
        try:
            state = json.loads((self.folder / "state.json").read_text()) if self.folder else None
            if state is None or state.pop("of") != self._of():
                return
            tensors = load_file(self.folder / state.pop("tensors"), device=str(self.device))
        except (OSError, ValueError, KeyError, SafetensorError):
            return
        self.noise.set_state(tensors["noise"].cpu())
        self.network.load_state_dict(_under(tensors, "live/"))
        self.averaged.load_state_dict(_under(tensors, "averaged/"))
        self.best = _under(tensors, "best/")
        for part, optimizer in self.optimizers.items():
            saved = optimizer.state_dict()
            for key, value in _under(tensors, f"optimizer/{part}/").items():
                i, name = key.split("/")
                saved["state"].setdefault(int(i), {})[name] = value
            optimizer.load_state_dict(saved)
        self.at = Counters(**state)

    def _of(self) -> str:
        """Say which training a checkpoint belongs to: the rows, and all that decides its course."""
        course = self.config.model_dump_json(exclude={"time_budget_seconds", "checkpoint_seconds"})
        place = torch.arange(self.rows.numel(), device=self.device).view_as(self.rows) % 1_000_003 + 1
        return f"{int((self.rows * place).sum())}:{tuple(self.rows.shape)}:{course}"


def split_validation(codes: Tensor, config: TrainingConfig) -> tuple[Tensor, Tensor]:
    """Give the rows that decide when to stop, and the rows to learn from.

    Small tables give up a larger share, at least 100 rows where there are that many to spare.
    """
    n_held = min(max(round(config.validation * len(codes)), 100), max(1, len(codes) // 5), 20_000)
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(config.seed)).to(codes.device)
    return codes[order[:n_held]], codes[order[n_held:]]


def batch_size(n_rows: int, most: int) -> int:
    """Give a power of two that leaves some 64 steps an epoch, between 16 and `most`.

    >>> batch_size(2_000, 512), batch_size(1_000_000, 512)
    (32, 512)
    """
    return max(1, min(most, n_rows, max(16, 1 << int(math.log2(max(n_rows / 48, 1))))))


def _optimizer(parameters: list[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """Decay matrices, leave biases and tables alone."""
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=config.learning_rate, betas=(0.9, 0.99))


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
