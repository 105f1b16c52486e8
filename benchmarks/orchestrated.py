"""What orchestrators add to a refresh: one night of the demo by the command line, by a Dagster run, by Airflow's tasks.

usage: python benchmarks/orchestrated.py [--flights 20000] [--only planes] [--by dagster,airflow] [--folder OUT]

All begin without a model, in workspaces of their own that hold out the same rows, so that the tables they publish must
be equal byte by byte. Airflow runs one task, and then a task a step, by `dag.test()`: without a scheduler, whose own
waiting is some seconds a task. Then a code location of 200 tables is loaded in a fresh interpreter.
"""

import argparse
import hashlib
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import yaml
from measure import Run, run

from synth_ops.init import init_project
from synth_ops.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
DATASET, NIGHT, SALT = "nycflights13", "2026-01-02", "5a" * 32
N_TABLES = 200
LIMITS = {
    "Dagster, overhead": 0.25,
    "Airflow, one task, overhead": 0.25,
    "Airflow, by step, overhead": 0.25,
    "200 tables, loaded, seconds": 10.0,
}
"""What is promised on two cores."""

INSTANCE = {"telemetry": {"enabled": False}, "concurrency": {"pools": {"granularity": "op", "default_limit": 1}}}
DEFINITIONS = """
from synth_ops.dagster import build_synth_assets

defs = build_synth_assets({plan!r})
"""
DAGS = """
import sys

import pendulum
from airflow.sdk import DAG
from synth_ops.airflow import SynthRefreshOperator, synth_refresh_task_group

with DAG("whole", schedule=None) as whole:
    SynthRefreshOperator(task_id="refresh", config={plan!r})
with DAG("step", schedule=None) as step:
    synth_refresh_task_group(config={plan!r}, tables={tables!r})
if __name__ == "__main__":
    run = globals()[sys.argv[1]].test(logical_date=pendulum.parse({night!r}))
    sys.exit(run.state != "success")
"""
LOAD = """
import json, sys, time
began = time.perf_counter()
from synth_ops.dagster import build_synth_assets
imported = time.perf_counter()
repository = build_synth_assets(sys.argv[1]).get_repository_def()
repository.load_all_definitions()
graph = repository.asset_graph
print(json.dumps({
    "import": imported - began,
    "definitions": time.perf_counter() - imported,
    "assets": len(list(graph.get_all_asset_keys())),
    "checks": len(list(graph.asset_check_keys)),
}))
"""


