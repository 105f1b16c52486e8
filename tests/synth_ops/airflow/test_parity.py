"""One task, a group of tasks, mapped or not, on both lines of Airflow: the bytes are those of the command line."""

import json
import sys
from pathlib import Path

import pytest

from synth_ops.plan import load_config
from synth_ops.records import Refreshed
from synth_ops.refresh import refresh
from tests.airflow_home import EARLIER, AirflowHome, needs_airflow, needs_earlier_airflow
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
with DAG("mapped", schedule=None) as mapped:
    synth_refresh_task_group(**shared)
"""
CASES = [
    pytest.param(sys.executable, "one", id="3: one task"),
    pytest.param(sys.executable, "mapped", id="3: a group, mapped"),
    pytest.param(str(EARLIER), "group", id="2.11: a group", marks=needs_earlier_airflow),
]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    """Give what the command line makes of the shop."""
    return refresh(load_config(build_shop(tmp_path_factory.mktemp("shop"))), NIGHT)


@pytest.mark.parametrize(("python", "dag"), CASES)
def test_airflow_publishes_the_bytes_of_the_command_line(
    python: str, dag: str, by_hand: Refreshed, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    plan = build_shop(tmp_path / "shop")
    said = AirflowHome(tmp_path, python).test_dag(DAGS, dag, NIGHT, {"PLAN": str(plan), "WORKER": sys.executable})

    assert "state: success" in said, said
    home = tmp_path / "shop" / "snapshots" / "shop"
    snapshot = home / "snapshots" / json.loads((home / "latest.json").read_text())["snapshot"]
    assert snapshot.name == by_hand.snapshot
    assert parts_of(snapshot) == parts_of(Path(by_hand.path)) != {}


def parts_of(snapshot: Path) -> dict[str, bytes]:
    return {str(p.relative_to(snapshot)): p.read_bytes() for p in snapshot.rglob("*.parquet")}
