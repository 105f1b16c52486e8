import math

import numpy as np
import pytest

from synth_ops.errors import PlanError
from synth_ops.privacy.accountant import (
    Failure,
    Gaussian,
    Laplace,
    Mechanism,
    SampledGaussian,
    epsilon_of,
    gaussian_noise_for,
    noise_for,
)

TRAININGS = [
    pytest.param(noise, rate, steps, delta, id=f"{noise}-{rate}-{steps}")
    for noise, rate, steps, delta in [
        (1.0, 0.002, 5_000, 1e-7),
        (2.0, 0.002, 365 * 5_000, 1e-7),
        (3.0, 0.02, 1_000, 1e-6),
        (0.6, 0.01, 100, 1e-5),
        (20.0, 0.5, 100, 1e-6),
        (10.0, 1.0, 10, 1e-6),
    ]
]


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), TRAININGS)
def test_epsilon_is_that_of_opacus(noise: float, rate: float, steps: int, delta: float) -> None:
    rdp = pytest.importorskip("opacus.accountants.analysis.rdp", reason="the extra `dp` brings another accountant")
    orders = [1 + x / 10 for x in range(1, 100)] + list(range(12, 64))
    divergence = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=steps, orders=orders)
    theirs, _ = rdp.get_privacy_spent(orders=orders, rdp=divergence, delta=delta)

    assert epsilon_of([SampledGaussian(noise=noise, rate=rate, steps=steps)], delta) == pytest.approx(theirs, rel=0.01)


def test_trainings_of_several_nights_cost_what_opacus_says() -> None:
    accountants = pytest.importorskip("opacus.accountants", reason="the extra `dp` brings another accountant")
    theirs = accountants.RDPAccountant()
    nights = [(1.2, 0.01, 400), (2.0, 0.002, 5_000), (1.2, 0.01, 100)]
    for noise, rate, steps in nights:
        for _ in range(steps):
            theirs.step(noise_multiplier=noise, sample_rate=rate)
    ours = epsilon_of([SampledGaussian(noise=n, rate=r, steps=s) for n, r, s in nights], 1e-6)

    assert ours == pytest.approx(theirs.get_epsilon(delta=1e-6), rel=0.01)


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), TRAININGS)
def test_epsilon_is_that_of_dp_accounting(noise: float, rate: float, steps: int, delta: float) -> None:
    theirs = pytest.importorskip("dp_accounting", reason="its pins do not go with ours, so that no extra brings it")
    rdp = pytest.importorskip("dp_accounting.rdp").RdpAccountant()
    event = theirs.PoissonSampledDpEvent(rate, theirs.GaussianDpEvent(noise))
    rdp.compose(theirs.SelfComposedDpEvent(event, steps))

    ours = epsilon_of([SampledGaussian(noise=noise, rate=rate, steps=steps)], delta)
    assert ours == pytest.approx(rdp.get_epsilon(delta), rel=0.01)


def test_counts_cost_what_dp_accounting_says() -> None:
    theirs = pytest.importorskip("dp_accounting", reason="its pins do not go with ours, so that no extra brings it")
    rdp = pytest.importorskip("dp_accounting.rdp").RdpAccountant()
    rdp.compose(theirs.SelfComposedDpEvent(theirs.GaussianDpEvent(8.0), 12))
    rdp.compose(theirs.LaplaceDpEvent(5.0))

    ours = epsilon_of([Gaussian(noise=8.0, count=12), Laplace(scale=5.0)], 1e-6)
    assert ours == pytest.approx(rdp.get_epsilon(1e-6), rel=0.01)


@pytest.mark.parametrize("nights", [1, 7, 30, 90, 365])
def test_a_year_of_nights_costs_what_was_published(nights: int) -> None:
    """Noise of 2, 1,000,000 rows, batches of 2,000, ten epochs a night: figures of two independent accountants."""
    published = {1: 0.38, 7: 1.0, 30: 2.16, 90: 3.92, 365: 8.58}
    found = epsilon_of([SampledGaussian(noise=2.0, rate=0.002, steps=5_000 * nights)], 1e-7)

    assert found == pytest.approx(published[nights], abs=0.011)


def test_laplace_costs_about_its_pure_epsilon() -> None:
    """Which is what the divergence of infinite order gives; ours end at 2,048."""
    assert epsilon_of([Laplace(scale=2.0)], 1e-9) == pytest.approx(0.5, rel=0.02)


def test_gaussian_counts_cost_as_one_of_their_joint_length() -> None:
    """Sixteen histograms change by one each, so by four together."""
    apart = epsilon_of([Gaussian(noise=40.0, count=16)], 1e-6)

    assert apart == pytest.approx(epsilon_of([Gaussian(noise=10.0)], 1e-6))


def test_sampling_every_row_is_no_sampling() -> None:
    whole = epsilon_of([SampledGaussian(noise=5.0, rate=1.0, steps=3)], 1e-6)

    assert whole == pytest.approx(epsilon_of([Gaussian(noise=5.0, count=3)], 1e-6))


def test_what_failures_leave_of_delta_is_what_epsilon_is_said_at() -> None:
    counts = Gaussian(noise=10.0)
    spared = epsilon_of([counts, Failure(delta=4e-7), Failure(delta=5e-7)], 1e-6)

    assert spared == pytest.approx(epsilon_of([counts], 1e-7))
    assert epsilon_of([counts, Failure(delta=1e-6)], 1e-6) == math.inf


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0])
def test_noise_is_the_least_that_keeps_epsilon(epsilon: float) -> None:
    besides: tuple[Mechanism, ...] = (Gaussian(noise=100.0, count=4),)
    noise = noise_for(epsilon, 1e-6, 0.02, 500, besides=besides)

    def cost(noise: float) -> float:
        return epsilon_of([*besides, SampledGaussian(noise=noise, rate=0.02, steps=500)], 1e-6)

    assert cost(noise) <= epsilon < cost(noise * 0.999)


def test_noise_of_counts_grows_with_the_root_of_their_number() -> None:
    assert gaussian_noise_for(1.0, 1e-6, 25) == pytest.approx(5 * gaussian_noise_for(1.0, 1e-6, 1), rel=1e-3)


def test_budget_that_others_have_used_up_is_refused() -> None:
    with pytest.raises(PlanError, match=r"within ε = 0\.5 .* no noise is enough .*privacy\.epsilon"):
        noise_for(0.5, 1e-6, 0.02, 500, besides=(Gaussian(noise=1.0),))


@pytest.mark.parametrize("noise", [0.3, 1.0, 10.0, 1e3, 1e5])
@pytest.mark.parametrize("rate", [1e-6, 0.02, 0.5, 0.999])
def test_cost_falls_with_noise_and_is_never_less_than_nothing(noise: float, rate: float) -> None:
    costs = [epsilon_of([SampledGaussian(noise=n, rate=rate, steps=100)], 1e-6) for n in (noise, 1.5 * noise)]

    assert np.isfinite(costs).all()
    assert costs[0] >= costs[1] >= 0
