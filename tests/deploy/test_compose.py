"""The compose files: what the specification allows, and what agrees with the files beside them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose"
FILES = [COMPOSE / "compose.yaml", COMPOSE / "compose.gpu.yaml"]
VARIABLE = re.compile(r"\$\{(\w+)")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_file_follows_the_specification(path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="needs the extra dev: pip install 'synth-ops[dev]'")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert not done.returncode, done.stdout + done.stderr


def test_overlay_adds_no_service() -> None:
    base, overlay = (_read(path)["services"] for path in FILES)

    assert set(overlay) <= set(base)


def test_services_wait_for_services_that_are_there() -> None:
    services = _read(FILES[0])["services"]

    assert {name for service in services.values() for name in service.get("depends_on", ())} <= set(services)


def test_example_names_the_variables_that_files_name() -> None:
    named = {name for path in FILES for name in VARIABLE.findall(_without_comments(path))}
    given = re.findall(r"^(\w+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE)

    assert sorted(given) == sorted(named)


def test_builds_and_files_are_there() -> None:
    services = [s for s in _read(FILES[0])["services"].values() if "build" in s]
    dockerfiles = [COMPOSE / s["build"]["context"] / s["build"]["dockerfile"] for s in services]
    mounted = [v.split(":")[0] for s in services for v in s["volumes"] if v.startswith("../dagster/")]

    assert [p for p in (*dockerfiles, *(COMPOSE / m for m in mounted)) if not p.is_file()] == []


def test_volumes_are_declared() -> None:
    compose = _read(FILES[0])
    mounts = [v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", ())]

    assert {m for m in mounts if not m.startswith(".")} == set(compose["volumes"])


def test_real_rows_are_in_the_location_only() -> None:
    services = _read(FILES[0])["services"]

    assert [n for n, s in services.items() if any("synth-ops/" in v for v in s.get("volumes", ()))] == ["location"]


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def _without_comments(path: Path) -> str:
    return re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)
