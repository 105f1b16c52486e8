import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.synth_ops.shop import build_shop

pytestmark = pytest.mark.skipif(
    find_spec("airflow") is None, reason="needs the extra airflow: pip install 'synth-ops[airflow]'"
)

EXECUTE = """
import json, sys
from synth_ops.airflow import SynthRefreshOperator
print(json.dumps(SynthRefreshOperator(task_id="t", config=sys.argv[1], night=sys.argv[2]).execute({})))
"""
DAG_FILE = """
import os, pendulum
from airflow.sdk import DAG
from synth_ops.airflow import SynthRefreshOperator
with DAG("d", schedule=None) as dag:
    SynthRefreshOperator(task_id="t", config=os.environ["PLAN"])
if __name__ == "__main__":
    print("state:", dag.test(logical_date=pendulum.datetime(2026, 1, 30)).state)
"""


def test_wrong_plan_fails_for_good_and_says_why(tmp_path: Path) -> None:
    done = _python(tmp_path, EXECUTE, str(build_shop(tmp_path)), "2999-01-01")

    assert "AirflowFailException" in done.stderr
    assert "future" in done.stderr


@pytest.mark.slow
def test_dag_runs_the_night_of_its_logical_date_and_gives_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAN", str(build_shop(tmp_path)))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/d.py").write_text(DAG_FILE)
    _airflow(tmp_path, "-m", "airflow", "db", "migrate")
    done = _airflow(tmp_path, str(tmp_path / "dags/d.py"))

    assert "state: success" in done.stdout
    assert [p.name[:10] for p in (tmp_path / "snapshots/shop/snapshots").iterdir()] == ["2026-01-30"]
    again = _python(tmp_path, EXECUTE, str(tmp_path / "synth.yaml"), "2026-01-30")
    assert json.loads(again.stdout.splitlines()[-1])["outcome"] == "nothing to do"


def test_repositorys_dag_parses_without_torch(tmp_path: Path) -> None:
    dag = Path(__file__).parents[3] / "pipelines/airflow_dag.py"
    program = "import runpy, sys; runpy.run_path(sys.argv[1]); print('torch' in sys.modules)"

    assert _python(tmp_path, program, str(dag)).stdout.splitlines()[-1] == "False"


def _python(home: Path, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return _airflow(home, "-c", program, *arguments)


def _airflow(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with an Airflow of its own, in a process of its own: Airflow keeps much in module globals."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
    }
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)
