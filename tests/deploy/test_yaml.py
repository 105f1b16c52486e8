"""The deployment's YAML reads as one hand's."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("yamllint", reason="needs the extra dev: pip install 'synth-ops[dev]'")
DEPLOY = Path(__file__).parents[2] / "deploy"


def test_yamllint_finds_nothing() -> None:
    command = [sys.executable, "-m", "yamllint", "--strict", "--config-file", str(DEPLOY / ".yamllint"), str(DEPLOY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert not done.returncode, done.stdout
