from typing import get_args

import pytest

from synth_ops.records import Check, CheckGroup, verdict_of
from synth_ops.report.groups import ADVICE, GROUPS, grouped
from tests.synth_ops.report.toys import check


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((), "ABSTAIN"),
        ((check(),), "PASS"),
        ((check(), check("FAIL", severity="warning")), "PASS"),
        ((check(), check("ABSTAIN")), "ABSTAIN"),
        ((check("ABSTAIN"), check("FAIL")), "FAIL"),
    ],
)
def test_verdict_is_the_worst_that_blocks(checks: tuple[Check, ...], verdict: str) -> None:
    assert verdict_of(checks) == verdict


def test_every_group_has_a_title_and_advice() -> None:
    assert set(get_args(CheckGroup)) == set(GROUPS) == set(ADVICE)


def test_no_check_is_lost_in_grouping() -> None:
    checks = [check(group=group) for group in get_args(CheckGroup)]
    checks.append(check().model_copy(update={"group": "tides"}))

    groups = grouped(checks)

    assert sorted(c.group for g in groups for c in g.checks) == sorted(c.group for c in checks)
    assert (groups[0].name, groups[-1].name) == ("privacy", "tides")


def test_the_worst_of_a_group_comes_first() -> None:
    checks = (
        check(name="fine"),
        check("FAIL", name="near", observed=0.2, limit=0.19),
        check("FAIL", name="warns", severity="warning", observed=9.0, limit=0.1),
        check("FAIL", name="far", observed=0.1, high=0.9, limit=0.3),
        check("ABSTAIN", name="blind"),
    )

    (group,) = grouped(checks)

    assert [c.name for c in group.checks] == ["far", "near", "warns", "blind", "fine"]
    assert (group.n_passed, group.verdict, group.is_open, group.only_warns) == (1, "FAIL", True, False)
