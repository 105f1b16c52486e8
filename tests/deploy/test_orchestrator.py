"""What the orchestrator's image installs, in an environment of nothing else: it is enough, and not too much."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
import yaml
from filelock import FileLock
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
REQUIREMENTS = DEPLOY / "images" / "orchestrator-requirements.txt"
SERVICES = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
STEPS_ALONE_NEED = ("torch", "great_expectations", "pyarrow", "numpy", "pandas", "sklearn", "duckdb")
PROGRAM = f"""
import runpy
from importlib.util import find_spec

from synth_ops.plan import load_config

load_config("synth.yaml")
runpy.run_path("pipelines/dagster_defs.py")
print(*(m for m in {STEPS_ALONE_NEED} if find_spec(m)))
"""
QUERY = """{
  workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } }
  instance {
    daemonHealth { allDaemonStatuses { daemonType required healthy } }
    concurrencyLimits { concurrencyKey slotCount }
  }
}"""
WELL_WITHIN_SECONDS = 120

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Give the folder of programs of an environment that holds what the image installs; test processes share it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "orchestrator"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "whole").exists():
            wanted: list[str | Path] = ["-c", ROOT / "constraints.txt", "-r", REQUIREMENTS]
            _uv("venv", "--python", sys.executable, folder)
            _uv("pip", "install", "--python", folder / "bin" / "python", *wanted)
            (folder / "whole").touch()
    return folder / "bin"


def _uv(*arguments: str | Path) -> None:
    subprocess.run([find_uv_bin(), "--quiet", *arguments], check=True, capture_output=True)


def test_code_location_loads_without_what_steps_need(binaries: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    loaded = subprocess.run(
        [binaries / "python", "-c", PROGRAM], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )

    assert loaded.stdout.split() == []


def test_command_line_starts(binaries: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [str(binaries / "python"), "-m", "synth_ops", "--help"]
    shown = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)

    assert "refresh" in shown.stdout


def test_services_of_compose_find_each_other(binaries: Path, postgres_url: str, tmp_path: Path) -> None:
    """Their commands on this machine: the location loads, each daemon is well, and the pool has its limit."""
    ports = {"3000": str(_free_port()), "4000": str(_free_port())}
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)}
    environment |= _postgres(postgres_url)
    shutil.copy(DEPLOY / "dagster" / "dagster.yaml", tmp_path)
    workspace = (DEPLOY / "dagster" / "workspace.yaml").read_text()
    workspace = workspace.replace("host: location, port: 4000", f"host: 127.0.0.1, port: {ports['4000']}")
    (tmp_path / "workspace.yaml").write_text(workspace)
    changed = ports | {"${GPU_COUNT:-1}": "2", "/opt/dagster/home/workspace.yaml": str(tmp_path / "workspace.yaml")}
    commands = {
        name: [str(binaries / service["command"][0]), *(changed.get(a, a) for a in service["command"][1:])]
        for name, service in SERVICES.items()
        if "command" in service
    }
    subprocess.run(commands.pop("gpu-pool"), cwd=ROOT, env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        for name, command in commands.items():
            stack.enter_context(_running(command, environment, tmp_path / f"{name}.log"))
        seen = _ask_until_well(f"http://127.0.0.1:{ports['3000']}/graphql")

    assert set(commands) == {"location", "webserver", "daemon"}
    assert seen["location"] == ["RepositoryLocation"]
    assert seen["unwell"] == []
    assert seen["limits"] == [{"concurrencyKey": "gpu", "slotCount": 2}]


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with (
        log.open("wb") as written,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _ask_until_well(url: str) -> dict[str, Any]:
    """Give what the web server says once the location has loaded and the daemons are well, or when time is up."""
    seen: dict[str, Any] = {"location": [], "unwell": ["all"], "limits": []}
    deadline = time.monotonic() + WELL_WITHIN_SECONDS
    while time.monotonic() < deadline and (seen["location"] != ["RepositoryLocation"] or seen["unwell"]):
        time.sleep(1)
        try:
            seen = _ask(url)
        except OSError:
            continue  # it does not listen yet
    return seen


def _ask(url: str) -> dict[str, Any]:
    request = Request(url, json.dumps({"query": QUERY}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        data = json.load(answer)["data"]
    entries = data["workspaceOrError"]["locationEntries"]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return {
        "location": [e["locationOrLoadError"]["__typename"] for e in entries if e["locationOrLoadError"]],
        "unwell": [d["daemonType"] for d in daemons if d["required"] and not d["healthy"]],
        "limits": data["instance"]["concurrencyLimits"],
    }


def _postgres(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "DAGSTER_PG_HOST": str(parts.hostname),
        "DAGSTER_PG_PORT": str(parts.port),
        "DAGSTER_PG_DB": parts.path[1:],
        "DAGSTER_PG_USERNAME": str(parts.username),
        "DAGSTER_PG_PASSWORD": str(parts.password),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
