"""A real Dagster for the tests: web server, daemons and code server on a loopback port, gone when they end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.projects import edit, run
from tests.servers import free_port, impossible, made, one_table, within, workers_of
from tests.synth_ops.shop import build_shop

MODULE = "nightly.definitions"
TONIGHT = datetime.now(UTC).date()
"""A constant, so that a test that runs over midnight speaks of one night."""
LAST_NIGHT = (TONIGHT - timedelta(days=1)).isoformat()
START_SECONDS, RUN_SECONDS = 180.0, 420.0
ENDS = ("SUCCESS", "FAILURE", "CANCELED")

_OF_COURSE = (" intends to ", "Yielded output", "' passed. Description")
INSTANCE = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"pools": {"granularity": "op", "default_limit": 1}, "runs": {"max_concurrent_runs": 4}},
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
    "run_monitoring": {
        "enabled": True,
        "cancel_timeout_seconds": 60,
        "poll_interval_seconds": 5,
        "free_slots_after_run_end_seconds": 10,
    },
}
"""As a deployment has it: a run is begun again where its process was lost, and not where a step has failed."""
FORKED = {"multiprocess": {"start_method": {"forkserver": {"preload_modules": ["synth_ops.dagster"]}}}}
"""Each step has a process of its own, which need not import Dagster again."""

DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@dataclass(frozen=True)
class DagsterServer:
    """A running Dagster with three datasets.

    - ``shop`` has two tables, and learns them in a second;
    - ``kiosk`` has one table, and learns it for so long that something can happen meanwhile;
    - ``clock`` has one, published last night, and a schedule of every minute that is off.
    """

    url: str
    folder: Path
    """The Dagster project; each dataset has a folder in it."""
    home: Path

    def plan(self, dataset: str) -> Path:
        return self.folder / dataset / "synth.yaml"

    def snapshots(self, dataset: str) -> list[str]:
        """Give the nights' snapshots that are whole."""
        found = (self.folder / dataset / "snapshots" / dataset / "snapshots").glob("*/manifest.json")
        return sorted(p.parent.name for p in found)

    def latest(self, dataset: str) -> str:
        pointer = self.folder / dataset / "snapshots" / dataset / "latest.json"
        return str(json.loads(pointer.read_text())["snapshot"]) if pointer.is_file() else ""

    @cached_property
    def instance(self) -> Any:
        """The same instance, to read what the runs left."""
        import dagster as dg

        return dg.DagsterInstance.from_config(str(self.home))

    def ask(self, query: str, **variables: Any) -> Any:
        """Give what GraphQL answers."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            answered = json.loads(answer.read())
        assert "errors" not in answered, answered["errors"]
        return answered["data"]

    def launch(
        self,
        dataset: str,
        night: str,
        *,
        assets: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        in_process: bool = True,
    ) -> str:
        """Start a run of the night and give its id.

        Args:
            dataset: whose.
            night: the partition.
            assets: as ``model/users``; all of the job, where there are none.
            tags: of the run, beside the partition's.
            in_process: whether steps share the run's process, which saves seconds a step where that is not the point.
        """
        selector: dict[str, Any] = _job("__ASSET_JOB" if assets else f"refresh_{dataset}")
        if assets:
            selector["assetSelection"] = [{"path": [dataset, *key.split("/")]} for key in assets]
        said = [{"key": k, "value": v} for k, v in {"dagster/partition": night, **(tags or {})}.items()]
        asked = {
            "selector": selector,
            "executionMetadata": {"tags": said},
            "runConfigData": {"execution": {"config": {"in_process": {}} if in_process else FORKED}},
        }
        launched = self.ask(_LAUNCH, asked=asked)["launchRun"]
        assert "run" in launched, launched
        return str(launched["run"]["runId"])

    def launch_checks(self, dataset: str, table: str) -> str:
        """Start a run of all checks of a table, and of nothing else, and give its id."""
        asset = {"path": [dataset, "synthetic", table]}
        checks = self.ask(_CHECKS, asset=asset)["assetNodeOrError"]["assetChecksOrError"]["checks"]
        picked = [{"assetKey": asset, "name": c["name"]} for c in checks]
        selector = {**_job("__ASSET_JOB"), "assetSelection": [], "assetCheckSelection": picked}
        launched = self.ask(_LAUNCH, asked={"selector": selector, "runConfigData": {}, "mode": "default"})
        return str(launched["launchRun"]["run"]["runId"])

    def backfill(self, dataset: str, nights: Sequence[str]) -> str:
        """Start a backfill of the nights, as the UI does for all assets of a group, and give its id."""
        keys = [key for key in self.instance_keys(dataset) if key[1] != "production"]
        asked = {
            "assetSelection": [{"path": key} for key in keys],
            "partitionNames": list(nights),
            "runConfigData": {"execution": {"config": {"in_process": {}}}},
        }
        launched = self.ask(_BACKFILL, asked=asked)["launchPartitionBackfill"]
        assert "backfillId" in launched, launched
        return str(launched["backfillId"])

    def instance_keys(self, dataset: str) -> list[list[str]]:
        nodes = self.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
        return [n["assetKey"]["path"] for n in nodes if n["assetKey"]["path"][0] == dataset]

    def terminate(self, run_id: str) -> None:
        """Cancel a run as the UI does."""
        stopped = self.ask(_TERMINATE, run=run_id)["terminateRun"]
        assert stopped["__typename"] == "TerminateRunSuccess", stopped

    def selector(self, schedule: str) -> dict[str, str]:
        return {"scheduleName": schedule, "repositoryName": "__repository__", "repositoryLocationName": MODULE}

    def switch(self, schedule: str, *, on: bool) -> None:
        """Start or stop a schedule."""
        selector = self.selector(schedule)
        if on:
            self.ask(_START_SCHEDULE, selector=selector)
            return
        state = self.ask(_SCHEDULE, selector=selector)["scheduleOrError"]["scheduleState"]
        self.ask(_STOP_SCHEDULE, id=state["id"])

    def finish(self, run_id: str, seconds: float = RUN_SECONDS) -> str:
        """Wait for a run's end and give its status."""
        within(seconds, lambda: self.status(run_id) in ENDS, f"run {run_id} to end", every=0.5)
        return self.status(run_id)

    def status(self, run_id: str) -> str:
        return str(self.instance.get_run_by_id(run_id).status.value)

    def log(self, run_id: str) -> str:
        """Give a run's log, as the UI shows it, without what is only planned and what has passed."""
        lines = (f"{e.step_key or ''}: {_said(e)}" for e in self.events(run_id))
        return "\n".join(line for line in lines if not any(word in line for word in _OF_COURSE))

    def events(self, run_id: str) -> list[Any]:
        return list(self.instance.all_logs(run_id))

    def materialized(self, run_id: str) -> dict[str, Any]:
        """Give the materialisations of a run by key, as ``model/users``."""
        found = [e.asset_materialization for e in self.events(run_id) if e.asset_materialization]
        return {"/".join(m.asset_key.path[1:]): m for m in found}

    def checked(self, run_id: str) -> dict[tuple[str, str], Any]:
        """Give the evaluated checks of a run by table and name."""
        events = (e.dagster_event for e in self.events(run_id) if e.is_dagster_event)
        found = (e.asset_check_evaluation_data for e in events if e.event_type_value == "ASSET_CHECK_EVALUATION")
        return {(c.asset_key.path[-1], c.check_name): c for c in found}

    def workers(self, dataset: str, job: str = "") -> list[psutil.Process]:
        """Give the worker processes of a dataset that are alive, be it of one job alone, such as ``train``."""
        return workers_of(self.folder / dataset, job)

    def await_training(self, run_id: str) -> None:
        """Wait until a run is in the midst of learning."""
        within(RUN_SECONDS, lambda: ": encode" in self.log(run_id), "a training to begin", every=1.0)
        time.sleep(1.0)


