"""A pulse is another one after every change of the rows, whatever the source; no row is read for it."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.errors import SourceError
from synth_ops.source import open_source
from synth_ops.source.base import Pulse
from synth_ops.source.sqlalchemy import open_sqlalchemy

CREATE = "CREATE TABLE t (id INTEGER PRIMARY KEY, noted TIMESTAMP); INSERT INTO t VALUES (1, '2026-01-01 00:00:00')"
ADD = "INSERT INTO t VALUES (2, '2026-01-02 00:00:00')"


def pulse(url: str) -> Pulse:
    with open_source(url) as source:
        return source.pulse(next(t for t in source.database().tables if t.name == "t"))


def on_duckdb(folder: Path) -> tuple[str, Callable[[str], None]]:
    def run(script: str) -> None:
        with duckdb.connect(str(folder / "x.duckdb")) as connection:
            connection.execute(script)

    return f"duckdb:///{folder / 'x.duckdb'}", run


def on_sqlite(folder: Path) -> tuple[str, Callable[[str], None]]:
    def run(script: str) -> None:
        connection = sqlite3.connect(folder / "x.sqlite")
        connection.executescript(script)
        connection.close()

    return f"sqlite:///{folder / 'x.sqlite'}", run


def on_parquet(folder: Path) -> tuple[str, Callable[[str], None]]:
    def run(script: str) -> None:
        pq.write_table(pa.table({"id": list(range(script.count("INSERT") + 1))}), folder / "t.parquet")
        (folder / "t.parquet").touch()

    return f"parquet:{folder}", run


@pytest.mark.parametrize("kind", [on_duckdb, on_sqlite, on_parquet])
def test_a_write_shows_and_a_look_does_not(
    kind: Callable[[Path], tuple[str, Callable[[str], None]]], tmp_path: Path
) -> None:
    url, run = kind(tmp_path)
    run(CREATE)
    before, again = pulse(url), pulse(url)
    run(ADD)

    assert again == before
    assert pulse(url).token != before.token


@pytest.fixture
def writer(postgres_url: str) -> Iterator[Any]:
    """Give a cursor whose every statement is counted at once."""
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield lambda sql: [cursor.execute(s) for s in (*sql.split(";"), "SELECT pg_stat_force_next_flush()")]
    connection.close()


def test_postgres_counts_what_was_written(writer: Any, postgres_url: str) -> None:
    writer(CREATE)
    before = pulse(postgres_url)
    writer("UPDATE t SET noted = now()")
    writer(ADD)
    after = pulse(postgres_url)

    assert before.n_written is not None
    assert after.n_written == before.n_written + 2
    assert after.token != before.token


def test_postgres_counts_the_writes_to_partitions(writer: Any, postgres_url: str) -> None:
    writer("CREATE TABLE t (id INTEGER) PARTITION BY RANGE (id)")
    writer("CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    before = pulse(postgres_url)
    writer("INSERT INTO t VALUES (1), (2), (3)")
    after = pulse(postgres_url)

    assert (before.n_written, after.n_written) == (0, 3)


def test_any_other_database_shows_its_latest_time(tmp_path: Path) -> None:
    url, run = on_sqlite(tmp_path)
    run(CREATE)
    before = by_sqlalchemy(url)
    run("UPDATE t SET noted = '2026-02-01 00:00:00'")

    assert by_sqlalchemy(url) != before


def test_a_table_that_was_dropped_is_named(tmp_path: Path) -> None:
    url, run = on_duckdb(tmp_path)
    run(CREATE)
    with open_source(url) as source:
        (table,) = source.database().tables
    run("DROP TABLE t; CREATE TABLE other (id INTEGER)")

    with open_source(url) as source, pytest.raises(SourceError, match="'t'"):
        source.pulse(table)


def by_sqlalchemy(url: str) -> Pulse:
    with open_sqlalchemy(url) as source:
        (table,) = source.database().tables
        return source.pulse(table)
