"""No value of production reaches what Airflow keeps: its database with XComs, links and events, its logs."""

import sys
from pathlib import Path

import pytest

from tests.airflow_home import AirflowHome, needs_airflow
from tests.leaks import CANARY, leaks
from tests.projects import make_project

pytestmark = [needs_airflow, pytest.mark.slow]

NIGHT = "2026-01-30"
CHATTY = f"""
import atexit, sys
atexit.register(lambda: print({CANARY!r}, file=sys.stderr, flush=True))  # a library that quotes a row
"""
DAGS = """
import os

from airflow.providers.common.compat.sdk import DAG, Asset
from synth_ops.airflow import synth_refresh_task_group

with DAG("group", schedule=None) as group:
    synth_refresh_task_group(
        config=os.environ["PLAN"],
        python=os.environ["WORKER"],
        env={"PYTHONPATH": os.environ["CHATTY"]},
        outlets=[Asset("synthetic/shop")],
    )
"""


def test_airflows_home_holds_no_value_of_production_though_a_library_prints_one(tmp_path: Path) -> None:
    plan = make_project(tmp_path / "shop")
    library = tmp_path / "private" / "library"  # not scanned: it says the word itself
    library.mkdir(parents=True)
    (library / "sitecustomize.py").write_text(CHATTY)
    home = tmp_path / "home"
    home.mkdir()
    chatty = f"{library}:{Path(__file__).parents[3]}"
    env = {"PLAN": str(plan), "WORKER": sys.executable, "CHATTY": chatty}
    said = AirflowHome(home).test_dag(DAGS, "group", NIGHT, env)
    logs = list((plan.parent / ".synth-ops" / "shop" / "private").rglob("*.log"))

    assert "state: success" in said, said
    assert any(CANARY in log.read_text() for log in logs)  # it was printed
    assert (home / "airflow.db").stat().st_size > 0
    assert leaks(tmp_path, said) == []
