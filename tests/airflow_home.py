"""An Airflow of a test's own, in processes of its own: Airflow keeps much in module globals, and makes a home."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
EARLIER = ROOT / ".venv" / "airflow-2.11" / "bin" / "python"
"""The interpreter that `make setup` gives Airflow 2.11: the two lines do not fit into one environment."""

needs_airflow = pytest.mark.skipif(
    find_spec("airflow") is None, reason="needs the extra airflow: pip install 'synth-ops[airflow]'"
)
needs_earlier_airflow = pytest.mark.skipif(not EARLIER.is_file(), reason="needs Airflow 2.11: make setup")


@dataclass(frozen=True)
class AirflowHome:
    """A folder that Airflow lives in, and the interpreter that it runs by."""

    folder: Path
    python: str = sys.executable

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run Python there."""
        settings = {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "PYTHONPATH": str(ROOT),
            **(env or {}),
        }
        return subprocess.run(
            [self.python, *arguments],
            capture_output=True,
            text=True,
            env=os.environ | settings,
            cwd=self.folder,
            check=False,
        )

    def ask(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> Any:
        """Run a program and give the JSON that its last line holds."""
        done = self.run("-c", program, *arguments, env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def test_dag(self, text: str, dag: str, day: str, env: dict[str, str]) -> str:
        """Run a DAG of a file by `dag.test()`, and give the run's state and what was logged."""
        file = self.folder / "dags" / "dags.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + _TEST, encoding="utf-8")
        if not (self.folder / "airflow.db").exists():
            migrated = self.run("-m", "airflow", "db", "migrate")
            assert migrated.returncode == 0, migrated.stderr
        done = self.run(str(file), dag, day, env=env)
        return done.stdout + done.stderr


_TEST = """
if __name__ == "__main__":
    import sys

    import airflow
    import pendulum

    date = "execution_date" if airflow.__version__.startswith("2") else "logical_date"
    print("state:", globals()[sys.argv[1]].test(**{date: pendulum.parse(sys.argv[2])}).state)
"""
