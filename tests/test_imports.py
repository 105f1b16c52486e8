"""What a fresh interpreter loads: a static rule can be fooled, this cannot."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = ("torch", "great_expectations", "dagster", "airflow", "sklearn", "matplotlib")


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("synth_ops", set()),
        ("synth_ops.cli", set()),
        ("synth_ops.refresh", set()),
        ("synth_ops.worker.main", set()),
        ("synth_ops.privacy", set()),
        ("synth_ops.spending", set()),
        ("synth_ops.dagster", {"dagster"}),
        ("synth_ops.airflow", {"airflow"}),
    ],
)
def test_loads_nothing_heavy_but(module: str, allowed: set[str]) -> None:
    if missing := [name for name in allowed if find_spec(name) is None]:
        pytest.skip(f"needs the extra {missing[0]}: pip install 'synth-ops[{missing[0]}]'")
    program = f"import sys, {module}; print(*(m for m in {HEAVY} if m in sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(run.stdout.splitlines()[-1].split()) <= allowed
