import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from synth_ops.errors import WorkerFailed
from synth_ops.model import Neural, TrainingConfig, fit_synthesizer
from synth_ops.model import training as loop
from synth_ops.model.trainable import Trainable
from synth_ops.records import LossPoint
from tests.synth_ops.model.toys import LAYOUT, SMALL, rows


class Killed(Exception):
    """Stands for a kill in the middle of a training."""


SPREAD = 5.0
CALM = TrainingConfig(n_epochs=40, batch_size=32, learning_rate=0.05, ema=0.9, patience=10)


class Spread(Trainable):
    """Learns the variance of normal numbers, and is not kept from guessing one below zero."""

    def __init__(self) -> None:
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(100.0))
        self.warm = False

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        return {"likelihood": [self.variance]}

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
        return self.nats(codes, noise).mean()

    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        spread = self.variance.sqrt()
        return torch.log(spread) + 0.5 * (((codes[:, 0] - 50) / spread).square() + math.log(2 * math.pi))


def spread_rows() -> Tensor:
    """Give codes about 50."""
    return torch.from_numpy(np.random.default_rng(0).normal(50, SPREAD, (1_000, 1)).round().clip(0, 99)).to(torch.uint8)


def weights(synthesizer: object) -> dict[str, torch.Tensor]:
    assert isinstance(synthesizer, Neural)
    return synthesizer.network.state_dict()


def test_a_killed_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    codes = rows(1_000)
    config = SMALL.model_copy(update={"checkpoint_seconds": 0.05, "n_epochs": 6})
    whole, _ = fit_synthesizer("vae", codes, LAYOUT, 0, config)

    def kill(tick: loop.Tick) -> None:
        if tick.epoch >= 3:
            raise Killed

    with pytest.raises(Killed):
        fit_synthesizer("vae", codes, LAYOUT, 0, config, checkpoint=tmp_path, watch=kill)
    seen: list[int] = []
    resumed, _ = fit_synthesizer(
        "vae", codes, LAYOUT, 0, config, checkpoint=tmp_path, watch=lambda tick: seen.append(tick.epoch)
    )

    assert seen[0] >= 3
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_a_checkpoint_of_other_rows_is_passed_over(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"checkpoint_seconds": 0.0, "n_epochs": 3})
    fit_synthesizer("vae", rows(500), LAYOUT, 0, config, checkpoint=tmp_path)

    seen: list[int] = []
    watch = lambda tick: seen.append(tick.epoch)  # noqa: E731 — a watcher of one line
    fit_synthesizer("vae", rows(500, seed=1), LAYOUT, 0, config, checkpoint=tmp_path, watch=watch)

    assert seen[0] == 1


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"checkpoint_seconds": 0.0, "n_epochs": 2})
    fit_synthesizer("vae", rows(500), LAYOUT, 0, config, checkpoint=tmp_path)
    for file in tmp_path.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:100])

    _, ended = fit_synthesizer("vae", rows(500), LAYOUT, 0, config, checkpoint=tmp_path)

    assert ended.n_epochs == 2


def test_a_time_budget_cuts_training_short_and_says_so() -> None:
    config = SMALL.model_copy(update={"time_budget_seconds": 0.0})

    _, ended = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, config)

    assert (ended.stopped_by, ended.n_epochs) == ("time budget", 0)


class Slow(Spread):
    """A network whose first step takes long, and whose validations do too."""

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
        time.sleep(0.02 if self.warm else 0.2)
        self.warm = True
        return super().part_loss(part, codes, noise, config)

    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        time.sleep(0.05)
        return super().nats(codes, noise)


def test_a_time_budget_holds_whatever_is_slow(tmp_path: Path) -> None:
    """What came before training counts, as do the first step, validations and checkpoints."""
    config = CALM.model_copy(update={"time_budget_seconds": 4.0, "checkpoint_seconds": 0.5, "n_epochs": 10_000})
    began = time.monotonic() - 1.0

    ended = loop.train(Slow(), spread_rows(), config, checkpoint=tmp_path, began=began)

    assert ended.stopped_by == "time budget"
    assert 0.8 * 4.0 < time.monotonic() - began < 1.05 * 4.0


@pytest.mark.parametrize(("budget", "seconds", "share"), [(None, 90.0, 1.0), (100.0, 10.0, 1.0), (100.0, 90.0, 0.16)])
def test_the_learning_rate_falls_towards_the_end_of_the_time(
    budget: float | None, seconds: float, share: float
) -> None:
    """Steps would allow the full rate in all three cases; 98 of 100 seconds are used."""
    config = CALM.model_copy(update={"time_budget_seconds": budget, "n_epochs": 1_000})
    training = loop._Loop(Spread(), spread_rows(), config, None, None)
    training.at.step, training.clock.earlier = 500, seconds

    assert training._schedule() == pytest.approx(share, abs=0.01)


