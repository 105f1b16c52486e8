"""The training loop that both families share: averaged weights, early stopping, checkpoints that resume exactly.

Length is counted in rows, order and noise come from the seed, so the result depends on the machine's speed only where
a time budget cuts it short. A run that was killed and resumed gives the same weights as one that was not.
"""

import copy
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from synth_ops.errors import WorkerFailed
from synth_ops.model.adamw import AdamW
from synth_ops.model.checkpoint import load_checkpoint, save_checkpoint, under
from synth_ops.model.clock import Clock
from synth_ops.model.config import TrainingConfig
from synth_ops.model.eta import validations_left
from synth_ops.model.gradient import BatchGradient
from synth_ops.model.trainable import Trainable
from synth_ops.records import LossPoint

Stop = Literal["converged", "epochs", "time budget"]
N_TRIES = 3
"""Starts from the best weights before a diverging loss is given up on."""
CALMER = 0.3
"""Learning rate of a new try, in that of the one before."""
MOST_POINTS = 200
"""Points of the loss that are kept."""
_STEEPEST = 5.0
"""Length of a gradient at most."""
_AFAR = 2.0
"""Times the best loss, and at least this much above it, from which a loss is taken to diverge."""
_FEW_ROWS = 1 << 16
"""Rows that are looked at together where all are, so that little is held beside them."""


@dataclass
class Counters:
    """Where a training stands: everything that is not a tensor."""

    step: int = 0
    lr_scale: float = 1.0
    best: float = math.inf
    best_step: int = 0
    n_bad: int = 0
    n_tries: int = 1
    began_step: int = 0
    """The step at which this try began."""
    losses: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """How a training ended."""

    n_steps: int
    n_epochs: int
    loss: float
    """Best validation loss, nats per row."""
    stopped_by: Stop
    seconds: float
    n_tries: int = 1
    losses: tuple[LossPoint, ...] = ()


@dataclass(frozen=True)
class Tick:
    """One validation, for whoever watches."""

    epoch: int
    done: float
    loss: float
    eta_seconds: float
    n_tries: int = 1


def train(
    network: Trainable,
    codes: Tensor,
    config: TrainingConfig,
    *,
    checkpoint: Path | None = None,
    watch: Callable[[Tick], None] = lambda _tick: None,
    began: float | None = None,
) -> Trained:
    """Train the network in place; on return it holds the averaged weights that validated best.

    **Shape**

    - codes: ``(n_rows, n_sub_columns)`` on the network's device, of any type of integer; a batch is widened when used

    Args:
        network: what is to learn.
        codes: all rows; some are held out to decide when to stop.
        config: how long, how fast, and from which seed.
        checkpoint: a folder that holds the state of an unfinished training of the same rows and configuration;
            it is resumed where there is one, and left there.
        watch: called after each validation.
        began: `time.monotonic()` when the work began that the time budget pays for; now by default.

    Raises:
        WorkerFailed: the loss diverged three times.
    """
    return _Loop(network, codes, config, checkpoint, began).run(watch)


