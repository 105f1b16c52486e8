"""Suites load whole, or the gate abstains and says why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synth_ops.expectations import default_suite, write_suites
from synth_ops.expectations.custom import ExpectColumnPairsToMatchReference, registered_types
from synth_ops.expectations.rules import RULES
from synth_ops.expectations.suggest import suite_text
from synth_ops.plan.plan import Plan
from synth_ops.records import Check
from synth_ops.suite_files import suite_path
from tests.synth_ops.expectations.shop import Shop, draw_shop, judge, shop_plan

Edit = dict[str, Any]


@pytest.fixture(scope="module")
def real() -> Shop:
    return draw_shop(1, n_users=60)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    plan = shop_plan(tmp_path / "shop")
    write_suites(tmp_path / "shop", plan, {"users": 1500, "orders": 3000})
    return plan


def suite_checks(plan: Plan, real: Shop) -> list[Check]:
    return [c for c in judge(plan, real, real) if c.table == "orders"]


def edit(plan: Plan, **change: Any) -> None:
    path = suite_path(Path(plan.expectations), "orders")
    suite = json.loads(path.read_text())
    suite["expectations"][0] |= change
    path.write_text(json.dumps(suite))


def test_an_unknown_expectation_is_refused_with_the_nearest(plan: Plan, real: Shop) -> None:
    edit(plan, type="expect_table_columns_to_match_sorce")

    (check,) = suite_checks(plan, real)
    assert (check.verdict, check.severity) == ("ABSTAIN", "critical")
    assert "the nearest is 'expect_table_columns_to_match_source'" in check.prose


def test_a_parameter_that_does_not_exist_is_refused(plan: Plan, real: Shop) -> None:
    edit(plan, kwargs={"max_excesss": 1})

    (check,) = suite_checks(plan, real)
    assert check.verdict == "ABSTAIN"
    assert "max_excesss" in check.prose


def test_a_repeated_expectation_is_asserted_twice(plan: Plan, real: Shop) -> None:
    path = suite_path(Path(plan.expectations), "orders")
    suite = json.loads(path.read_text())
    n_checks = len(suite["expectations"])
    suite["expectations"].append(suite["expectations"][0])
    path.write_text(json.dumps(suite))

    assert len(suite_checks(plan, real)) == n_checks + 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"expectations": []}', '{"expectations": [{"kwargs": {}}]}'])
def test_a_file_that_is_no_suite_is_refused(plan: Plan, real: Shop, text: str) -> None:
    suite_path(Path(plan.expectations), "orders").write_text(text)

    (check,) = suite_checks(plan, real)
    assert (check.name, check.verdict) == ("suite", "ABSTAIN")


def test_a_missing_suite_is_refused_with_the_command_that_writes_it(plan: Plan, real: Shop, tmp_path: Path) -> None:
    suite_path(Path(plan.expectations), "orders").rename(tmp_path / "elsewhere.json")
    measured_only_users = plan.model_copy(update={"tables": plan.tables[1:]})

    from synth_ops.expectations import run_suites
    from synth_ops.measure import Measured

    nothing = Measured(night="2026-01-31", inputs="", measures=(), seconds=0)
    (check,) = run_suites(measured_only_users, nothing, lambda name, _columns: real[name])
    assert (check.name, check.verdict) == ("suite missing", "ABSTAIN")
    assert "synth-ops init --suites" in check.prose


@pytest.fixture
def class_dropped() -> Iterator[None]:
    from great_expectations.expectations.registry import _registered_expectations

    kept = _registered_expectations.pop(ExpectColumnPairsToMatchReference.expectation_type)
    yield
    _registered_expectations[ExpectColumnPairsToMatchReference.expectation_type] = kept


@pytest.mark.usefixtures("class_dropped")
def test_a_dropped_class_makes_the_suite_an_error(plan: Plan, real: Shop) -> None:
    (check,) = suite_checks(plan, real)

    assert check.verdict == "ABSTAIN"
    assert "expect_column_pairs_to_match_reference" in check.prose


def test_a_raised_expectation_abstains(plan: Plan, real: Shop) -> None:
    edit(plan, type="expect_column_values_to_not_be_null", kwargs={"column": "nowhere"})

    check = suite_checks(plan, real)[0]
    assert check.verdict == "ABSTAIN"
    assert "nowhere" in check.prose


def test_every_rule_has_a_class_and_every_class_a_rule() -> None:
    ours = {name for name in registered_types() if name.startswith("expect_")} & set(RULES)

    assert ours == set(RULES)


def test_default_suites_are_json_without_values(plan: Plan) -> None:
    suite = default_suite(plan, plan.table("orders"), 3000)

    assert json.loads(suite_text(suite)) == suite
    assert all(e["notes"] and e["severity"] in {"critical", "warning"} for e in suite["expectations"])


@pytest.mark.parametrize(("n_rows", "is_asserted"), [(499, False), (500, True)])
def test_what_few_rows_cannot_show_of_a_reference_is_not_asserted(
    plan: Plan, n_rows: int, *, is_asserted: bool
) -> None:
    suite = default_suite(plan, plan.table("orders"), n_rows)
    types = {e["type"] for e in suite["expectations"]}

    assert ("expect_foreign_key_relations_to_match" in types) is is_asserted
    assert "expect_foreign_key_to_resolve" in types


def test_written_suites_are_never_overwritten(plan: Plan) -> None:
    path = suite_path(Path(plan.expectations), "orders")
    path.write_text("mine")

    assert write_suites(path.parent, plan, {"orders": 3000}) == []
    assert path.read_text() == "mine"


def test_data_docs_show_prose(plan: Plan) -> None:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kind = ExpectColumnPairsToMatchReference.expectation_type
    configuration = ExpectationConfiguration(type=kind, kwargs={"max_excess": 0.05, "max_lost": 0.5})
    (content,) = ExpectColumnPairsToMatchReference._prescriptive_renderer(configuration=configuration)

    assert "Pairs of columns must go together" in json.dumps(content.to_json_dict())