def test_a_diverging_training_goes_back_and_tries_again_more_calmly() -> None:
    """The rate is so high that the variance jumps below zero, where there is no likelihood."""
    hasty = CALM.model_copy(update={"learning_rate": 100.0})

    network = Spread()
    ended = loop.train(network, spread_rows(), hasty)

    assert ended.n_tries > 1
    assert ended.loss < ended.losses[0].validation - 0.1
    assert network.variance.item() == pytest.approx(SPREAD**2, rel=0.2)


def test_a_training_that_tried_again_resumes_to_the_same_weights(tmp_path: Path) -> None:
    hasty = CALM.model_copy(update={"learning_rate": 100.0, "checkpoint_seconds": 0.05})
    whole, network = Spread(), Spread()
    ended = loop.train(whole, spread_rows(), hasty)

    def kill(tick: loop.Tick) -> None:
        if tick.n_tries > 1 and tick.epoch >= 8:
            raise Killed

    with pytest.raises(Killed):
        loop.train(network, spread_rows(), hasty, checkpoint=tmp_path, watch=kill)
    network = Spread()
    resumed = loop.train(network, spread_rows(), hasty, checkpoint=tmp_path)

    assert torch.equal(network.variance, whole.variance)
    assert (resumed.n_tries, resumed.n_steps) == (ended.n_tries, ended.n_steps)
    assert [p.validation for p in resumed.losses] == [p.validation for p in ended.losses]
    assert [p.training for p in resumed.losses] == [p.training for p in ended.losses]


def test_a_loss_that_diverges_three_times_stops_the_worker() -> None:
    config = SMALL.model_copy(update={"learning_rate": 1e30})

    with pytest.raises(WorkerFailed, match="try 3 of 3"):
        fit_synthesizer("vae", rows(1_000), LAYOUT, 0, config)


def test_a_checkpoint_does_not_wait_for_a_validation(tmp_path: Path) -> None:
    """Or a kill would lose as much work as lies between two validations."""
    config = CALM.model_copy(update={"checkpoint_seconds": 0.0, "n_epochs": 1})
    steps: list[int] = []

    class Watched(Spread):
        def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
            steps.extend(int(file.stem) for file in tmp_path.glob("*.safetensors"))
            return super().part_loss(part, codes, noise, config)

    loop.train(Watched(), spread_rows(), config, checkpoint=tmp_path)

    assert steps[:5] == [1, 2, 3, 4, 5]


def test_the_record_holds_the_loss_from_the_first_weights_to_the_last() -> None:
    config = SMALL.model_copy(update={"n_epochs": 3})

    _, ended = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, config)

    assert [p.epoch for p in ended.losses] == [0, 1, 2, 3]
    assert not ended.losses[0].training
    assert all(p.training["evidence"] > 0 for p in ended.losses[1:])
    assert min(p.validation for p in ended.losses) == pytest.approx(ended.loss, abs=1e-4)


class Asked(TorchDispatchMode):
    """Counts how often a tensor's value is asked for, for which a GPU would have to be waited for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as torch has it
        self.n = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.n += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_a_step_asks_the_device_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = torch.from_numpy(rows(1_000))
    network, _ = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, SMALL.model_copy(update={"n_epochs": 1}))
    assert isinstance(network, Neural)
    training = loop._Loop(network.network.requires_grad_(), codes, SMALL, None, None)
    for optimizer in training.optimizers.values():
        monkeypatch.setattr(optimizer, "step", lambda _rate: None)  # on a CPU, AdamW looks at its own count of steps

    with Asked() as asked:
        training._step()
        in_step = asked.n
        training._validate()

    assert (in_step, asked.n > 0) == (0, True)


def test_a_long_record_is_thinned_evenly_between_its_ends() -> None:
    points = [LossPoint(epoch=i, n_visits=i, seconds=i, validation=i) for i in range(1_001)]

    kept = loop.thinned(points, 101)

    assert [p.n_visits for p in kept] == list(range(0, 1_001, 10))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_codes_of_any_width_give_the_same_weights(dtype: type) -> None:
    config = SMALL.model_copy(update={"n_epochs": 2})

    narrow, _ = fit_synthesizer("vae", rows(500).astype(dtype), LAYOUT, 0, config)
    wide, _ = fit_synthesizer("vae", rows(500), LAYOUT, 0, config)

    for name, value in weights(wide).items():
        assert torch.equal(value, weights(narrow)[name]), name


def test_same_seed_gives_same_weights_and_rows() -> None:
    config = SMALL.model_copy(update={"n_epochs": 2})
    first, second = (fit_synthesizer("vae", rows(500), LAYOUT, 0, config)[0] for _ in range(2))

    samples = [s.sample(100, context=None, seed=3) for s in (first, second)]

    np.testing.assert_array_equal(samples[0], samples[1])


def test_validation_takes_a_share_but_leaves_most_rows() -> None:
    held, kept = loop.split_validation(torch.arange(40)[:, None], SMALL)

    assert len(held) == 8
    assert sorted(torch.cat([held, kept]).flatten().tolist()) == list(range(40))
