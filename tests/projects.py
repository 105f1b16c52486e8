"""Small projects on real databases, and the real command line to run on them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

from synth_ops.init import init_project
from synth_ops.workspace import Workspace
from tests.leaks import AMOUNT, CANARY

NIGHT, NEXT = "2026-01-30", "2026-01-31"
SALT = "5a" * 32
PUBLIC = "the rows of a test are made up"

SHOP = f"""
CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL, note VARCHAR);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total DOUBLE);
INSERT INTO users SELECT i, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END,
    CASE WHEN i = 7 THEN '{CANARY}' ELSE 'n' || (i % 2) END FROM range(1, 61) r(i);
INSERT INTO orders SELECT i, 1 + (i * 13) % 60, CASE WHEN i = 7 THEN {AMOUNT} ELSE round(sqrt(i) * 3, 2) END
    FROM range(1, 81) r(i);
"""


def make_project(folder: Path, sql: str = SHOP) -> Path:
    """Build a database and the project that init writes for it; give the plan's path."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "shop.duckdb"
    change(folder, sql)
    init_project(f"duckdb:///{source}", folder)
    return make_public(folder / "synth.yaml")


def fix_salt(folder: Path) -> None:
    """Give the project's workspace a salt that is known, so that each run of a test holds out the same rows."""
    salt = Workspace(folder / ".synth-ops", "shop", NIGHT).salt
    salt.parent.mkdir(parents=True, exist_ok=True)
    salt.write_text(SALT)


def make_public(plan: Path) -> Path:
    """Say in a plan that init wrote that each table's rows are public, for tests have few; give its path."""
    head, tables = plan.read_text().split("\ntables:\n")
    said = re.sub(r"^(  [^\s#].*:)(?: \{\})?$", rf"\1\n    public: {PUBLIC}", tables, flags=re.MULTILINE)
    plan.write_text(f"{head}\ntables:\n{said}")
    return plan


def change(folder: Path, sql: str) -> None:
    """Run SQL on the project's production database."""
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute(sql)


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that the file holds once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} in {path}"
    path.write_text(text.replace(old, new))


def write_plan(folder: Path, source: str, more: str = "") -> Path:
    """Write a plan by hand."""
    plan = folder / "synth.yaml"
    plan.write_text(f"dataset: shop\nsource: {source}\npublish: ./snapshots\n{more}")
    return plan


def start(plan: Path, *words: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start a command on a plan."""
    command = [sys.executable, "-m", "synth_ops", *words, "--config", str(plan)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )


def run(plan: Path, *words: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command on a plan to its end."""
    process = start(plan, *words, env=env)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def told(done: "subprocess.CompletedProcess[str]", exit_code: int, *words: str) -> None:
    """See that a command failed as it should: in one block that holds the words, and with no traceback."""
    text = " ".join(done.stderr.split())
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in text
    assert "This is a defect" not in text
    assert not [w for w in words if w not in text], done.stderr


def files_of(snapshot: Path) -> dict[str, bytes]:
    """Give the bytes of a snapshot's tables, by the name of the file."""
    return {str(p.relative_to(snapshot)): p.read_bytes() for p in snapshot.rglob("*.parquet")}
