"""Suites suggested from a real source, as diffs and as files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth_ops.errors import PlanError
from synth_ops.expectations.suites import read_entries
from synth_ops.init import suggest, write_missing_suites
from tests.projects import change, make_project

SHOP = """
CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, total DOUBLE);
INSERT INTO users SELECT i, 'paid' FROM range(60) r(i);
"""
WITH_AGE = "ALTER TABLE users ADD COLUMN age INTEGER DEFAULT 3"
WITH_A_SURE_AGE = "ALTER TABLE users ALTER age SET NOT NULL"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return make_project(tmp_path, SHOP)


def suite_of(plan: Path, table: str) -> Path:
    return plan.parent / "expectations" / "shop" / f"{table}.json"


def edit(path: Path, do: Callable[[dict[str, Any]], None]) -> None:
    suite = json.loads(path.read_text())
    do(suite)
    path.write_text(json.dumps(suite, indent=4))


def explain_plan(suite: dict[str, Any]) -> None:
    entry = next(e for e in suite["expectations"] if e["kwargs"] == {"column": "plan"})
    entry["notes"] = "Ask Ann."


def about(path: Path, column: str) -> list[dict[str, Any]]:
    return [dict(e) for e in read_entries(path) if e["kwargs"].get("column") == column]


def test_what_init_wrote_is_not_to_be_changed(plan: Path) -> None:
    assert [(s.table, s.state, s.diff) for s in suggest(plan)] == [
        ("orders", "unchanged", ""),
        ("users", "unchanged", ""),
    ]


def test_new_column_is_shown_as_a_diff_and_nothing_is_written(plan: Path) -> None:
    before = suite_of(plan, "users").read_bytes()
    change(plan.parent, WITH_AGE)
    change(plan.parent, WITH_A_SURE_AGE)
    _, users = suggest(plan)

    assert users.state == "changed"
    added = [line for line in users.diff.splitlines() if line.startswith("+ ")]
    assert '"column": "age"' in added[0]
    assert not [line for line in added if '"column": "plan"' in line]
    assert users.diff.startswith(f"--- {suite_of(plan, 'users')}\n+++ ")
    assert suite_of(plan, "users").read_bytes() == before


def test_written_suite_holds_the_new_column_and_every_edit(plan: Path) -> None:
    path = suite_of(plan, "users")
    edit(path, lambda s: s["expectations"][1].update(severity="warning"))
    edit(path, lambda s: s.update(expectations=[e for e in s["expectations"] if e["kwargs"].get("column") != "plan"]))
    change(plan.parent, WITH_AGE)
    change(plan.parent, WITH_A_SURE_AGE)
    suggest(plan, write=True)

    assert read_entries(path)[1]["severity"] == "warning"
    assert len(about(path, "age")) == 1
    assert about(path, "plan") == []
    assert [s.state for s in suggest(plan)] == ["unchanged", "unchanged"]


def test_edited_expectation_of_a_vanished_column_is_kept_and_named(plan: Path) -> None:
    path = suite_of(plan, "users")
    edit(
        path, lambda s: next(e for e in s["expectations"] if e["kwargs"] == {"column": "plan"}).update(notes="Ask Ann.")
    )
    change(plan.parent, "ALTER TABLE users DROP COLUMN plan")
    _, users = suggest(plan, write=True)

    assert users.orphans == ("expect_column_values_to_not_be_null(plan)",)
    assert [e["notes"] for e in about(path, "plan")] == ["Ask Ann."]


def test_only_the_named_tables_are_suggested(plan: Path) -> None:
    assert [s.table for s in suggest(plan, tables=("users",))] == ["users"]
    with pytest.raises(PlanError, match="'users'"):
        suggest(plan, tables=("user",))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"expectations": 3}', '{"expectations": [{}]}'])
def test_file_that_does_not_parse_is_refused_by_name_and_left_alone(plan: Path, text: str) -> None:
    path = suite_of(plan, "users")
    path.write_text(text)
    suite_of(plan, "orders").unlink()
    orders, users = suggest(plan, write=True)

    assert (users.state, str(path) in users.refusal) == ("refused", True)
    assert path.read_text() == text
    assert orders.state == "new"
    assert read_entries(suite_of(plan, "orders"))


def test_missing_suites_alone_are_written_by_init(plan: Path) -> None:
    users = suite_of(plan, "users")
    edit(users, lambda s: s["expectations"].pop())
    before, whole = users.read_bytes(), suite_of(plan, "orders").read_bytes()
    suite_of(plan, "orders").unlink()

    assert write_missing_suites(plan) == (suite_of(plan, "orders"),)
    assert suite_of(plan, "orders").read_bytes() == whole
    assert users.read_bytes() == before
