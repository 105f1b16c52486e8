"""Training under a privacy budget: DP-SGD (Abadi et al. 2016, algorithm 1) of the masked autoregressive VAE.

A step takes each row with a probability of its own (Poisson sampling), clips every row's gradient, and adds noise to
their sum. The number of steps is known before any row is. There is no validation, no choice of the best weights, and no
loss to be seen: all of these would tell of rows. What the network begins with, its marginals, are noisy counts.

The weights are averaged over the steps, which costs nothing: it looks at weights only.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth_ops.encode.layout import Layout
from synth_ops.joints import MIN_ROWS
from synth_ops.model.adamw import AdamW
from synth_ops.model.checkpoint import load_checkpoint, save_checkpoint, under
from synth_ops.model.clock import Clock
from synth_ops.model.config import PrivateConfig
from synth_ops.model.masked import MaskedLinear
from synth_ops.model.order import reading_order, reordered
from synth_ops.model.row_gradient import RowGradient
from synth_ops.model.synthesizer import Constant, Neural, Synthesizer, pick_device
from synth_ops.model.threads import one_thread
from synth_ops.model.training import Stop, Trained
from synth_ops.model.vae import VAE
from synth_ops.privacy.accountant import SampledGaussian

Watch = Callable[[float, float], None]
"""Told of the share that is done, and of the seconds left; of no loss."""


class PrivateSeeds(NamedTuple):
    """Where chance comes from; all are secret."""

    weights: int
    samples: int
    noise: int


def fit_privately(  # noqa: PLR0913 — what is learned is positional, how is by keyword
    codes: NDArray[np.integer[Any]],
    layout: Layout,
    counts: NDArray[np.int64],
    spending: SampledGaussian | None,
    config: PrivateConfig,
    *,
    n_rows: int,
    seeds: PrivateSeeds,
    device: str = "auto",
    checkpoint: Path | None = None,
    watch: Watch = lambda _done, _left: None,
    began: float | None = None,
) -> tuple[Synthesizer, Trained]:
    """Train a VAE of the rows, with no more than is paid for.

    **Shape**

    - codes: ``(n_rows, n_sub_columns)``, in any type of integer; there is no context
    - counts: ``(n_codes,)``, noisy, sub-column after sub-column

    Args:
        codes: as above.
        layout: what the sub-columns mean; it must follow from noisy counts.
        counts: as above.
        spending: the steps that are paid for; None where there is nothing to learn.
        config: how they are taken.
        n_rows: the noisy number of rows: the exact one is not looked at.
        seeds: of weights, samples and noise.
        device: ``auto``, ``cpu``, ``cuda``.
        checkpoint: a folder for the state of an unfinished training.
        watch: called now and then.
        began: `time.monotonic()` when the work began that a time budget pays for; now by default.
    """
    nothing = Trained(0, 0, 0.0, "epochs", 0.0)
    if not layout.sizes or spending is None:
        return Constant(layout, 0), nothing
    order = reading_order(layout, 0)
    read = reordered(layout, order)
    pieces = torch.from_numpy(counts).float().split(list(layout.sizes))
    sizes = config.network
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights from its global generator only
        torch.manual_seed(seeds.weights)
        network = VAE(read, torch.cat([pieces[i] for i in order]), 0, sizes)
    synthesizer = Neural("vae", network.to(pick_device(device)), layout, 0, sizes, order)
    if n_rows < MIN_ROWS:
        network.forget_joints()
        return synthesizer, nothing
    rows = torch.from_numpy(np.ascontiguousarray(codes[:, order])).to(pick_device(device))
    loop = _Loop(network, rows, _Course(spending, config, n_rows, seeds), checkpoint, began)
    with one_thread():  # threads that share the many small operations of a step await each other at each
        return synthesizer, loop.run(watch)


class _Course(NamedTuple):
    """How a training goes, whatever the rows."""

    spending: SampledGaussian
    config: PrivateConfig
    n_rows: int
    """Noisy."""
    seeds: PrivateSeeds

    @property
    def rate(self) -> float:
        """Each row's probability to be in a step: what is paid for, and less of large tables."""
        return min(self.spending.rate, self.config.most_rows / self.n_rows)

    @property
    def batch_size(self) -> float:
        """Rows of a step, as expected."""
        return self.rate * self.n_rows


