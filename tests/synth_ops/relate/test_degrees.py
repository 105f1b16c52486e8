import numpy as np
import pytest
from scipy.stats import ks_2samp

from synth_ops.relate.degrees import DegreeSpec, calibrate

RNG = np.random.default_rng(7)
SHAPES = {
    "poisson": RNG.poisson(3, 400),
    "heavy": np.round(RNG.pareto(1.3, 300) * 4).astype(int),
    "one to one": (RNG.random(250) < 0.4).astype(int),
    "constant": np.full(200, 7),
    "mostly none": np.where(RNG.random(1000) < 0.02, 50, 0),
    "spread": RNG.integers(1, 5000, 220),
}


def ks(a: np.ndarray, b: np.ndarray) -> float:
    return float(ks_2samp(a, b, method="asymp").statistic)


@pytest.mark.parametrize("shape", SHAPES)
def test_calibrated_degrees_follow_the_real_distribution(shape: str) -> None:
    real = SHAPES[shape]
    spec = DegreeSpec.of(real, rare_below=10)

    made = calibrate(spec, np.random.default_rng(1).random(len(real)), int(real.sum()), np.random.default_rng(2))

    assert made.sum() == real.sum()
    assert ks(real, made) <= 0.05


@pytest.mark.parametrize("shape", SHAPES)
def test_three_times_the_parents_follow_it_too(shape: str) -> None:
    real = SHAPES[shape]
    spec = DegreeSpec.of(real, rare_below=10)

    made = calibrate(spec, RNG.random(3 * len(real)), 3 * int(real.sum()), np.random.default_rng(2))

    assert made.sum() == 3 * real.sum()
    assert ks(real, made) <= 0.05


def test_the_model_decides_who_has_many() -> None:
    spec = DegreeSpec.of(np.arange(1, 101), rare_below=10)
    scores = np.random.default_rng(1).permutation(100).astype(float)

    made = calibrate(spec, scores, 5050, np.random.default_rng(2))

    assert np.corrcoef(scores, made)[0, 1] > 0.99


def test_the_largest_degrees_are_not_published() -> None:
    real = np.concatenate([np.ones(200, int), [1000, 1731, 2533, 4999]])

    numbers = [g.model_dump().values() for g in DegreeSpec.of(real, rare_below=10).groups]

    assert not {1000.0, 1731.0, 2533.0, 4999.0} & {x for group in numbers for x in group}


def test_no_parents_have_no_children() -> None:
    spec = DegreeSpec.of(np.zeros(0, int), rare_below=10)

    assert len(calibrate(spec, np.zeros(0), 5, np.random.default_rng(0))) == 0


def test_parents_that_had_no_children_share_what_is_asked() -> None:
    spec = DegreeSpec.of(np.zeros(4, int), rare_below=10)

    assert calibrate(spec, np.zeros(4), 6, np.random.default_rng(0)).sum() == 6
