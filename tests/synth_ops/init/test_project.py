import ast
from pathlib import Path

import duckdb
import pytest

from synth_ops.errors import PlanError
from synth_ops.extract import extract
from synth_ops.init import init_project
from synth_ops.plan import load_config, resolve
from synth_ops.source import open_source
from synth_ops.workspace import Workspace


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "Shop One.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR, name VARCHAR, tags JSON)")
        connection.execute("CREATE TABLE planes (tailnum VARCHAR PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, tailnum VARCHAR, plane_id INT)"
        )
        connection.execute('CREATE TABLE "a: #{b}" ("no" INTEGER, "e-mail" VARCHAR)')
        connection.execute("INSERT INTO users SELECT i, 'secretvalue' || i, 'n', '{}' FROM range(20) r(i)")
        connection.execute("INSERT INTO planes SELECT 'N' || i FROM range(20) r(i)")
        connection.execute("INSERT INTO orders SELECT i, i % 30, 'X' || i, i FROM range(60) r(i)")
    return path


def test_project_resolves_as_it_is_written(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}", tmp_path / "project")
    config = load_config(tmp_path / "project" / "synth.yaml")
    with open_source(config.source) as source:
        plan = resolve(config, source.database())

    assert config.dataset == "Shop_One"
    assert set(record.tables) == {t.name for t in plan.tables} == {"users", "planes", "orders", "a: #{b}"}
    assert plan.table("users").column("email").reason == "declared in synth.yaml"
    assert plan.table("users").column("email").provider == "email"
    assert plan.table("a: #{b}").column("e-mail").provider == "email"
    assert all(Path(file).is_file() for file in record.files)


def test_suites_lie_where_the_plan_looks(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}", tmp_path / "project")

    suites = {Path(f).name for f in record.files if f.startswith(str(tmp_path / "project/expectations/Shop_One"))}
    assert suites >= {"users.json", "planes.json", "orders.json"}


def test_reference_is_proposed_only_where_the_rows_agree(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}", tmp_path / "project")

    assert record.soft_foreign_keys == ("orders: user_id->users",)


def test_columns_to_look_at_are_named_with_their_reason(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}", tmp_path / "project")

    found = {(c.table, c.column, c.fate) for c in record.to_look_at}
    assert found == {("users", "email", "fake: email"), ("users", "tags", "null"), ("a: #{b}", "e-mail", "fake: email")}


def test_no_value_of_a_row_is_written(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}", tmp_path / "project")

    assert all("secretvalue" not in Path(f).read_text() for f in record.files)


def test_existing_file_is_named_and_kept_without_force(database: Path, tmp_path: Path) -> None:
    there = tmp_path / "synth.yaml"
    there.write_text("mine")

    with pytest.raises(PlanError, match=str(there)):
        init_project(f"duckdb:///{database}", tmp_path)
    assert there.read_text() == "mine"
    init_project(f"duckdb:///{database}", tmp_path, force=True)
    assert there.read_text() != "mine"


def test_pipelines_are_python_that_finds_the_plan(database: Path, tmp_path: Path) -> None:
    init_project(f"duckdb:///{database}", tmp_path / "project")

    for name in ("dagster_defs.py", "airflow_dag.py"):
        text = (tmp_path / "project" / "pipelines" / name).read_text()
        ast.parse(text)
        assert 'parents[1] / "synth.yaml"' in text
    assert 'outlets=[Asset("synthetic/Shop_One")]' in text


def test_lines_are_added_to_gitignore_once(database: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n/snapshots/")
    init_project(f"duckdb:///{database}", tmp_path)
    init_project(f"duckdb:///{database}", tmp_path, force=True)

    assert (tmp_path / ".gitignore").read_text().split() == ["mine", "/snapshots/", ".synth-ops/"]


def test_relative_database_is_found_from_the_project(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    init_project("duckdb:///Shop One.duckdb", Path("sub"))

    assert load_config("sub/synth.yaml").source == f"duckdb:///{database}"


def test_password_is_refused_a_place_in_the_file(database: Path, tmp_path: Path) -> None:
    record = init_project(f"duckdb:///{database}?password=hunter2", tmp_path / "project")

    assert record.export == "SYNTH_OPS_SOURCE"
    assert load_config(tmp_path / "project" / "synth.yaml").source == "${SYNTH_OPS_SOURCE}"
    assert all("hunter2" not in Path(f).read_text() for f in record.files)
    assert "hunter2" not in record.model_dump_json()


PEOPLE = """
    CREATE TABLE people (id INTEGER PRIMARY KEY, contact VARCHAR, reach VARCHAR UNIQUE, kin VARCHAR);
    INSERT INTO people SELECT i, 'canary' || i || '@shop.example', '+49 30 ' || (1234567 + i), 'kin ' || i % 3
        FROM range(80) r (i);
"""


def test_columns_whose_values_look_personal_get_a_word_with_its_reason(database: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(PEOPLE)
    record = init_project(f"duckdb:///{database}", tmp_path / "project")
    text = (tmp_path / "project" / "synth.yaml").read_text()

    assert "contact: {fake: email}   # 100% of its values look like e-mail addresses" in text
    found = {(c.column, c.fate) for c in record.to_look_at if c.table == "people"}
    assert found == {("contact", "fake: email"), ("reach", "fake: phone_number")}
    assert "canary" not in text + record.model_dump_json()


def test_project_that_init_writes_is_not_stopped_by_what_it_holds(database: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(PEOPLE)
    init_project(f"duckdb:///{database}", tmp_path / "project")
    config = load_config(tmp_path / "project" / "synth.yaml")

    assert extract(config, Workspace(config.workspace, config.dataset, "2026-01-30")).suspects == ()
