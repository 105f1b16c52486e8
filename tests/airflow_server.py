"""A real Airflow 3 for the tests: API server, scheduler, DAG processor and triggerer, gone when they end."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from synth_ops.plan import load_config
from synth_ops.workspace import Workspace
from tests.postgres import PASSWORD
from tests.projects import edit
from tests.servers import free_port, impossible, made, one_table, within, workers_of
from tests.synth_ops.shop import build_shop

START_SECONDS, RUN_SECONDS = 240.0, 420.0
ENDS = ("success", "failed")
NIGHTS = [f"2026-01-{day:02}" for day in range(1, 32)]
READER = "Pa55-of-the-connection"
"""The password of the user that reads production; it must be in no log."""
LEARNED: Mapping[str, tuple[int, str]] = {
    "clock": (500, "1s"),
    "killed": (20_000, "12s"),
    "dropped": (20_000, "120s"),
    "abandoned": (20_000, "120s"),
    "deferred": (60_000, "90s"),
}
"""Of each dataset of one table, how many rows it has, too many to be learned sooner, and how long it learns."""
SETTINGS: Mapping[str, str] = {
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "8",
    "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "API__WORKERS": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "8",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "OPENLINEAGE__DISABLED": "True",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}
"""As a deployment has them, less the patience: what is lost is noticed in seconds."""

DAGS = """
import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetAlias, task

from synth_ops.airflow import SynthRefreshOperator, SynthStepOperator, synth_refresh_task_group

PROJECTS = Path(os.environ["PROJECTS"])
PATIENT = {"retries": 2, "retry_delay": timedelta(seconds=1)}
QUICK = {"python": os.environ["WORKER"]}  # those that are killed are processes of the plain interpreter


def plan(dataset):
    return str(PROJECTS / dataset / "synth.yaml")


with DAG("shop", schedule=None, default_args=PATIENT):
    outlets = [Asset("synthetic/shop"), Asset("synthetic/shop/users")]
    SynthRefreshOperator(
        task_id="refresh",
        config=plan("shop"),
        outlets=outlets,
        report_url="https://reports.example",
        snapshot_url="https://snapshots.example",
        **QUICK,
    )

with DAG("reader", schedule=[Asset("synthetic/shop")]):

    @task
    def read(triggering_asset_events=None):
        return [event.extra["snapshot"] for events in triggering_asset_events.values() for event in events]

    read()

with DAG("group", schedule=None, default_args=PATIENT):
    synth_refresh_task_group(
        config=plan("shop"), tables=["users", "orders"], outlets=[Asset("synthetic/shop/orders")], **QUICK
    )

with DAG("mapped", schedule=None, default_args=PATIENT):
    synth_refresh_task_group(config=plan("shop"), group_id="copy", **QUICK)

with DAG("fleet", schedule=None, default_args=PATIENT):
    SynthRefreshOperator.partial(task_id="refresh", outlets=[AssetAlias("copies")], **QUICK).expand(
        config=[plan("shop"), plan("clock")]
    )

days = {"start_date": datetime(2026, 1, 1), "end_date": datetime(2026, 1, 31), "catchup": False}
with DAG("clock", schedule="@daily", default_args=PATIENT, **days):
    SynthRefreshOperator(task_id="refresh", config=plan("clock"), **QUICK)

for name in ("refused", "wrong", "gone"):
    with DAG(name, schedule=None, default_args=PATIENT):
        SynthRefreshOperator(task_id="refresh", config=plan(name), **QUICK)

for name in ("killed", "dropped"):
    with DAG(name, schedule=None, default_args=PATIENT):
        SynthRefreshOperator(task_id="refresh", config=plan(name))

for name in ("deferred", "abandoned"):
    with DAG(name, schedule=None, default_args=PATIENT):
        SynthRefreshOperator(task_id="refresh", config=plan(name), deferrable=True)

with DAG("ledger", schedule=None):
    SynthStepOperator(task_id="extract", step="extract", config=plan("ledger"), conn_id="production", **QUICK)
