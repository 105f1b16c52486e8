"""What the gate says of our own default models: a first night of every table, by the commands that a user would type.

``init`` writes the project, ``refresh`` makes the night; nothing of it is edited in between, but that all tables may be
said to be public. A folder with a ``schema.json`` becomes a DuckDB database that declares the keys named there, as a
database in production does.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

NIGHT = "2026-01-02"
COMMAND = (sys.executable, "-m", "synth_ops")


def ours_table(data: Sequence[Path], folder: Path | None, public: str | None) -> Iterator[str]:
    """Give a row for each dataset: its verdict, and what did not pass.

    Args:
        data: Parquet files, each a dataset of one table, or folders of them, each a dataset of those.
        folder: where the projects are kept; a temporary one by default.
        public: why the rows are public, in a few words; then privacy is not asserted of them.
    """
    yield "| dataset | verdict | checks | warnings | seconds | what blocks |"
    yield "|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as scratch:
        for path in data:
            yield _row(path, (folder or Path(scratch)) / path.stem, public)


def _row(path: Path, project: Path, public: str | None) -> str:
    """Make one night, and say what came of it."""
    url = _source(path, project)
    began = time.monotonic()
    init(url, project)
    if public is not None:
        _publish(project / "synth.yaml", public)
    code = refresh(project, NIGHT)
    seconds = time.monotonic() - began
    found = next(project.glob(f".synth-ops/*/shared/nights/{NIGHT}/validated.json"), None)
    if found is None:
        return f"| {path.stem} | exit {code} | | | {seconds:.0f} | see {project / NIGHT}.log |"
    record: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    checks: list[dict[str, Any]] = record["checks"]
    bad = [c for c in checks if c["verdict"] != "PASS"]
    words = "; ".join(_words(c) for c in bad if c["severity"] == "critical")
    n_warnings = sum(c["severity"] != "critical" for c in bad)
    return f"| {path.stem} | {record['verdict']} | {len(checks)} | {n_warnings} | {seconds:.0f} | {words} |"


def _source(path: Path, project: Path) -> str:
    """Give the URL of a source that holds the dataset alone."""
    project.mkdir(parents=True)
    if (path / "schema.json").is_file():
        tables = json.loads((path / "schema.json").read_text(encoding="utf-8"))["tables"]
        _build(tables, path, project / f"{path.stem}.duckdb")
        return f"duckdb:///{project / path.stem}.duckdb"
    folder = project / path.stem
    folder.mkdir()
    for file in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
        (folder / file.name).symlink_to(file.resolve())
    return f"parquet:{folder}"


def _build(tables: dict[str, Any], rows: Path, database: Path) -> None:
    """Write the tables with their keys, parents first; a reference to itself or in a circle is left undeclared."""
    with duckdb.connect(str(database)) as connection:
        done: list[str] = []
        while len(done) < len(tables):
            ready = [t for t in tables if t not in done and _parents(tables[t]) <= {*done, t}]
            for name in ready or [next(t for t in tables if t not in done)]:
                _create(connection, name, tables[name], rows, done)
                done.append(name)


def _parents(table: dict[str, Any]) -> set[str]:
    return {parent for _, parent, _ in _references(table)}


def _create(
    connection: duckdb.DuckDBPyConnection, name: str, table: dict[str, Any], rows: Path, done: Sequence[str]
) -> None:
    """Create one table, and fill it."""
    file = str(rows / f"{name}.parquet")
    columns = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file]).fetchall()
    parts = [f'"{column}" {kind}' for column, kind, *_ in columns]
    if key := table.get("composite_primary_key") or ([table["primary_key"]] if table["primary_key"] else []):
        parts.append(f"PRIMARY KEY ({_quoted(key)})")
    for own, parent, theirs in _references(table):
        if parent in done and parent != name:
            parts.append(f'FOREIGN KEY ({_quoted(own)}) REFERENCES "{parent}" ({_quoted(theirs)})')
    connection.execute(f'CREATE TABLE "{name}" ({", ".join(parts)})')
    connection.execute(f'INSERT INTO "{name}" SELECT * FROM read_parquet(?)', [file])  # noqa: S608 — a name of ours


def _references(table: dict[str, Any]) -> Iterator[tuple[list[str], str, list[str]]]:
    """Give each foreign key's columns, and the table and columns that it names."""
    for key in table["foreign_keys"]:
        parent, _, column = key["references"].partition(".")
        yield [key["column"]], parent, [column]
    for key in table.get("composite_foreign_keys", []):
        yield key["columns"], key["references_table"], key["references_columns"]


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{c}"' for c in columns)


def _publish(plan: Path, why: str) -> None:
    """Say of every table that its rows are public."""
    said = yaml.safe_load(plan.read_text(encoding="utf-8"))
    for name, table in said["tables"].items():
        said["tables"][name] = {**(table or {}), "public": why}
    plan.write_text(yaml.safe_dump(said, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _words(check: dict[str, Any]) -> str:
    figures = (check[name] for name in ("observed", "limit"))
    observed, limit = ("none" if f is None else f"{f:.3g}" for f in figures)
    return f"{check['verdict']} {check['table']} {check['name']} {observed} (limit {limit})"


def init(url: str, project: Path) -> None:
    """Write a project for a source."""
    _call([*COMMAND, "init", url, "--into", str(project)], project / "init.log")


def refresh(project: Path, night: str) -> int:
    """Make a night of a project, and give the exit code; what was said is in a log of the night's name."""
    asked = [*COMMAND, "refresh", "--config", str(project / "synth.yaml"), "--night", night]
    return _call(asked, project / f"{night}.log")


def _call(command: Sequence[str], log: Path) -> int:
    with log.open("wb") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
