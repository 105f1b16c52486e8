"""The rows that stand apart: a copy of a few of them is refused, however faithful the rest."""

import numpy as np
import pytest
from gate.toys import draw, furthest, jittered, join, stack, with_outliers

from synth_ops.measure.privacy import measure_outliers, refused
from synth_ops.measure.privacy.outliers import NAMES
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack


def attack(rows: Stack) -> dict[str, Measure]:
    return {m.name: m for m in measure_outliers("t", rows, np.random.default_rng(0))}


@pytest.mark.parametrize("planted", [0.0, 0.004])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_twenty_five_copied_outliers_of_ten_thousand_rows_are_refused(planted: float, noise: float) -> None:
    rng = np.random.default_rng(1)
    training, holdout = (with_outliers(draw(n, rng), planted, rng) for n in (10_000, 2500))
    copies = jittered(training.take(furthest(training, 25)), rng, noise)

    assert any(map(refused, attack(stack(training, holdout, join(draw(9975, rng), copies))).values()))


@pytest.mark.parametrize("planted", [0.0, 0.004])
def test_outliers_that_no_model_saw_pass(planted: float) -> None:
    rng = np.random.default_rng(2)
    parts = (with_outliers(draw(n, rng), planted, rng) for n in (6000, 1500, 6000))
    figures = attack(stack(*parts))

    assert not any(map(refused, figures.values()))
    assert figures["outlier_membership_auc"].observed == pytest.approx(0.5, abs=0.07)


def test_a_copy_without_outliers_gives_none_away() -> None:
    """What is clipped before training is far from every outlier, seen or not."""
    rng = np.random.default_rng(2)
    training, holdout = (with_outliers(draw(n, rng), 0.02, rng) for n in (6000, 1500))

    assert not any(map(refused, attack(stack(training, holdout, draw(6000, rng))).values()))


def test_a_whole_copy_is_found_out() -> None:
    rng = np.random.default_rng(0)
    training = draw(3000, rng)
    figures = attack(stack(training, draw(1200, rng), training))

    assert figures["outlier_membership_auc"].observed == 1
    assert figures["outlier_membership_tpr"].observed == 1
    assert all(map(refused, figures.values()))


def test_too_few_rows_are_no_measure() -> None:
    rng = np.random.default_rng(0)
    figures = attack(stack(draw(3000, rng), draw(1199, rng), draw(3000, rng)))

    assert tuple(figures) == NAMES
    assert all("1199" in (f.error or "") and "1200" in (f.error or "") for f in figures.values())


def test_rows_that_others_equal_are_no_outliers() -> None:
    rng = np.random.default_rng(0)
    parts = [draw(n, rng) for n in (4000, 1200, 4000)]
    alike = [parts[0].take(np.zeros(part.n, dtype=np.int64)) for part in parts]
    figures = attack(stack(*alike))

    assert figures["outlier_membership_auc"].observed == 0.5
    assert not any(map(refused, figures.values()))
