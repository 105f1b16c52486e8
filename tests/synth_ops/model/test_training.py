from pathlib import Path

import numpy as np
import pytest
import torch

from synth_ops.errors import WorkerFailed
from synth_ops.model import Neural, fit_synthesizer
from synth_ops.model import training as loop
from tests.synth_ops.model.toys import LAYOUT, SMALL, rows


class Killed(Exception):
    """Stands for a kill in the middle of a training."""


def weights(synthesizer: object) -> dict[str, torch.Tensor]:
    assert isinstance(synthesizer, Neural)
    return synthesizer.network.state_dict()


def test_a_killed_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    codes = rows(1_000)
    config = SMALL.model_copy(update={"checkpoint_seconds": 0.0})
    whole, _ = fit_synthesizer("vae", codes, LAYOUT, 0, config)

    def kill(tick: loop.Tick) -> None:
        if tick.epoch >= 5:
            raise Killed

    with pytest.raises(Killed):
        fit_synthesizer("vae", codes, LAYOUT, 0, config, checkpoint=tmp_path, watch=kill)
    seen: list[int] = []
    resumed, _ = fit_synthesizer(
        "vae", codes, LAYOUT, 0, config, checkpoint=tmp_path, watch=lambda tick: seen.append(tick.epoch)
    )

    assert seen[0] >= 5
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

    assert (ended.stopped_by, ended.n_epochs) == ("time budget", 1)


def test_a_loss_that_is_not_a_number_stops_the_worker() -> None:
    config = SMALL.model_copy(update={"learning_rate": 1e30})

    with pytest.raises(WorkerFailed, match="must be a number"):
        fit_synthesizer("vae", rows(1_000), LAYOUT, 0, config)


def test_same_seed_gives_same_weights_and_rows() -> None:
    config = SMALL.model_copy(update={"n_epochs": 2})
    first, second = (fit_synthesizer("vae", rows(500), LAYOUT, 0, config)[0] for _ in range(2))

    samples = [s.sample(100, context=None, seed=3) for s in (first, second)]

    np.testing.assert_array_equal(samples[0], samples[1])


def test_validation_takes_a_share_but_leaves_most_rows() -> None:
    held, kept = loop.split_validation(torch.arange(40)[:, None], SMALL)

    assert len(held) == 8
    assert sorted(torch.cat([held, kept]).flatten().tolist()) == list(range(40))
