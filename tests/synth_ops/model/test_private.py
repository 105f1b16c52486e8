from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model.config import PrivateConfig
from synth_ops.model.private import PrivateSeeds, _Course, _Loop, fit_privately
from synth_ops.model.synthesizer import Constant, Neural, load_synthesizer
from synth_ops.model.training import Trained
from synth_ops.privacy.accountant import SampledGaussian

LAYOUT = Layout(
    sub_columns=(
        SubColumn(column="a", part="value", size=4, n_special=1),
        SubColumn(column="b", part="value", size=4, n_special=1),
        SubColumn(column="c", part="value", size=40, n_special=1, ordinal=True),
    )
)
SEEDS = PrivateSeeds(1, 2, 3)
CONFIG = PrivateConfig()


def rows(n: int) -> NDArray[np.int64]:
    """Give rows in which b is a but for one in ten, and c follows a."""
    rng = np.random.default_rng(7)
    a = rng.integers(1, 4, n)
    b = np.where(rng.random(n) < 0.9, a, rng.integers(1, 4, n))
    return np.stack([a, b, 12 * (a - 1) + rng.integers(1, 13, n)], 1)


def counts_of(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.bincount(c, minlength=s) for c, s in zip(codes.T, LAYOUT.sizes, strict=True)])


def fit(
    codes: NDArray[np.int64], spending: SampledGaussian, *, config: PrivateConfig = CONFIG, seeds: PrivateSeeds = SEEDS
) -> tuple[Neural, Trained]:
    synthesizer, ended = fit_privately(
        codes, LAYOUT, counts_of(codes), spending, config, n_rows=len(codes), seeds=seeds, device="cpu"
    )
    assert isinstance(synthesizer, Neural)
    return synthesizer, ended


@pytest.fixture
def loop() -> Callable[..., _Loop]:
    def make(noise: float, n_rows: int = 400, config: PrivateConfig = CONFIG) -> _Loop:
        codes = rows(n_rows)
        synthesizer, _ = fit(codes, SampledGaussian(noise=noise, rate=0.1, steps=0))
        spending = SampledGaussian(noise=noise, rate=0.1, steps=5)
        network = synthesizer.network
        course = _Course(spending, config, n_rows, SEEDS)
        return _Loop(network, torch.from_numpy(codes[:, synthesizer.order]), course, None, None)  # type: ignore[arg-type]

    return make


def test_noise_is_as_strong_as_paid_for_and_spares_what_does_not_count(loop: Callable[..., _Loop]) -> None:
    """A gradient is a sum of clipped ones, plus noise of `noise` times the clip, in rows of the expected sample."""
    noisy, config = loop(50.0), CONFIG
    gradient = noisy.noisy_gradient()
    masks = [torch.ones_like(g) if m is None else m for g, m in zip(gradient, noisy.masks, strict=True)]
    drawn = torch.cat([g[m > 0] for g, m in zip(gradient, masks, strict=True)]) * noisy.course.batch_size

    assert float(drawn.std()) == pytest.approx(50.0 * config.clip, rel=0.03)
    assert all(not g[m == 0].any() for g, m in zip(gradient, masks, strict=True))
    assert any((m == 0).any() for m in masks)


def test_without_noise_no_gradient_is_longer_than_its_rows_and_clip_allow(loop: Callable[..., _Loop]) -> None:
    config = PrivateConfig(clip=0.01)
    noiseless = loop(1e-9, config=config)
    n_sampled = []
    for _ in range(20):
        state = noiseless.samples.get_state()
        n_sampled.append(int((torch.rand(400, generator=noiseless.samples) < 0.1).sum()))
        noiseless.samples.set_state(state)
        length = torch.cat([g.flatten() for g in noiseless.noisy_gradient()]).norm() * noiseless.course.batch_size

        assert float(length) <= n_sampled[-1] * config.clip * 1.001
    assert len(set(n_sampled)) > 5, "a Poisson sample is not always of one size"
    assert np.mean(n_sampled) == pytest.approx(40, abs=6)


def test_weights_that_do_not_count_stay_zero(loop: Callable[..., _Loop]) -> None:
    trained = loop(1.0)
    trained.run(lambda _done, _left: None)

    hidden = trained.network.decoder.entry
    assert not hidden.weight[hidden.mask == 0].any()
    assert hidden.weight[hidden.mask > 0].any()


def test_what_goes_together_is_learned_where_noise_allows_it() -> None:
    codes = rows(4_000)
    spending = SampledGaussian(noise=1.0, rate=0.05, steps=150)
    synthesizer, ended = fit(codes, spending, config=PrivateConfig(learning_rate=5e-3))
    drawn = synthesizer.sample(3_000, context=None, seed=0)

    assert (ended.n_steps, ended.loss, ended.losses) == (150, 0.0, ())
    assert (drawn[:, 0] == drawn[:, 1]).mean() > 0.6  # a third, if drawn apart
    assert np.bincount(drawn[:, 0], minlength=4)[1:] / 3_000 == pytest.approx([1 / 3] * 3, abs=0.06)


def test_same_seeds_give_the_same_weights_and_other_noise_others() -> None:
    codes, spending = rows(300), SampledGaussian(noise=2.0, rate=0.1, steps=4)
    one, same = (fit(codes, spending)[0].network.state_dict() for _ in range(2))
    other = fit(codes, spending, seeds=SEEDS._replace(noise=99))[0].network.state_dict()

    assert all(torch.equal(one[k], same[k]) for k in one)
    assert not torch.equal(one["decoder.out.bias"], other["decoder.out.bias"])


def test_killed_training_goes_on_to_the_same_weights(tmp_path: Path, loop: Callable[..., _Loop]) -> None:
    """Its noise too: the mean of two draws for the same rows would have less noise than was paid for."""
    whole, killed, resumed = (loop(2.0) for _ in range(3))
    whole.run(lambda _done, _left: None)
    killed.folder = resumed.folder = tmp_path
    for _ in range(2):
        killed._take_step()
    killed._save()
    resumed.run(lambda _done, _left: None)

    expected = whole.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.network.state_dict().items())


def test_large_table_takes_a_smaller_share_than_is_paid_for() -> None:
    course = _Course(SampledGaussian(noise=1.0, rate=0.02, steps=5), PrivateConfig(most_rows=100), 20_000, SEEDS)

    assert course.rate == 0.005
    assert course.batch_size == 100


def test_few_noisy_rows_give_each_column_alone() -> None:
    synthesizer, ended = fit(rows(60), SampledGaussian(noise=1.0, rate=0.1, steps=5))

    assert ended.n_steps == 0
    assert not synthesizer.network.state_dict()["decoder.out.weight"].any()


def test_nothing_to_learn_is_a_constant() -> None:
    nothing = np.zeros((10, 0), np.int64)
    synthesizer, _ = fit_privately(
        nothing, Layout(sub_columns=()), np.zeros(0, np.int64), None, CONFIG, n_rows=10, seeds=SEEDS
    )

    assert isinstance(synthesizer, Constant)


def test_model_is_of_the_files_that_sampling_knows(tmp_path: Path) -> None:
    synthesizer, _ = fit(rows(300), SampledGaussian(noise=2.0, rate=0.1, steps=3))
    synthesizer.save(tmp_path)
    loaded = load_synthesizer(tmp_path)

    assert (loaded.sample(50, context=None, seed=3) == synthesizer.sample(50, context=None, seed=3)).all()