class _Loop:
    """One training. Between validations nothing is asked of the device, so that a GPU is never waited for."""

    def __init__(
        self, network: Trainable, codes: Tensor, config: TrainingConfig, checkpoint: Path | None, began: float | None
    ) -> None:
        self.clock = Clock(config.time_budget_seconds, began=began)
        self.network, self.config, self.folder = network, config, checkpoint
        self.device = codes.device
        self.held, self.rows = split_validation(codes, config)
        most = config.gpu_batch_size if self.device.type == "cuda" else config.batch_size
        self.batch_size = batch_size(len(self.rows), most)
        self.n_batches = max(1, len(self.rows) // self.batch_size)
        self.n_steps = max(1, min(config.n_epochs * self.n_batches, config.max_row_visits // self.batch_size))
        self.validate_every = max(1, min(self.n_batches, 65_536 // self.batch_size))
        self.averaged = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.best = copy.deepcopy(network.state_dict())
        self.gradient = BatchGradient(network, config, self.device, self.batch_size)
        self.gradient.seed(config.seed)
        self.optimizers = self._new_optimizers()
        self.loss_sums = {part: torch.zeros((), device=self.device) for part in self.optimizers}
        self.order_of: tuple[int, int] | None = None
        self.at = Counters()
        self.saved_at = time.monotonic()
        if config.compile:
            for module in network.children():
                module.compile()

    def run(self, watch: Callable[[Tick], None]) -> Trained:
        self._resume()
        if not self.at.losses:
            self._validate()
        with self.gradient:
            stop = self._learn(watch)
        self.network.load_state_dict(self.best)
        at, epochs = self.at, math.ceil(self.at.step / self.n_batches)
        losses = thinned([LossPoint.model_validate(point) for point in at.losses])
        return Trained(at.step, epochs, at.best, stop, self.clock.seconds, at.n_tries, losses)

    def _learn(self, watch: Callable[[Tick], None]) -> Stop:
        while self.at.step < self.n_steps:
            if not self.clock.has_time:
                if self.at.step > self._last_validated():
                    self._validate()
                    watch(self._tick())
                return "time budget"
            self._step()
            if self.at.step % self.validate_every == 0 or self.at.step == self.n_steps:
                self._validate()
                watch(self._tick())
                if self.at.n_bad >= self.config.patience:
                    return "converged"
            if time.monotonic() - self.saved_at > self.config.checkpoint_seconds:
                self._save()
        return "epochs"

    def _step(self) -> None:
        started = time.monotonic()
        batch, rate = self._batch(), self.config.learning_rate * self._schedule()
        for part, optimizer in self.optimizers.items():
            pace = self.network.pace(part)
            for _ in range(pace.n_steps):
                loss = self.gradient.step(part, batch, optimizer.parameters)
                nn.utils.clip_grad_norm_(optimizer.parameters, _STEEPEST)
                optimizer.step(rate * pace.rate)
            self.loss_sums[part] += loss
        self.at.step += 1
        self._average()
        self.clock.step_took(time.monotonic() - started)

    def _schedule(self) -> float:
        """Warm up, stay, fall with each plateau, and end near zero if the rows or the time run out first."""
        warm = min(1.0, (self.at.step - self.at.began_step + 1) / 100)
        left = 1 - max(self.at.step / self.n_steps, self.clock.share)
        return warm * self.at.lr_scale * min(1.0, left / 0.5)

    def _batch(self) -> Tensor:
        epoch, place = divmod(self.at.step, self.n_batches)
        if self.order_of != (epoch, self.at.n_tries):
            shuffle = torch.Generator().manual_seed(self._seed() * 1_000_003 + epoch)
            self.order = torch.randperm(len(self.rows), generator=shuffle).to(self.device)
            self.order_of = (epoch, self.at.n_tries)
        return self.rows[self.order[place * self.batch_size : (place + 1) * self.batch_size]].long()

    def _seed(self) -> int:
        """Give the seed of this try."""
        return self.config.seed + (self.at.n_tries - 1) * 7_919

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema, (1 + self.at.step) / (10 + self.at.step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - keep)

    def _validate(self) -> None:
        """Keep the averaged weights if they are the best so far, or go back to those that were."""
        started = time.monotonic()
        noise = torch.Generator(self.device).manual_seed(self.config.seed + 1)
        nats = [self.averaged.nats(piece.long(), noise) for piece in self.held.split(self.network.rows_at_once)]
        loss = float(torch.cat(nats).mean())
        if not math.isfinite(loss) or loss > self.at.best + max(_AFAR, (_AFAR - 1) * abs(self.at.best)):
            self._try_again(loss)
            return
        self.at.losses.append(self._point(loss))
        if loss < self.at.best - 1e-4:
            self.best = copy.deepcopy(self.averaged.state_dict())
            self.at.best, self.at.best_step, self.at.n_bad = loss, self.at.step, 0
        else:
            self.at.n_bad += 1
            self.at.lr_scale *= 0.5
        self.clock.validation_took(time.monotonic() - started)

    def _last_validated(self) -> int:
        return int(self.at.losses[-1]["n_visits"]) // self.batch_size if self.at.losses else 0

    def _point(self, loss: float) -> dict[str, Any]:
        since = self.at.step - self._last_validated()
        training = {part: float(total) / since for part, total in self.loss_sums.items()} if since else {}
        for total in self.loss_sums.values():
            total.zero_()
        return {
            "epoch": round(self.at.step / self.n_batches, 2),
            "n_visits": self.at.step * self.batch_size,
            "seconds": round(self.clock.seconds, 2),
            "validation": round(loss, 5),
            "training": {part: round(value, 5) for part, value in training.items() if math.isfinite(value)},
        }

    def _try_again(self, loss: float) -> None:
        """Go on from the best weights at a lower learning rate, with other noise and another order of rows."""
        if self.at.n_tries == N_TRIES or not self.at.losses:
            raise WorkerFailed(
                f"The validation loss must stay near the best so far, however it went to {loss:.3g} at step"
                f" {self.at.step}, on try {self.at.n_tries} of {N_TRIES}, each at a lower learning rate than the one"
                f" before. Nothing was kept: run again with a learning rate below {self.config.learning_rate:g}, or"
                " with another `model:` for the table in synth.yaml."
            )
        self.network.load_state_dict(self.best)
        self.averaged.load_state_dict(self.best)
        self.at.n_tries += 1
        self.at.lr_scale, self.at.n_bad = CALMER ** (self.at.n_tries - 1), 0
        self.at.step = self.at.began_step = self.at.best_step
        self.at.losses = [point for point in self.at.losses if point["n_visits"] <= self.at.step * self.batch_size]
        self.gradient.seed(self._seed())
        self.optimizers = self._new_optimizers()
        for total in self.loss_sums.values():
            total.zero_()

    def _tick(self) -> Tick:
        done = max(self.at.step / self.n_steps, self.clock.share)
        return Tick(self.at.step // self.n_batches, done, self.at.best, self._eta(), self.at.n_tries)

    def _eta(self) -> float:
        """Give the seconds until the first of three: no more steps, no more time, no more gain."""
        losses = [point["validation"] for point in self.at.losses]
        seconds = [self.clock.seconds * (self.n_steps / max(1, self.at.step) - 1)]
        if self.clock.left is not None:
            seconds.append(self.clock.left)
        if len(losses) > 1:
            to_come = validations_left(losses, self.at.n_bad, self.config.patience)
            seconds.append(self.clock.seconds * to_come / (len(losses) - 1))
        return min(seconds)

    def _new_optimizers(self) -> dict[str, AdamW]:
        decay, pace = self.config.weight_decay, self.network.pace
        parts = self.network.parts()
        return {part: AdamW(own, weight_decay=decay, betas=pace(part).betas) for part, own in parts.items()}

    def _save(self) -> None:
        self.saved_at = time.monotonic()
        if self.folder is None:
            return
        tensors = {f"noise/{k}": noise.get_state() for k, noise in enumerate(self.gradient.noises)}
        for name, network in (("live", self.network), ("averaged", self.averaged)):
            tensors |= {f"{name}/{k}": v for k, v in network.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        tensors |= {f"loss/{part}": total for part, total in self.loss_sums.items()}
        for part, optimizer in self.optimizers.items():
            tensors |= {f"optimizer/{part}/{name}": value for name, value in optimizer.tensors().items()}
        state = {"of": self._of(), "seconds": self.clock.seconds, "counters": asdict(self.at)}
        save_checkpoint(self.folder, self.at.step, tensors, state)

    def _resume(self) -> None:
        """Take up a checkpoint of this very training; a damaged or foreign one is passed over."""
        found = load_checkpoint(self.folder, self.device) if self.folder else None
        if found is None or found[1]["of"] != self._of():
            return
        tensors, state = found
        for k, noise in enumerate(self.gradient.noises):
            noise.set_state(tensors[f"noise/{k}"].cpu())
        self.network.load_state_dict(under(tensors, "live/"))
        self.averaged.load_state_dict(under(tensors, "averaged/"))
        self.best = under(tensors, "best/")
        self.loss_sums = under(tensors, "loss/")
        for part, optimizer in self.optimizers.items():
            optimizer.load(under(tensors, f"optimizer/{part}/"))
        self.at = Counters(**state["counters"])
        self.clock.earlier = state["seconds"]

    def _of(self) -> str:
        """Say which training a checkpoint belongs to: the rows, and all that decides its course."""
        course = self.config.model_dump_json(exclude={"time_budget_seconds", "checkpoint_seconds"})
        digest = hashlib.sha256()
        for piece in self.rows.split(_FEW_ROWS):
            digest.update(piece.contiguous().cpu().numpy().tobytes())
        return f"{digest.hexdigest()}:{tuple(self.rows.shape)}:{len(self.gradient.noises)}:{course}"


def split_validation(codes: Tensor, config: TrainingConfig) -> tuple[Tensor, Tensor]:
    """Give the rows that decide when to stop, and the rows to learn from.

    Small tables give up a larger share, at least 100 rows where there are that many to spare.
    """
    n_held = min(max(round(config.validation * len(codes)), 100), max(1, len(codes) // 5), 20_000)
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(config.seed)).to(codes.device)
    return codes[order[:n_held]].contiguous(), codes[order[n_held:]].contiguous()


def batch_size(n_rows: int, most: int) -> int:
    """Give a power of two that leaves some 64 steps an epoch, between 16 and `most`.

    >>> batch_size(2_000, 512), batch_size(1_000_000, 512)
    (32, 512)
    """
    return max(1, min(most, n_rows, max(16, 1 << int(math.log2(max(n_rows / 48, 1))))))


def thinned(losses: Sequence[LossPoint], most: int = MOST_POINTS) -> tuple[LossPoint, ...]:
    """Give at most that many points, evenly chosen, the first and the last among them."""
    chosen = np.linspace(0, len(losses) - 1, min(most, len(losses))).round().astype(int)
    return tuple(losses[i] for i in chosen)