@dataclass(frozen=True)
class Refused:
    """What came of a night that the gate refused."""

    run_id: str
    status: str
    night: str
    latest_before: str
    latest_after: str


@pytest.fixture(scope="session")
def dagster_server() -> Iterator[DagsterServer]:
    """Give a Dagster that has loaded its datasets; it is started once for all tests of a process."""
    for name in ("dagster", "dagster_webserver"):
        pytest.importorskip(name, reason="needs dagster and dagster-webserver: pip install 'synth-ops[dagster,dev]'")
    folder = Path(tempfile.mkdtemp(prefix="synth-ops-dagster-"))
    try:
        project = _write_project(folder / "project")
        with _running(project, folder / "home") as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def published(dagster_server: DagsterServer) -> str:
    """Give a run that has published a night of the shop, each step in a process of its own."""
    run_id = dagster_server.launch("shop", nights_before(20)[0], in_process=False)
    assert dagster_server.finish(run_id) == "SUCCESS", dagster_server.log(run_id)
    return run_id


@pytest.fixture(scope="session")
def refused(dagster_server: DagsterServer, published: str) -> Refused:
    """Give a run of the shop that the gate has refused, for its suite asked for three times the rows of the plan."""
    assert published
    latest, night = dagster_server.latest("shop"), nights_before(2)[0]
    with impossible(dagster_server.folder / "shop" / "expectations" / "shop" / "orders.json"):
        run_id = dagster_server.launch("shop", night)
        status = dagster_server.finish(run_id)
    return Refused(run_id, status, night, latest, dagster_server.latest("shop"))