def main() -> None:
    """Run both, compare what they published, and print what each cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flights", type=int, help="rows of flights; all of them by default")
    parser.add_argument("--only", help="of the tables that are learned, this one alone: a trial")
    parser.add_argument("--by", default="dagster,airflow", help="orchestrators, with commas between")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        figures, is_equal = _nights(folder, args)
        if "dagster" in args.by:
            loaded = _load(_many_tables(folder / "many"))
            figures["200 tables, loaded, seconds"] = loaded["import"] + loaded["definitions"]
            print(f"200 tables: {loaded['assets']:.0f} assets, {loaded['checks']:.0f} checks")
    for name, value in figures.items():
        print(f"{name:32s} {value:8.2f}{f'   limit {LIMITS[name]:g}' if name in LIMITS else ''}")
    print(f"load average {os.getloadavg()[0]:.1f}; published tables are {'equal' if is_equal else 'NOT equal'}")
    sys.exit(int(not is_equal or any(figures.get(name, 0) > limit for name, limit in LIMITS.items())))


def _nights(folder: Path, args: argparse.Namespace) -> tuple[dict[str, float], bool]:
    """Make the night in every way asked for; give seconds and overheads, and whether all published the same."""
    ways: dict[str, Callable[[Path], Run]] = {"command line": _by_command_line}
    if "dagster" in args.by:
        ways["Dagster"] = _by_dagster
    if "airflow" in args.by:
        ways["Airflow, one task"] = partial(_by_airflow, dag="whole")
        ways["Airflow, by step"] = partial(_by_airflow, dag="step")
    figures: dict[str, float] = {}
    published = []
    for way, make in ways.items():
        plan = _prepare(folder / re.sub(r"\W+", "_", way), args.flights, args.only)
        figures[f"{way}, seconds"] = make(plan).seconds
        if way != "command line":
            figures[f"{way}, overhead"] = figures[f"{way}, seconds"] / figures["command line, seconds"] - 1
        published.append(_published(plan))
    return figures, all(found == published[0] != {} for found in published)


def _prepare(folder: Path, n_flights: int | None, only: str | None) -> Path:
    """Lay out the demo with a workspace whose salt is known; give the plan's path."""
    shutil.copytree(ROOT / "expectations", folder / "expectations")
    demo = runpy.run_path(str(ROOT / "pipelines" / "demo.py"))
    demo["build"](folder / "demo" / "nycflights13.duckdb", n_flights=n_flights)
    plan = yaml.safe_load((ROOT / "synth.yaml").read_text())
    for name, table in plan["tables"].items():
        if only is not None and name != only and table.get("mode") != "copy":
            plan["tables"][name] = {"mode": "skip"}
    (folder / "synth.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    salt = Workspace(folder / ".synth-ops", DATASET, NIGHT).salt
    salt.parent.mkdir(parents=True)
    salt.write_text(SALT)
    return folder / "synth.yaml"


def _by_command_line(plan: Path) -> Run:
    return _done([sys.executable, "-m", "synth_ops", "refresh", "--config", str(plan), "--night", NIGHT, "--quiet"])


def _by_dagster(plan: Path) -> Run:
    """Run the night's job, each step in a process of its own, as a deployment does."""
    home = plan.parent / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    definitions = plan.parent / "definitions.py"
    definitions.write_text(DEFINITIONS.format(plan=str(plan)))
    job = ["job", "execute", "-f", str(definitions), "-j", f"refresh_{DATASET}"]
    dagster = str(Path(sys.executable).with_name("dagster"))
    tags = json.dumps({"dagster/partition": NIGHT})
    return _done(["env", f"DAGSTER_HOME={home}", dagster, *job, "--tags", tags], plan.parent / "dagster.log")


def _by_airflow(plan: Path, *, dag: str) -> Run:
    """Run the night's tasks in an Airflow whose database is there already."""
    home = plan.parent / "airflow"
    said = yaml.safe_load(plan.read_text())["tables"]
    tables = [name for name, table in said.items() if (table or {}).get("mode", "synthesize") == "synthesize"]
    file = plan.parent / "dags" / "dags.py"
    file.parent.mkdir()
    file.write_text(DAGS.format(plan=str(plan), tables=tables, night=NIGHT))
    env = [f"AIRFLOW_HOME={home}", "AIRFLOW__CORE__LOAD_EXAMPLES=False", f"AIRFLOW__CORE__DAGS_FOLDER={file.parent}"]
    _done(["env", *env, sys.executable, "-m", "airflow", "db", "migrate"], plan.parent / "migrate.log")
    return _done(["env", *env, sys.executable, str(file), dag], plan.parent / "airflow.log")


def _done(command: list[str], log: Path | None = None) -> Run:
    finished = run(command, errors=log)
    if finished.return_code:
        sys.exit(f"{' '.join(command)} ended with exit code {finished.return_code}{f'; see {log}' if log else ''}")
    return finished


def _published(plan: Path) -> dict[str, str]:
    """Give the sha256 of each published part, by its path in the snapshot."""
    (snapshot,) = (plan.parent / "snapshots" / DATASET / "snapshots").iterdir()
    parts = sorted(snapshot.rglob("*.parquet"))
    return {str(p.relative_to(snapshot)): hashlib.sha256(p.read_bytes()).hexdigest() for p in parts}


def _many_tables(folder: Path) -> Path:
    """Write a database of many tables, and the project that `init` writes for it; give the plan's path."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "many.duckdb")) as connection:
        for i in range(N_TABLES):
            connection.execute(f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY, a VARCHAR, b DOUBLE, c INTEGER, d VARCHAR)")
            connection.execute(
                f"INSERT INTO t{i} SELECT i, 'x' || (i % 5), sqrt(i), i % 7, 'y' || (i % 3) FROM range(1, 500) r(i)"  # noqa: S608 — a number of ours
            )
    init_project(f"duckdb:///{folder / 'many.duckdb'}", folder)
    return folder / "synth.yaml"


def _load(plan: Path) -> dict[str, float]:
    figures: dict[str, float] = json.loads(_done([sys.executable, "-c", LOAD, str(plan)]).output)
    return figures


if __name__ == "__main__":
    main()
