"""What tests of real servers share: data to work on, waiting with a deadline, and the processes of a dataset."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psutil

from synth_ops.init import init_project
from tests.projects import SALT, edit, make_public

VISITS = """
CREATE TABLE visits (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL, age INTEGER, spent DOUBLE);
INSERT INTO visits SELECT i, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END, 20 + (i * 7) % 50, round(sqrt(i) * 3, 2)
    FROM range(1, {n_rows} + 1) r(i);
"""


def within(seconds: float, holds: Callable[[], bool], what: str, every: float = 0.2) -> None:
    """Wait until something holds, asked every so many seconds; what fails says what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{seconds:.0f} s were not enough for {what}"
        time.sleep(every)


def alive(pid: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def one_table(folder: Path, n_rows: int, time_budget: str) -> Path:
    """Write a database of one table, named as the folder, and its plan; give the plan's path."""
    source = made(folder) / f"{folder.name}.duckdb"
    with duckdb.connect(str(source)) as connection:
        connection.execute(VISITS.format(n_rows=n_rows))
    init_project(f"duckdb:///{source}", folder)
    salt = folder / ".synth-ops" / folder.name / "private" / "salt"
    made(salt.parent)
    salt.write_text(SALT)
    plan = make_public(folder / "synth.yaml")
    edit(plan, "rows: 1.0}", f"rows: 1.0, time_budget: {time_budget}}}")
    return plan


def workers_of(folder: Path, job: str = "") -> list[psutil.Process]:
    """Give the workers of a dataset that are alive, be it of one job alone, such as ``train``."""
    return [p for p in psutil.process_iter() if _is_worker(p, str(folder), job)]


@contextmanager
def impossible(suite: Path) -> Iterator[None]:
    """Ask for three times the rows that the plan asks for, while the block runs."""
    kept = suite.read_text()
    asked = json.loads(kept)
    for one in asked["expectations"]:
        if one["type"] == "expect_table_row_count_to_match_plan":
            one["kwargs"] = {"min_ratio": 3.0, "max_ratio": 4.0}
    suite.write_text(json.dumps(asked))
    try:
        yield
    finally:
        suite.write_text(kept)


def made(folder: Path) -> Path:
    """Give a folder, made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_port() -> int:
    """Give a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_worker(process: psutil.Process, folder: str, job: str) -> bool:
    try:
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    spec = next((w for w in words if w.endswith(".spec.json")), "")
    return "synth_ops" in words and spec.startswith(f"{folder}/") and Path(spec).name.startswith(job)
