from typing import Any

from synth_ops.plan.plan import Plan, Privacy
from synth_ops.records import Check
from synth_ops.report import PublishedNight
from synth_ops.report.changes import changes
from tests.synth_ops.report.toys import check, plan_of, real, table_plan

TABLE = real().select(["id", "plan", "email"])


def plan(**fates: str) -> Plan:
    return plan_of(table_plan(TABLE, **fates))


def before(**fields: Any) -> PublishedNight:
    base = {"night": "2026-01-30", "snapshot": "-", "n_rows": {"users": 2000}, "checks": (), "plan": plan()}
    return PublishedNight.model_validate(base | fields)


def said(then: PublishedNight, *checks: Check, now: Plan | None = None, rows: int = 2000, error: float = 0.02) -> str:
    return " ".join(changes(now or plan(), checks, {"users": rows}, {"users": {"observed": error}}, then))


def test_the_same_again_is_no_change() -> None:
    same = before(checks=(check(),), fidelity={"users": {"observed": 0.021}})

    assert said(same, check(), rows=2040) == ""


def test_what_no_longer_passes_is_said_first() -> None:
    then = before(checks=(check(column="plan"),), fidelity={"users": {"observed": 0.01}})

    text = said(then, check("FAIL", column="plan"), rows=3000)

    assert text == (
        "1 check passed then and does not pass now: users.plan. users has 50% more rows: 2,000, now 3,000."
        " The pair error of users rose from 0.0100 to 0.0200."
    )


def test_what_passes_again_and_what_is_new_is_said() -> None:
    text = said(before(checks=(check("FAIL"), check(name="gone"))), check(), check(name="new"), check(name="newer"))

    assert text == (
        "1 check did not pass then and passes now: structure of users. 2 checks are new in the suites."
        " 1 check is gone from the suites."
    )


def test_columns_that_come_or_go_or_change_their_fate_are_named() -> None:
    wider = plan_of(table_plan(TABLE.append_column("age", real()["score"]).drop_columns(["plan"]), email="mint"))

    assert said(before(), now=wider) == (
        "Columns of users added: age. Columns of users gone: plan."
        " users.email was replaced by made-up values, and is made anew as keys or by pattern."
    )


def test_tables_that_come_or_go_are_named() -> None:
    other = plan_of(table_plan(TABLE, "people"))

    assert said(before(), now=other) == "Tables added: people. Tables gone: users."


def test_another_threshold_is_a_change_of_the_plan() -> None:
    other = plan().model_copy(update={"privacy": Privacy(rare_below=20)})

    assert said(before(), now=other).startswith("The plan says something else of how tables are made")


def test_a_plan_that_is_not_kept_is_not_compared() -> None:
    assert said(before(plan=None), now=plan(email="mint")) == ""
