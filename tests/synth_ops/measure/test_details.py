"""Values that repeat, how finely they are written, and which are gone."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.measure.copies import measure_repeats
from synth_ops.measure.details import granularity, measure_coverage, measure_granularity, measure_points
from synth_ops.measure.draws import draw_samples
from synth_ops.measure.records import Measure
from tests.synth_ops.measure.test_figures import stack_of

RNG = np.random.default_rng(0)


def rows_of(**columns: object) -> pa.Table:
    return pa.table(columns)


def by_name(measures: list[Measure]) -> dict[str, Measure]:
    return {str(m.column): m for m in measures}


def test_decimals_zeros_hours_and_weekdays_are_classes() -> None:
    assert granularity(np.array([1.0, 0.5, 0.25, 1 / 3]), pa.float64()).tolist() == [7, 6, 5, 0]
    assert granularity(np.array([7.0, 70.0, 1200.0]), pa.int64()).tolist() == [0, 1, 2]
    monday = dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()
    seconds = np.array([monday, monday + 3600, monday + 61, monday + 86_400])
    day, hour, second, next_day = granularity(seconds, pa.timestamp("s")).tolist()
    assert len({day, hour, second, next_day}) == 4
    assert (
        granularity(np.array([0.0, 7.0, 1.0]), pa.date32()).tolist()[:2]
        == [granularity(np.array([0.0]), pa.date32())[0]] * 2
    )


def test_large_money_keeps_its_two_decimals() -> None:
    assert granularity(np.array([123_456_789.01, 19_999_999.99]), pa.float64()).tolist() == [5, 5]


def test_rounding_is_seen_and_honest_rows_are_not() -> None:
    real = rows_of(x=RNG.normal(50, 10, 3000).round(2))
    honest, rounded = rows_of(x=RNG.normal(50, 10, 3000).round(2)), rows_of(x=RNG.normal(50, 10, 3000).round(0))
    found = [
        by_name(list(measure_granularity("t", stack_of(real, c), {"x": pa.float64()}, RNG)))["x"]
        for c in (honest, rounded)
    ]

    assert found[0].excess is not None
    assert found[0].excess < 0.02
    assert found[1].excess is not None
    assert found[1].excess > 0.8


def test_a_point_mass_that_was_spread_is_seen() -> None:
    def draw(zeros: float) -> pa.Table:
        return rows_of(x=np.where(RNG.random(4000) < zeros, 0.0, RNG.normal(100, 30, 4000)))

    stack = stack_of(draw(0.4), draw(0.1))

    (measure,) = measure_points("t", stack, draw_samples(stack, 5, 1000, RNG))
    assert measure.observed == pytest.approx(0.3, abs=0.04)
    assert measure.floor_high is not None
    assert measure.floor_high < 0.06


def test_a_lost_label_and_a_lost_range_are_measured_by_their_share() -> None:
    real = rows_of(word=RNG.choice(["a", "b", "c"], 4000, p=[0.6, 0.3, 0.1]), x=RNG.uniform(0, 1, 4000))
    copy = rows_of(word=RNG.choice(["a", "b"], 4000), x=RNG.uniform(0, 0.8, 4000))

    found = by_name(list(measure_coverage("t", stack_of(real, copy), 10)))

    assert found["word"].observed == pytest.approx(0.1, abs=0.02)
    assert found["x"].observed == pytest.approx(0.2, abs=0.03)
    assert found["word"].floor == found["x"].floor == 0


def test_rows_given_over_and_over_are_counted() -> None:
    real = rows_of(x=RNG.normal(size=3000), y=RNG.normal(size=3000))
    few = RNG.normal(size=(60, 2))[RNG.integers(0, 60, 3000)]
    stack = stack_of(real, rows_of(x=few[:, 0], y=few[:, 1]))

    (measure,) = measure_repeats("t", stack, draw_samples(stack, 3, 1000, RNG))

    assert measure.observed is not None
    assert measure.observed > 0.85
    assert measure.floor == 0
