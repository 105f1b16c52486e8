"""One task, or a group of tasks, on either line of Airflow: the bytes are those of the command line."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from synth_ops.plan import load_config
from synth_ops.records import Refreshed
from synth_ops.refresh import refresh
from tests.airflow_home import EARLIER, AirflowHome, needs_airflow, needs_earlier_airflow
from tests.projects import files_of
from tests.synth_ops.shop import build_shop

pytestmark = [needs_airflow, pytest.mark.slow]

NIGHT = "2026-01-30"
DAGS = """
import os

from airflow.providers.common.compat.sdk import DAG, Asset
from synth_ops.airflow import SynthRefreshOperator, synth_refresh_task_group

shared = {"config": os.environ["PLAN"], "python": os.environ["WORKER"]}
with DAG("one", schedule=None) as one:
    SynthRefreshOperator(task_id="refresh", outlets=[Asset("synthetic/shop")], **shared)
with DAG("group", schedule=None) as group:
    synth_refresh_task_group(tables=["users", "orders"], outlets=[Asset("synthetic/shop")], **shared)
"""
CASES = [
    pytest.param(sys.executable, "one", id="3: one task"),
    pytest.param(str(EARLIER), "group", id="2.11: a group", marks=needs_earlier_airflow),
]


@dataclass(frozen=True)
class Done:
    """A run of a DAG."""

    folder: Path
    said: str

    @property
    def snapshot(self) -> Path:
        home = self.folder / "shop" / "snapshots" / "shop"
        return home / "snapshots" / str(json.loads((home / "latest.json").read_text())["snapshot"])

    @property
    def events(self) -> list[dict[str, Any]]:
        """What OpenLineage was told when the task was done."""
        lines = [line for file in self.folder.glob("lineage*") for line in file.read_text().splitlines()]
        events = [json.loads(line) for line in lines]
        return [e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"].endswith(".refresh")]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    """Give what the command line makes of the shop."""
    return refresh(load_config(build_shop(tmp_path_factory.mktemp("shop"))), NIGHT)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Done]:
    """Run a DAG of an interpreter's Airflow on a shop of its own, once."""

    @cache
    def run(python: str, dag: str) -> Done:
        folder = tmp_path_factory.mktemp(dag)
        (folder / "shop").mkdir()
        env = {
            "PLAN": str(build_shop(folder / "shop")),
            "WORKER": sys.executable,
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": f"{folder}/lineage"}),
        }
        return Done(folder, AirflowHome(folder, python).test_dag(DAGS, dag, NIGHT, env))

    return run


@pytest.mark.parametrize(("python", "dag"), CASES)
def test_airflow_publishes_the_bytes_of_the_command_line(
    python: str, dag: str, by_hand: Refreshed, run: Callable[[str, str], Done]
) -> None:
    done = run(python, dag)

    assert "state: success" in done.said, done.said
    assert done.snapshot.name == by_hand.snapshot
    assert files_of(done.snapshot) == files_of(Path(by_hand.path)) != {}


def test_lineage_leads_from_production_to_the_snapshot_column_by_column(run: Callable[[str, str], Done]) -> None:
    done = run(sys.executable, "one")
    (event,) = done.events
    inputs, outputs = ({d["name"]: d for d in event[side]} for side in ("inputs", "outputs"))
    source = f"{done.folder}/shop/shop.duckdb"
    users = outputs[f"{done.folder}/shop/snapshots/shop/users"]

    assert {f"{source}#users", f"{source}#orders"} <= set(inputs)
    assert users["outputFacets"]["outputStatistics"]["rowCount"] == 100
    assert [f["name"] for f in users["facets"]["schema"]["fields"]] == ["id", "plan", "age"]
    columns = users["facets"]["columnLineage"]["fields"]
    assert sorted(columns) == ["age", "plan"]  # keys are minted
    (came_from,) = columns["plan"]["inputFields"]
    assert (came_from["name"], came_from["field"]) == (f"{source}#users", "plan")
    assert came_from["transformations"][0]["masking"] is True


def test_lineage_says_what_was_asserted_of_the_copy(run: Callable[[str, str], Done]) -> None:
    (event,) = run(sys.executable, "one").events
    (users,) = [d for d in event["inputs"] if d["name"].endswith("synthetic/users.parquet")]
    assertions = users["inputFacets"]["dataQualityAssertions"]["assertions"]

    assert all(a["success"] for a in assertions if a["severity"] == "error")
    counted = next(a for a in assertions if a["assertion"] == "expect_table_row_count_to_match_plan")
    assert counted["description"].startswith("Rows must be")
    assert counted["actual"] == "1"
    assert "plan" in {a.get("column") for a in assertions}
