"""Of copies that others made: honest ones hold as many extremes as chance brings, and spoilt ones more."""

import numpy as np
import pytest

from synth_ops.judge.any_copy import PREVENTIVE, allowed_share, for_any_copy
from synth_ops.measure import Measure, Measured
from synth_ops.measure.support import common_range

EXTRA = PREVENTIVE["expect_column_values_to_be_within_common_range"]
N_SEEDS = 1_000


def beyond(values: np.ndarray, low: float, high: float) -> float:
    return float(((values < low) | (values > high)).mean())


def is_refused(n: int, seed: int, garbage: float) -> bool:
    """Say whether a copy of so many rows of one law is refused, a share of it garbage, beside half as many held-out."""
    rng = np.random.default_rng(seed)
    real, copy, held = (rng.lognormal(sigma=2.0, size=size) for size in (n, n, n // 2))
    copy[rng.random(n) < garbage] = 1e9
    low, high = common_range(real, 10)
    return beyond(copy, low, high) > allowed_share(beyond(held, low, high), n // 2, n) + EXTRA


@pytest.mark.parametrize("n", [400, 1_000, 4_000, 20_000])
def test_an_honest_column_of_any_length_is_refused_less_than_once_in_a_thousand(n: int) -> None:
    assert sum(is_refused(n, seed, 0.0) for seed in range(N_SEEDS)) <= N_SEEDS // 1_000


@pytest.mark.parametrize(("n", "garbage"), [(400, 0.3), (1_000, 0.12), (4_000, 0.03), (20_000, 0.01)])
def test_garbage_beyond_the_range_is_refused(n: int, garbage: float) -> None:
    assert sum(is_refused(n, seed, garbage) for seed in range(50)) >= 48


def test_of_a_column_that_is_mostly_null_the_values_that_there_are_count() -> None:
    """A tenth more rare labels among a hundred are chance; among four thousand they are not."""
    kind = "expect_column_categories_to_not_be_rare"
    figures = [Measure(table="t", name="rare_categories", column=c, observed=0.15, floor=0.05, n=n)
               for c, n in (("full", 4_000), ("empty", 100))]  # fmt: skip
    entities = Measure(table="t", name="entities", observed=6_000.0, n=6_000)
    measured = Measured(night="2026-01-01", inputs="", measures=(*figures, entities), seconds=0)
    asked = [{"type": kind, "kwargs": {"column": c, "max_share": 0.001}} for c in ("full", "empty")]

    full, empty = (e["kwargs"]["max_share"] for e in for_any_copy(asked, "t", measured, 2_000, 4_000))

    assert full < 0.15 < empty
