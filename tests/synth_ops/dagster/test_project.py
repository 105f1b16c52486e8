import json
from pathlib import Path

import pytest

pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster.project import Project, read_project
from synth_ops.errors import PlanError
from synth_ops.plan import load_config, resolve
from synth_ops.schema import Column, Database, Table
from synth_ops.workspace import Workspace, write_record


def project_of(folder: Path, tables: str) -> Path:
    path = folder / "synth.yaml"
    path.write_text(f"dataset: shop\nsource: ${{PROD_URL}}\npublish: ./snapshots\ntables: {tables}\n")
    return path


def found_by_a_night(path: Path, *names: str) -> None:
    columns = (Column(name="id", source_type="INTEGER", arrow_type="int32"),)
    config = load_config(path)
    plan = resolve(config, Database(tables=tuple(Table(name=n, columns=columns) for n in names)))
    write_record(Workspace(config.workspace, "shop", "2026-01-30").plan, plan)


def words(project: Project) -> dict[str, str]:
    return {t.name: t.word for t in project.tables}


def test_tables_are_known_from_the_plan_file_alone_and_no_secret_is_asked_for(tmp_path: Path) -> None:
    project = read_project(project_of(tmp_path, "{users: {}, countries: {mode: copy}, log: {mode: skip}}"))

    assert [(t.name, t.is_copied) for t in project.tables] == [("users", False), ("countries", True)]


def test_what_the_last_night_found_is_known_too(tmp_path: Path) -> None:
    path = project_of(tmp_path, "{users: {}, log: {mode: skip}}")
    found_by_a_night(path, "users", "orders", "log")

    assert list(words(read_project(path))) == ["users", "orders"]


def test_names_that_no_key_may_hold_become_words_that_differ(tmp_path: Path) -> None:
    project = read_project(project_of(tmp_path, '{"sales.order lines": {}, sales_order_lines: {}, "Ünïcode": {}}'))

    assert words(project) == {
        "sales.order lines": "sales_order_lines",
        "sales_order_lines": "sales_order_lines_2",
        "Ünïcode": "_n_code",
    }


def test_parents_are_those_that_keys_refer_to(tmp_path: Path) -> None:
    tables = "{users: {}, orders: {foreign_keys: [{columns: [user_id], references: users}]}}"

    assert {t.name: t.parents for t in read_project(project_of(tmp_path, tables)).tables} == {
        "users": (),
        "orders": ("users",),
    }


def test_expectations_are_read_from_the_suite(tmp_path: Path) -> None:
    suite = tmp_path / "expectations" / "shop" / "users.json"
    suite.parent.mkdir(parents=True)
    entry = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}, "severity": "warning"}
    suite.write_text(json.dumps({"name": "users", "expectations": [entry]}))
    (table,) = read_project(project_of(tmp_path, "{users: {}}")).tables

    assert [(a.name, a.severity) for a in table.asserted] == [("expect_column_values_to_be_unique(id)", "warning")]


def test_a_suite_that_does_not_parse_is_left_to_the_gate(tmp_path: Path) -> None:
    suite = tmp_path / "expectations" / "shop" / "users.json"
    suite.parent.mkdir(parents=True)
    suite.write_text("{")
    (table,) = read_project(project_of(tmp_path, "{users: {}}")).tables

    assert table.asserted == ()


def test_no_table_known_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"must name the tables.*synth-ops extract"):
        read_project(project_of(tmp_path, "{}"))
