"""Bounds beside scipy's, and beside figures that others have published."""

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from synth_ops.measure.privacy.bounds import (
    auc,
    bounded_auc,
    clopper_pearson,
    controls_needed,
    detectable_auc,
    detectable_risk,
    fisher_greater,
    highest_by_chance,
    placements,
    residual_risk,
    wilson,
)

SHARES = [(0, 300), (3, 50), (25, 50), (299, 300), (300, 300)]


@pytest.mark.parametrize(("k", "n"), SHARES)
def test_bounds_of_a_share_are_scipys(k: int, n: int) -> None:
    """Two-sided 90 % are one-sided 95 % on either side."""
    expected = binomtest(k, n)
    close, exact = (expected.proportion_ci(0.9, method) for method in ("wilson", "exact"))

    assert (wilson(k / n, n).low, wilson(k / n, n).high) == pytest.approx(tuple(close), abs=1e-9)
    assert (clopper_pearson(k, n).low, clopper_pearson(k, n).high) == pytest.approx(tuple(exact), abs=1e-9)


def test_a_share_of_no_rows_may_be_anything() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


def test_risk_is_bounded_as_newcombe_bounds_differences() -> None:
    """His example: 56 of 70 beside 48 of 80 is bounded by .0524 and .3339 at 95 %, and by closer ones at 90 %."""
    risk = residual_risk(56 / 70, 70, 48 / 80, 80)

    assert risk.value == pytest.approx(0.5)
    assert 0.0524 < risk.low * 0.4 < 0.2 < risk.high * 0.4 < 0.3339


def test_a_control_that_is_always_right_leaves_no_bound() -> None:
    assert (residual_risk(1, 100, 1, 100).low, residual_risk(1, 100, 1, 100).high) == (-1, 1)


def test_area_counts_ties_by_half() -> None:
    assert auc(np.array([2.0, 1.0]), np.array([1.0, 0.0])).value == 0.875


def test_area_is_bounded_as_often_as_promised() -> None:
    """The true area of two normals one standard deviation apart is .760; each bound errs one time in twenty."""
    rng = np.random.default_rng(0)
    found = [auc(rng.normal(1, 1, 80), rng.normal(0, 1, 60)) for _ in range(2000)]

    assert np.mean([f.low > 0.76025 for f in found]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([f.high < 0.76025 for f in found]) == pytest.approx(0.05, abs=0.02)


def test_two_halves_of_others_are_as_sure_as_the_whole() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.normal(size=400), rng.normal(size=400)
    halves = [placements(members, half) for half in np.split(others, 2)]
    split = bounded_auc(np.mean([h[0] for h in halves], axis=0), tuple(h[1] for h in halves))

    assert split.value == pytest.approx(auc(members, others).value)
    assert split.high == pytest.approx(auc(members, others).high, abs=0.001)


@pytest.mark.parametrize(("m", "area"), [(200, 0.572), (500, 0.545), (1000, 0.532), (5000, 0.514)])
def test_detectable_areas_are_the_known_ones(m: int, area: float) -> None:
    assert detectable_auc(m, m) == pytest.approx(area, abs=5e-4)


def test_a_detectable_risk_is_told_four_times_of_five() -> None:
    risk = detectable_risk(0.2, 2000, 2000)
    rng = np.random.default_rng(0)
    attacks, controls = (rng.binomial(2000, p, 1000) / 2000 for p in (0.2 + 0.8 * risk, 0.2))
    told = [residual_risk(a, 2000, c, 2000).low > 0 for a, c in zip(attacks, controls, strict=True)]

    assert np.mean(told) == pytest.approx(0.8, abs=0.05)


def test_more_controls_are_needed_where_guesses_are_mostly_right() -> None:
    few, many = controls_needed(0.05, 0.05, 2000, 2000), controls_needed(0.05, 0.8, 2000, 2000)

    assert few < 2000 < many


def test_fisher_is_scipys() -> None:
    expected = fisher_exact([[17, 3], [483, 497]], alternative="greater").pvalue

    assert fisher_greater(17, 20, 500, 500) == pytest.approx(expected)


def test_chance_passes_the_highest_count_as_rarely_as_asked() -> None:
    highest = highest_by_chance(20, 500, 500, 1e-3)

    assert fisher_greater(highest + 1, 20, 500, 500) <= 1e-3 < fisher_greater(highest, 20, 500, 500)
