from pathlib import Path
from typing import Any

import pytest

from tests.airflow_home import AirflowHome, needs_airflow
from tests.synth_ops.shop import build_shop

pytestmark = needs_airflow

EXECUTE = """
import json, sys
from synth_ops.airflow import SynthRefreshOperator
print(json.dumps(SynthRefreshOperator(task_id="t", config=sys.argv[1], night=sys.argv[2]).execute({})))
"""
RENDER = """
import json, sys, types
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from synth_ops.airflow import SynthRefreshOperator, SynthStepOperator

with DAG("d", schedule=None) as dag:
    task = SynthRefreshOperator(task_id="t", config="{{ params.folder }}/synth.yaml", tables="users, orders")
    step = SynthStepOperator(task_id="s", step="knit", config=sys.argv[1] + "/synth.yaml")
dag.fileloc = sys.argv[1] + "/dag.py"
dag.resolve_template_files()
run = types.SimpleNamespace(run_after=datetime(2026, 1, 31))
contexts = {
    "partition": {"partition_key": "2026-01-29", "ds": "2026-01-30", "dag_run": run},
    "scheduled": {"partition_key": None, "ds": "2026-01-30", "dag_run": run},
    "by hand": {"partition_key": None, "dag_run": run},
    "airflow 2": {"ds": "2026-01-30", "dag_run": run},
}
context = {**contexts["scheduled"], "params": {"folder": sys.argv[1], "rows": 0.5}}
environment = dag.get_template_env()
nights = {
    name: task.render_template(task.night, {**found, "params": {}}, environment) for name, found in contexts.items()
}
read = task.config
task.render_template_fields(context)
job = task._job(context)
step.night = "2026-01-30"
try:
    step._job(context)
except Exception as exc:
    wrong = f"{type(exc).__name__}: {exc}"
task.config = "synth.yaml"
print(json.dumps({
    "read": read,
    "nights": nights,
    "config": str(job.path),
    "rows": job.config.defaults.rows,
    "text": job.spec.options["text"],
    "tables": job.call.tables,
    "step": job.call.step,
    "beside": str(task._path()),
    "wrong": wrong,
    "timeout": task.execution_timeout.total_seconds(),
    "fields": sorted(task.template_fields),
}))
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what a task makes of its fields; synth.yaml holds a template."""
    folder = tmp_path_factory.mktemp("rendered")
    plan = build_shop(folder)
    plan.write_text(plan.read_text().replace("rows: 1.0", "rows: {{ params.rows }}"))
    found: dict[str, Any] = AirflowHome(folder).ask(RENDER, str(folder))
    return found | {"folder": str(folder)}


def test_night_is_the_runs_partition_or_its_date(rendered: dict[str, Any]) -> None:
    assert rendered["nights"] == {
        "partition": "2026-01-29",
        "scheduled": "2026-01-30",
        "by hand": "2026-01-31",
        "airflow 2": "2026-01-30",
    }


def test_plan_is_not_read_while_the_dag_is(rendered: dict[str, Any]) -> None:
    assert rendered["read"] == "{{ params.folder }}/synth.yaml"


def test_template_in_the_plan_is_filled_in_when_the_task_runs(rendered: dict[str, Any]) -> None:
    assert rendered["config"] == f"{rendered['folder']}/synth.yaml"
    assert rendered["rows"] == 0.5
    assert "rows: 0.5" in rendered["text"]


def test_relative_plan_lies_beside_the_dag_file(rendered: dict[str, Any]) -> None:
    assert rendered["beside"] == f"{rendered['folder']}/synth.yaml"


def test_tables_may_be_written_with_commas_between(rendered: dict[str, Any]) -> None:
    assert rendered["tables"] == ["users", "orders"]
    assert rendered["step"] == "refresh"


def test_unknown_step_names_those_there_are(rendered: dict[str, Any]) -> None:
    assert rendered["wrong"].startswith("PlanError")
    assert "extract, train, sample, validate, publish" in rendered["wrong"]


def test_task_that_says_nothing_ends_before_the_next_night(rendered: dict[str, Any]) -> None:
    assert rendered["timeout"] == 12 * 3600


def test_wrong_plan_fails_for_good_and_says_why(tmp_path: Path) -> None:
    done = AirflowHome(tmp_path).run("-c", EXECUTE, str(build_shop(tmp_path)), "2999-01-01")

    assert "AirflowFailException" in done.stderr
    assert "future" in done.stderr


def test_missing_plan_fails_for_good_and_names_it(tmp_path: Path) -> None:
    done = AirflowHome(tmp_path).run("-c", EXECUTE, str(tmp_path / "nowhere.yaml"), "2026-01-30")

    assert "AirflowFailException" in done.stderr
    assert "nowhere.yaml" in done.stderr
