import numpy as np
import pytest

from synth_ops.privacy.counting import NoisyCounter


def counter(noise: float, n_histograms: int = 1, seed: int = 0) -> NoisyCounter:
    return NoisyCounter(noise, n_histograms, np.random.default_rng(seed))


def test_noise_is_of_the_spread_that_is_paid_for() -> None:
    counts = counter(12.0).count(np.zeros(500, np.int64), 20_000)

    assert counts[0] == pytest.approx(500, abs=60)
    assert counts[1:].std() == pytest.approx(12.0, rel=0.03)
    assert abs(counts[1:].mean()) < 0.5


def test_no_more_histograms_are_given_than_are_paid_for() -> None:
    paid = counter(1.0, n_histograms=2)
    for _ in range(2):
        paid.count(np.zeros(3, np.int64), 1)

    with pytest.raises(AssertionError, match="not paid for"):
        paid.count(np.zeros(3, np.int64), 1)


def test_lone_name_reaches_the_threshold_as_seldom_as_was_said() -> None:
    failure, noise = 1e-3, 10.0
    lone = counter(noise).count(np.arange(400_000), 400_000)

    share = float((lone >= counter(noise).threshold(failure)).mean())
    assert 0.7 * failure < share < 1.1 * failure