def nights_before(days: int, n_nights: int = 1) -> list[str]:
    """Give nights in order, the first so many days ago."""
    first: date = TONIGHT - timedelta(days=days)
    return [(first + timedelta(days=i)).isoformat() for i in range(n_nights)]


def _job(name: str) -> dict[str, Any]:
    return {"jobName": name, "repositoryName": "__repository__", "repositoryLocationName": MODULE}


def _write_project(folder: Path) -> Path:
    """Write a Dagster project of three components, each beside its dataset."""
    folder.mkdir(parents=True)
    tool = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "nightly"\n'
    (folder / "pyproject.toml").write_text(f'{tool}code_location_name = "{MODULE}"\n')
    module = folder / "nightly"
    module.mkdir()
    (module / "definitions.py").write_text(DEFINITIONS)
    _write_component(module, build_shop(made(folder / "shop")), python=sys.executable)
    # The kiosk's workers, which tests kill, are of the plain interpreter.
    _write_component(module, one_table(folder / "kiosk", 5_000, "12s"), retry_delay_seconds=1)
    clock = one_table(folder / "clock", 100, "1s")
    done = run(clock, "refresh", "--night", LAST_NIGHT)
    assert done.returncode == 0, done.stderr
    _write_component(module, clock, python=sys.executable, schedule="* * * * *")
    return folder


def _write_component(module: Path, plan: Path, **attributes: object) -> None:
    if "time_budget" not in plan.read_text():
        edit(plan, "rows: 1.0}", "rows: 1.0, time_budget: 1s}")
    folder = made(module / "defs" / plan.parent.name)
    said = {"config": str(plan), **attributes}
    component = {"type": "synth_ops.dagster.SynthRefreshComponent", "attributes": said}
    (folder / "defs.yaml").write_text(yaml.safe_dump(component))


@contextmanager
def _running(project: Path, home: Path) -> Iterator[DagsterServer]:
    """Run `dagster dev`, and end all of its processes on leaving."""
    made(home)
    (home / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-m", MODULE, "-p", str(port)]
    # Background processes of a shell ignore SIGINT, and what they start does; the whole group is ended by SIGKILL.
    with (home / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=project,
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = DagsterServer(f"http://127.0.0.1:{port}", project, home)
    try:
        within(START_SECONDS, lambda: process.poll() is not None or _is_up(server), "dagster dev to start")
        assert process.poll() is None, (home / "dev.log").read_text()
        server.switch("nightly_clock", on=False)
        yield server
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the server, its runs, and their workers."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.wait(timeout=30)


def _said(event: Any) -> str:
    """Give the words of an event, and of the error that came with it."""
    data = event.dagster_event.event_specific_data if event.is_dagster_event else None
    error = getattr(data, "error", None)
    return f"{event.user_message or event.message}{f' {error.to_string()}' if error else ''}"


def _is_up(server: DagsterServer) -> bool:
    try:
        return bool(server.ask("{ assetNodes { assetKey { path } } }")["assetNodes"])
    except (OSError, urllib.error.URLError):
        return False


_LAUNCH = """
mutation($asked: ExecutionParams!) { launchRun(executionParams: $asked) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PythonError { message }
} }
"""
_CHECKS = """
query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
  ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks { name } } } }
} }
"""
_BACKFILL = """
mutation($asked: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $asked) {
  __typename
  ... on LaunchBackfillSuccess { backfillId }
  ... on PythonError { message }
} }
"""
_TERMINATE = """
mutation($run: String!) { terminateRun(runId: $run) {
  __typename
  ... on TerminateRunFailure { message }
  ... on PythonError { message }
} }
"""
_SCHEDULE = """
query($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
  ... on Schedule { scheduleState { id status } }
} }
"""
_START_SCHEDULE = """
mutation($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) {
  __typename
  ... on PythonError { message }
} }
"""
_STOP_SCHEDULE = """
mutation($id: String!) { stopRunningSchedule(id: $id) {
  __typename
  ... on PythonError { message }
} }
"""
