"""The command that suggests suites, run as a person runs it."""

import json
from pathlib import Path

import pytest

from tests.projects import change, make_project, run


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    sql = "CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL); CREATE TABLE orders (id INTEGER)"
    return make_project(tmp_path, sql)


def test_diff_is_printed_and_written_on_request(plan: Path) -> None:
    suite = plan.parent / "expectations" / "shop" / "users.json"
    change(plan.parent, "ALTER TABLE users DROP COLUMN plan")
    shown, wrote, done = run(plan, "suggest"), run(plan, "suggest", "--write"), run(plan, "suggest")

    removed = [line for line in shown.stdout.splitlines() if line.startswith("-  ")]
    assert '"column": "plan"' in removed[0]
    assert "1 of 2 files would change: synth-ops suggest --write" in shown.stdout
    assert f"wrote {suite}" in wrote.stdout
    assert '"column": "plan"' not in suite.read_text()
    assert done.stdout.startswith("Nothing to do")


def test_json_gives_a_record_a_table_and_a_refused_file_exits_2(plan: Path) -> None:
    suite = plan.parent / "expectations" / "shop" / "users.json"
    suite.write_text("{")
    done = run(plan, "suggest", "--json")

    assert [(s["table"], s["state"]) for s in json.loads(done.stdout)] == [
        ("orders", "unchanged"),
        ("users", "refused"),
    ]
    assert done.returncode == 2
    assert str(suite) in " ".join(done.stderr.split())
    assert suite.read_text() == "{"