class _Loop:
    """One training."""

    def __init__(
        self, network: VAE, rows: Tensor, course: _Course, checkpoint: Path | None, began: float | None
    ) -> None:
        self.clock = Clock(course.config.time_budget_seconds, began=began)
        self.network, self.rows, self.course, self.folder = network, rows, course, checkpoint
        self.gradient = RowGradient(network, course.config.clip)
        parameters, config = self.gradient.parameters, course.config
        self.optimizer = AdamW(parameters, weight_decay=config.weight_decay, betas=config.betas)
        self.averaged = [p.detach().clone() for p in parameters]
        self.masks = _masks(network)
        self.samples = torch.Generator(rows.device).manual_seed(course.seeds.samples)
        self.noise = torch.Generator(rows.device).manual_seed(course.seeds.noise)
        self.step, self.saved_at = 0, time.monotonic()

    def run(self, watch: Watch) -> Trained:
        self._resume()
        stop: Stop = "epochs"
        n_steps, told_at = self.course.spending.steps, time.monotonic()
        while self.step < n_steps:
            if not self.clock.has_time:
                stop = "time budget"
                break
            self._take_step()
            if time.monotonic() - told_at > self.course.config.tell_seconds or self.step == n_steps:
                told_at = time.monotonic()
                self._tell(watch)
            if time.monotonic() - self.saved_at > self.course.config.checkpoint_seconds:
                self._save()
        with torch.no_grad():
            for parameter, averaged in zip(self.gradient.parameters, self.averaged, strict=True):
                parameter.copy_(averaged)
        n_epochs = round(self.step * self.course.rate)
        return Trained(self.step, n_epochs, 0.0, stop, self.clock.seconds)

    def _take_step(self) -> None:
        started = time.monotonic()
        for parameter, gradient in zip(self.gradient.parameters, self.noisy_gradient(), strict=True):
            parameter.grad = gradient
        self.optimizer.step(self.course.config.learning_rate * self._schedule())
        self.step += 1
        keep = min(self.course.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, list(self.gradient.parameters), 1 - keep)
        self.clock.step_took(time.monotonic() - started)

    def noisy_gradient(self) -> list[Tensor]:
        """Give the sum of a sample's clipped gradients and noise, in rows of the expected sample."""
        lots = torch.rand(len(self.rows), generator=self.samples, device=self.rows.device)
        sample = self.rows[lots < self.course.rate].long()
        sums = [torch.zeros_like(p) for p in self.gradient.parameters]
        for piece in sample.split(self.course.config.rows_at_once):
            torch._foreach_add_(sums, self.gradient.clipped_sum(piece))
        spread = self.course.spending.noise * self.course.config.clip
        for total, mask in zip(sums, self.masks, strict=True):
            noise = torch.randn(total.shape, generator=self.noise, device=total.device).mul_(spread)
            total.add_(noise if mask is None else noise.mul_(mask)).div_(self.course.batch_size)
        return sums

    def _schedule(self) -> float:
        """Warm up, then fall to near zero where the steps or the time run out."""
        n_steps = self.course.spending.steps
        warm = min(1.0, (self.step + 1) / (0.05 * n_steps))
        left = 1 - max(self.step / n_steps, self.clock.share)
        return min(warm, left)

    def _tell(self, watch: Watch) -> None:
        done = max(self.step / self.course.spending.steps, self.clock.share)
        watch(done, self.clock.seconds * (1 / done - 1))

    def _save(self) -> None:
        self.saved_at = time.monotonic()
        if self.folder is None:
            return
        tensors = {"samples": self.samples.get_state(), "noise": self.noise.get_state()}
        tensors |= {f"live/{i}": p for i, p in enumerate(self.gradient.parameters)}
        tensors |= {f"averaged/{i}": p for i, p in enumerate(self.averaged)}
        tensors |= {f"optimizer/{name}": value for name, value in self.optimizer.tensors().items()}
        state = {"of": self._of(), "seconds": self.clock.seconds, "step": self.step}
        save_checkpoint(self.folder, self.step, tensors, state)

    @torch.no_grad()
    def _resume(self) -> None:
        """Take up a checkpoint of this very training; a damaged or foreign one is passed over."""
        found = load_checkpoint(self.folder, self.rows.device) if self.folder else None
        if found is None or found[1]["of"] != self._of():
            return
        tensors, state = found
        self.samples.set_state(tensors["samples"].cpu())
        self.noise.set_state(tensors["noise"].cpu())
        for i, (parameter, averaged) in enumerate(zip(self.gradient.parameters, self.averaged, strict=True)):
            parameter.copy_(tensors[f"live/{i}"])
            averaged.copy_(tensors[f"averaged/{i}"])
        self.optimizer.load(under(tensors, "optimizer/"))
        self.step, self.clock.earlier = state["step"], state["seconds"]

    def _of(self) -> str:
        """Say which training a checkpoint belongs to: the rows, and all that decides its course."""
        rows = hashlib.sha256(self.rows.contiguous().cpu().numpy().tobytes()).hexdigest()
        course = self.course.config.model_dump_json(exclude={"time_budget_seconds", "checkpoint_seconds"})
        seeds = hashlib.sha256(repr(self.course.seeds).encode()).hexdigest()
        return f"{rows}:{self.course.n_rows}:{self.course.spending.model_dump_json()}:{course}:{seeds}"


def _masks(network: VAE) -> list[Tensor | None]:
    """Give which numbers of each parameter count; what does not must stay zero, and takes no noise."""
    masks = {id(m.weight): m.mask for m in network.modules() if isinstance(m, MaskedLinear)}
    return [masks.get(id(p)) for p in network.parts()["evidence"]]
