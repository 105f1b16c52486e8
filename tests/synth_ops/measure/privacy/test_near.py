"""Copies of rows, altered a little: caught where there are two in a hundred."""

import numpy as np
import pytest
from gate.toys import ALTERATIONS, Rows, draw, join, stack

from synth_ops.measure.privacy import measure_altered_copies, measure_near_copies, refused
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack


def both(rows: Stack) -> dict[str, Measure]:
    found = (m("t", rows, np.random.default_rng(0)) for m in (measure_near_copies, measure_altered_copies))
    return {figure.name: figure for figures in found for figure in figures}


def only_labels(rows: Rows) -> Rows:
    return Rows({}, rows.labels)


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_two_altered_copies_in_a_hundred_are_caught(alteration: str) -> None:
    rng = np.random.default_rng(1)
    training = draw(5000, rng)
    copies = ALTERATIONS[alteration](training.take(rng.choice(5000, 100, replace=False)), rng)

    assert any(map(refused, both(stack(training, draw(1250, rng), join(draw(4900, rng), copies))).values()))


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_no_model_saw_pass_in_the_place_of_the_copies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    training, holdout, fresh = draw(5000, rng), draw(1250, rng), draw(5000, rng)

    assert not any(map(refused, both(stack(training, holdout, fresh)).values()))


def test_the_held_out_rows_themselves_pass() -> None:
    rng = np.random.default_rng(0)
    training, holdout = draw(3000, rng), draw(1250, rng)

    assert not any(map(refused, both(stack(training, holdout, holdout)).values()))


def test_a_copy_that_keeps_to_where_rows_are_dense_is_not_a_copier() -> None:
    """It is near to training rows more often than held-out rows are, and as near to these."""
    rng = np.random.default_rng(0)
    training, holdout, fresh = draw(5000, rng), draw(1250, rng), draw(20_000, rng)
    middle = np.abs(np.column_stack([fresh.numbers[name] for name in "xyz"])).max(axis=1)
    dense = fresh.take(np.argsort(middle)[:5000])

    assert not any(map(refused, both(stack(training, holdout, dense)).values()))


def test_rows_that_repeat_anyway_pass() -> None:
    rng = np.random.default_rng(0)
    parts = (only_labels(draw(n, rng)) for n in (4000, 1000, 4000))
    figures = both(stack(*parts))

    assert not any(map(refused, figures.values()))
    assert figures["near_copies"].floor == pytest.approx(figures["near_copies"].observed, abs=0.1)


def test_a_whole_copy_scores_one() -> None:
    rng = np.random.default_rng(0)
    training = draw(2000, rng)
    figures = both(stack(training, draw(500, rng), training))

    assert [f.observed for f in figures.values()] == [1, 1]


def test_few_held_out_rows_are_no_measure() -> None:
    rng = np.random.default_rng(0)
    figures = both(stack(draw(1000, rng), draw(299, rng), draw(1000, rng)))

    assert {f.error for f in figures.values()} == {
        "the smallest of training, held-out and synthetic rows has 299; 300 are needed"
    }