"""


@dataclass(frozen=True)
class AirflowServer:
    """A running Airflow with datasets, most of which have a DAG of their name with one task ``refresh``.

    - ``shop`` has two tables; ``group``, ``mapped`` and ``fleet`` work on it too;
    - ``clock`` has one, and a schedule of every day;
    - ``ledger`` is a PostgreSQL of one table, read through a connection;
    - ``wrong`` has a plan that says something wrong, ``gone`` has one whose source is not there;
    - ``killed``, ``dropped``, ``deferred`` and ``abandoned`` have one table, and learn it for so long that something
      can happen meanwhile; tasks of the last two wait in the triggerer.
    """

    url: str
    folder: Path
    """The projects; each dataset has a folder in it."""
    home: Path
    env: Mapping[str, str]
    """The components' environment."""
    components: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def plan(self, dataset: str) -> Path:
        return self.folder / dataset / "synth.yaml"

    def workspace(self, dataset: str, night: str) -> Workspace:
        config = load_config(self.plan(dataset))
        return Workspace(config.workspace, config.dataset, night)

    def snapshots(self, dataset: str) -> list[str]:
        """Give the nights' snapshots that are whole."""
        found = (self.folder / dataset / "snapshots").glob("*/snapshots/*/manifest.json")
        return sorted(p.parent.name for p in found)

    def latest(self, dataset: str) -> str:
        """Give what readers get."""
        (pointer,) = (self.folder / dataset / "snapshots").glob("*/latest.json")
        return pointer.read_text()

    def workers(self, dataset: str, job: str = "") -> list[psutil.Process]:
        """Give the worker processes of a dataset that are alive, be it of one job alone, such as ``train``."""
        return workers_of(self.folder / dataset, job)

    def task_process(self, dataset: str) -> psutil.Process:
        """Give the process of Airflow's that runs a task which waits for a worker of the dataset."""
        return self.workers(dataset, "step")[0].parent()

    def await_training(self, dataset: str) -> None:
        """Wait until a dataset is learned: the worker that does it is there, and at it."""
        within(RUN_SECONDS, lambda: bool(self.workers(dataset, "train")), f"a training of {dataset} to begin")
        time.sleep(5.0)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Give what the REST API answers."""
        url = f"{self.url}/api/v2/{path}?{urllib.parse.urlencode(query)}"
        said = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(url, said, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as exc:
            exc.add_note(exc.read().decode())
            raise

    @cached_property
    def _token(self) -> str:
        with urllib.request.urlopen(f"{self.url}/auth/token", timeout=60) as answer:
            return str(json.loads(answer.read())["access_token"])

    def trigger(self, dag: str, night: str | None = None, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run, be it of a night, and give its id."""
        asked = {"logical_date": f"{night}T00:00:00Z" if night else None, "conf": conf or {}}
        return str(self.ask("POST", f"dags/{dag}/dagRuns", asked)["dag_run_id"])

    def backfill(self, dag: str, nights: Sequence[str], n_at_once: int) -> int:
        """Start a backfill of the nights, as the UI does, and give its id."""
        asked = {"dag_id": dag, "from_date": _instant(nights[0]), "to_date": _instant(nights[-1])}
        return int(self.ask("POST", "backfills", {**asked, "max_active_runs": n_at_once})["id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"dags/{dag}/dagRuns", limit=100)["dag_runs"])

    def state(self, dag: str, run_id: str) -> str:
        """Give the state of a run."""
        return str(self.ask("GET", f"dags/{dag}/dagRuns/{_quoted(run_id)}")["state"])

    def finish(self, dag: str, run_id: str, seconds: float = RUN_SECONDS) -> str:
        """Wait for a run's end and give its state."""
        within(seconds, lambda: self.state(dag, run_id) in ENDS, f"{dag}, {run_id}, to end", every=1.0)
        return self.state(dag, run_id)

    def tasks(self, dag: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Give the task instances of a run by id, of mapped ones with what they are called by."""
        found = self.ask("GET", f"{_run(dag, run_id)}/taskInstances", limit=100)["task_instances"]
        return {t["task_id"] + (f" {t['rendered_map_index']}" if t["map_index"] >= 0 else ""): t for t in found}

    def tries(self, dag: str, run_id: str, task: str = "refresh") -> list[str]:
        """Give how each try of a task ended."""
        found = self.ask("GET", f"{_task(dag, run_id, task)}/tries")["task_instances"]
        return [str(t["state"]) for t in sorted(found, key=lambda t: int(t["try_number"]))]

    def await_state(self, dag: str, run_id: str, state: str, task: str = "refresh") -> None:
        """Wait until a task is in a state."""
        within(RUN_SECONDS, lambda: self.tasks(dag, run_id)[task]["state"] == state, f"{dag} to be {state}", every=1.0)

    def mark_failed(self, dag: str, run_id: str, task: str = "refresh") -> None:
        """Mark a task as failed, as a person does in the UI."""
        self.ask("PATCH", _task(dag, run_id, task), {"new_state": "failed"})

    def log(self, dag: str, run_id: str, task: str = "refresh", *, attempt: int = 1, map_index: int = -1) -> list[str]:
        """Give the lines of one try's log, as the UI shows them."""
        path = f"{_task(dag, run_id, task)}/logs/{attempt}"
        content = self.ask("GET", path, map_index=map_index, full_content="true")["content"]
        return [line for entry in content for line in _lines(entry)]

    def xcom(self, dag: str, run_id: str, task: str = "refresh", *, map_index: int = -1) -> Any:
        """Give what a task answered."""
        path = f"{_task(dag, run_id, task)}/xcomEntries/return_value"
        return self.ask("GET", path, map_index=map_index, deserialize="true")["value"]

    def links(self, dag: str, run_id: str, task: str = "refresh") -> dict[str, str | None]:
        """Give the addresses of a task's buttons by name."""
        return dict(self.ask("GET", f"{_task(dag, run_id, task)}/links")["extra_links"])

    def events(self, dag: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Give the extras of the asset events of a run, by the asset's name."""
        found = self.ask("GET", "assets/events", source_dag_id=dag, source_run_id=run_id)["asset_events"]
        return {e["name"]: e["extra"] for e in found}

    def run_command(self, *words: str) -> str:
        """Give what Airflow's command line prints."""
        command = [sys.executable, "-m", "airflow", *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logs(self) -> str:
        """Give all that Airflow has written: logs of tasks, triggers and components."""
        files = [p for p in self.home.rglob("*") if p.is_file() and p.suffix in {".log", ".json", ".out"}]
        return "\n".join(p.read_text(errors="replace") for p in files)

    def start(self, component: str) -> None:
        """Start a component in a process group of its own."""
        words = {"api-server": ["--host", "127.0.0.1", "--port", self.url.rpartition(":")[2]], "dag-processor": []}
        command = [sys.executable, "-m", "airflow", component, *words.get(component, ["--skip-serve-logs"])]
        with (self.home / f"{component}.out").open("ab") as log:
            self.components[component] = subprocess.Popen(
                command,
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, component: str) -> None:
        """Kill a component, and the processes that it has forked, with a signal that none of them can catch."""
        process = self.components.pop(component)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    def said(self) -> str:
        """Give the last words of each component, for a failure to show."""
        return "\n".join(f"{p.name}:\n{p.read_text(errors='replace')[-3000:]}" for p in self.home.glob("*.out"))


@dataclass(frozen=True)
class Refused:
    """What came of a night that the gate refused."""

    run_id: str
    state: str
    latest_before: str
    latest_after: str


@pytest.fixture(scope="session")
def airflow_server(postgres_server: str) -> Iterator[AirflowServer]:
    """Give an Airflow that has read its DAGs; it is started once for all tests of a process."""
    if find_spec("airflow.sdk" if find_spec("airflow") else "airflow") is None:
        pytest.skip("needs Airflow 3: pip install 'synth-ops[airflow,dev]'")
    pytest.importorskip("asyncpg", reason="needs apache-airflow-providers-postgres: pip install it")
    folder = Path(tempfile.mkdtemp(prefix="synth-ops-airflow-"))
    try:
        projects = _write_projects(folder / "projects", postgres_server)
        with _running(projects, folder / "home", postgres_server) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def group_run(airflow_server: AirflowServer) -> str:
    """Give a run of the task group that has learned the shop and published a night of it."""
    run_id = airflow_server.trigger("group", NIGHTS[0])
    assert airflow_server.finish("group", run_id) == "success", airflow_server.tasks("group", run_id)
    return run_id


@pytest.fixture(scope="session")
def shop_run(airflow_server: AirflowServer, group_run: str) -> str:
    """Give a run of the operator that has published the shop's next night."""
    assert group_run
    run_id = airflow_server.trigger("shop", NIGHTS[1])
    assert airflow_server.finish("shop", run_id) == "success", airflow_server.log("shop", run_id)
    return run_id


@pytest.fixture(scope="session")
def refusal(airflow_server: AirflowServer, shop_run: str) -> Refused:
    """Give a run on a copy of the shop whose suite asks for three times the rows of the plan."""
    assert shop_run
    shutil.copytree(airflow_server.folder / "shop", airflow_server.folder / "refused", symlinks=True)
    latest = airflow_server.latest("refused")
    with impossible(airflow_server.folder / "refused" / "expectations" / "shop" / "orders.json"):
        run_id = airflow_server.trigger("refused", NIGHTS[2])
        state = airflow_server.finish("refused", run_id)
    return Refused(run_id, state, latest, airflow_server.latest("refused"))


def _write_projects(folder: Path, postgres: str) -> Path:
    """Write the datasets' databases and plans."""
    build_shop(made(folder / "shop"))
    for name, (n_rows, budget) in LEARNED.items():
        edit(one_table(folder / name, n_rows, budget), "rows: 1.0", "rows: 500")
    clock = (folder / "clock" / "synth.yaml").read_text()
    for name, text in {
        "wrong": clock.replace("publish:", "publsih:"),
        "gone": clock.replace("clock.duckdb", "nowhere.duckdb"),
        "ledger": _of_postgres(clock, postgres),
    }.items():
        (made(folder / name) / "synth.yaml").write_text(text)
    return folder


def _of_postgres(plan: str, postgres: str) -> str:
    """Make a table in PostgreSQL that a user of its own may read, and give a plan that reads it by a variable."""
    with _connected(postgres) as cursor:
        cursor.execute("CREATE DATABASE ledger")
    with _connected(postgres, "ledger") as cursor:
        cursor.execute("CREATE TABLE visits (id integer PRIMARY KEY, plan text NOT NULL, age integer, spent float8)")
        cursor.execute("INSERT INTO visits SELECT i, 'p' || i % 2, 20 + i % 50, i FROM generate_series(1, 100) i")
        cursor.execute(f"CREATE ROLE auditor LOGIN PASSWORD '{READER}'")
        cursor.execute("GRANT SELECT ON visits TO auditor")
    lines = ["source: ${LEDGER_URL}" if line.startswith("source:") else line for line in plan.splitlines()]
    return "\n".join(lines) + "\n"


@contextmanager
def _connected(postgres: str, database: str = "postgres") -> Iterator[Any]:
    import psycopg2

    connection = psycopg2.connect(f"postgresql://app:{PASSWORD}@{postgres}/{database}")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@contextmanager
def _running(projects: Path, home: Path, postgres: str) -> Iterator[AirflowServer]:
    """Run all components on an empty database of their own, and end every process on leaving."""
    (made(home / "dags") / "live.py").write_text(DAGS)
    with _connected(postgres) as cursor:
        cursor.execute("CREATE DATABASE airflow")
    url = f"http://127.0.0.1:{free_port()}"
    server = AirflowServer(url, projects, home, _environment(projects, home, url, postgres))
    try:
        server.run_command("db", "migrate")
        for component in ("api-server", "dag-processor", "scheduler", "triggerer"):
            server.start(component)
        within(START_SECONDS, lambda: _is_up(server), f"Airflow to start\n{server.said()}")
        host, _, port = postgres.partition(":")
        whose = {"login": "auditor", "password": READER, "schema": "ledger"}
        production = {"connection_id": "production", "conn_type": "postgres", "host": host, "port": int(port), **whose}
        server.ask("POST", "connections", production)
        yield server
    finally:
        _end(server)


def _environment(projects: Path, home: Path, url: str, postgres: str) -> dict[str, str]:
    said = {
        **SETTINGS,
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://app:{PASSWORD}@{postgres}/airflow",
        "API__BASE_URL": url,
        "API__SECRET_KEY": os.urandom(16).hex(),
        "API_AUTH__JWT_SECRET": os.urandom(32).hex(),
    }
    ours = {f"AIRFLOW__{name}": value for name, value in said.items()}
    known = {"AIRFLOW_HOME": str(home), "PROJECTS": str(projects), "WORKER": sys.executable, "NO_COLOR": "1"}
    return {**os.environ, **ours, **known}


def _is_up(server: AirflowServer) -> bool:
    dead = {name: p.returncode for name, p in server.components.items() if p.poll() is not None}
    assert dead == {}, f"{dead}\n{server.said()}"
    try:
        n_dags = server.ask("GET", "dags", limit=1)["total_entries"]
        health = server.ask("GET", "monitor/health")
    except (OSError, urllib.error.URLError):
        return False
    are_well = all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "triggerer"))
    return bool(are_well and n_dags == DAGS.count("with DAG(") + 4)


def _end(server: AirflowServer) -> None:
    """End the components, and all that they started: tasks and workers are in groups of their own."""
    for component in list(server.components):
        server.kill(component)
    mine = _processes(server.home)
    for process in mine:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(mine, timeout=20)
    assert _processes(server.home) == []


def _processes(home: Path) -> list[psutil.Process]:
    """Give the processes that are alive of this Airflow, or of its workers: they have its environment."""
    return [p for p in psutil.process_iter() if _home_of(p) == str(home)]


def _home_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AIRFLOW_HOME") if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _lines(entry: Any) -> list[str]:
    """Give what an entry of a log says, and the errors that came with it."""
    if isinstance(entry, str):
        return [entry]
    errors = entry.get("error_detail") or ()
    return [str(entry["event"]), *(f"{e['exc_type']}: {e['exc_value']}" for e in errors)]


def _instant(night: str) -> str:
    return f"{night}T00:00:00Z"


def _quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")


def _run(dag: str, run_id: str) -> str:
    return f"dags/{dag}/dagRuns/{_quoted(run_id)}"


def _task(dag: str, run_id: str, task: str) -> str:
    return f"{_run(dag, run_id)}/taskInstances/{task}"
