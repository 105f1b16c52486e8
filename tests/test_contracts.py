"""Every import contract of pyproject.toml holds, and is broken by the import that it forbids."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="needs the extra dev: pip install 'synth-ops[dev]'")

ROOT = Path(__file__).parents[1]
OFFENCES = {
    "Steps do not know each other; only refresh knows the order": ("extract.py", "synth_ops.train"),
    "Shells and command line call the core; the core does not call them": ("schema.py", "synth_ops.cli"),
    "Nothing in the core starts a refresh": ("schema.py", "synth_ops.refresh"),
    "The two orchestrators never meet": ("dagster/__init__.py", "synth_ops.airflow"),
    "The core imports no orchestrator": ("refresh.py", "dagster"),
    "Great Expectations lives in synth_ops.expectations only": ("validate.py", "great_expectations"),
    "torch lives in synth_ops.model only": ("train.py", "torch"),
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a copy of the package and of its contracts."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "synth_ops", folder / "synth_ops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_has_an_offence() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {c["name"] for c in contracts} == set(OFFENCES)


def test_all_contracts_are_kept(package: Path) -> None:
    assert _broken(package) == []


@pytest.mark.parametrize("contract", OFFENCES)
def test_forbidden_import_breaks_its_contract(package: Path, contract: str) -> None:
    file, module = OFFENCES[contract]
    path = package / "synth_ops" / file
    lawful = path.read_text()
    path.write_text(f"{lawful}\nimport {module}\n")
    broken = _broken(package)
    path.write_text(lawful)

    assert contract in broken


def _broken(package: Path) -> list[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(
        command,
        cwd=package,
        env=os.environ | {"PYTHONPATH": str(package), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)
