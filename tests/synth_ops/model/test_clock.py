import time

import pytest

from synth_ops.model.clock import AIM, Clock


def test_without_a_budget_there_is_always_time() -> None:
    clock = Clock(None, began=time.monotonic() - 1e6)
    clock.step_took(1e6)

    assert (clock.has_time, clock.left, clock.share) == (True, None, 0.0)


def test_what_came_before_is_paid_for_by_the_budget() -> None:
    clock = Clock(100.0, began=time.monotonic() - 40.0)

    assert clock.budget == pytest.approx(100 * AIM - 40, abs=0.5)
    assert clock.share == pytest.approx(0.0, abs=0.01)


def test_no_step_is_begun_that_would_leave_no_time_to_validate() -> None:
    clock = Clock(100.0)
    clock.earlier = 90.0
    clock.step_took(1.0)
    before = clock.has_time
    clock.validation_took(7.0)

    assert (before, clock.has_time) == (True, False)


def test_one_slow_step_does_not_stand_for_the_others() -> None:
    clock = Clock(10.0)
    for seconds in (9.9, *[0.01] * 60):
        clock.step_took(seconds)

    assert clock.has_time


def test_a_budget_that_is_spent_before_training_has_no_time() -> None:
    clock = Clock(10.0, began=time.monotonic() - 20.0)

    assert (clock.has_time, clock.share) == (False, 1.0)
