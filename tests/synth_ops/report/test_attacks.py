from typing import Any

import pytest

from synth_ops.records import Check
from synth_ops.report.attacks import CHANCE, LIMIT, attacks
from tests.synth_ops.report.toys import check


def attack(verdict: str = "PASS", **fields: Any) -> Check:
    base: dict[str, Any] = {"group": "privacy", "name": "expect_membership_auc", "observed": 0.5, "limit": 0.55}
    return check(verdict, **base | fields)


def test_chance_and_the_limit_stand_at_the_same_marks_whatever_the_figure() -> None:
    checks = [
        attack(observed=0.5),
        attack(observed=0.55),
        attack(name="expect_linkability", observed=0.0, limit=0.05),
        attack(name="expect_near_copies", observed=0.01, floor=0.01, limit=0.02),
    ]

    assert [a.at for a in attacks(checks)] == pytest.approx([CHANCE, LIMIT, CHANCE, CHANCE])


def test_bounds_and_visible_effect_are_laid_on_the_same_track() -> None:
    (found,) = attacks([attack(low=0.45, high=0.525, detectable=0.6)])

    assert found.low == 0.0, "what is off the track stands at its end"
    assert found.high == pytest.approx((CHANCE + LIMIT) / 2)
    assert found.detectable == 1.0
    assert found.bounds == "0.45 to 0.525"


def test_a_pass_that_could_not_have_failed_is_said_to_say_little() -> None:
    blind, seeing = attacks([attack(detectable=0.6), attack(detectable=0.52)])

    assert "beyond the limit of 0.55" in blind.words
    assert seeing.words == "With so many rows, 0.52 would have been told from chance four times of five."


def test_what_has_no_limit_is_told_and_not_drawn() -> None:
    (found,) = attacks([attack(limit=None)])

    assert (found.at, found.words, found.bounds) == (None, "", "")


def test_what_could_not_be_measured_is_no_attack() -> None:
    assert attacks([attack("ABSTAIN", observed=None)]) == ()
