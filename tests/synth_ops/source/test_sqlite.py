"""A SQLite file: its declared types, what really stands in them, its one transaction."""

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import SourceError
from synth_ops.schema import ForeignKey
from synth_ops.source import open_source


def made(path: Path, script: str) -> str:
    """Run the script on a file and give its URL."""
    with closing(sqlite3.connect(path / "a b#.db")) as connection:
        connection.executescript(script)
    return f"sqlite:///{path / 'a b#.db'}"


def read(url: str, name: str) -> list[dict[str, Any]]:
    with open_source(url) as source:
        table = source.database().table(name)
        return list(pa.Table.from_batches(source.batches(table), arrow_schema(table)).to_pylist())


@pytest.mark.parametrize(
    ("declared", "literal", "arrow_type", "value"),
    [
        ("INTEGER", "9223372036854775807", "int64", 2**63 - 1),
        ("TINYINT", "1", "int64", 1),
        ("BOOLEAN", "1", "bool", True),
        ("REAL", "1", "double", 1.0),
        ("NUMERIC", "1.5", "double", 1.5),
        ("DECIMAL(10, 2)", "1.1", "decimal128(10, 2)", Decimal("1.10")),
        ("VARCHAR(9)", "'ñ🙂'", "string", "ñ🙂"),
        ("", "'x'", "string", "x"),
        ("", "1", "int64", 1),
        ("BLOB", "x'00ff'", "binary", b"\x00\xff"),
        ("DATE", "'2024-02-29'", "date32", dt.date(2024, 2, 29)),
        ("DATETIME", "'2024-02-29 10:11:12.5'", "timestamp[us]", dt.datetime(2024, 2, 29, 10, 11, 12, 500000)),
        ("TIMESTAMP", "'2024-02-29T10:11:12'", "timestamp[us]", dt.datetime(2024, 2, 29, 10, 11, 12)),
        ("TIME", "'10:11:12'", "time64[us]", dt.time(10, 11, 12)),
        ("INTEGER", "'twelve'", "string", "twelve"),
        ("INTEGER", "1.5", "double", 1.5),
        ("DATE", "'29/02/2024'", "string", "29/02/2024"),
        ("DATETIME", "'2024-02-29 10:11:12+02:00'", "string", "2024-02-29 10:11:12+02:00"),
        ("DATETIME", "1709164800", "int64", 1709164800),
        ("TEXT", "x'ff'", "binary", b"\xff"),
    ],
)
def test_declared_type_holds_where_values_fit(
    tmp_path: Path, declared: str, literal: str, arrow_type: str, value: Any
) -> None:
    url = made(tmp_path, f"CREATE TABLE t (c {declared}); INSERT INTO t VALUES (NULL), ({literal})")

    with open_source(url) as source:
        column = source.database().table("t").column("c")

    assert column.arrow_type == arrow_type
    assert read(url, "t") == [{"c": None}, {"c": value}]


def test_catalogue_is_read_in_full(tmp_path: Path) -> None:
    url = made(
        tmp_path,
        """
        CREATE TABLE parent (a INT, b TEXT, PRIMARY KEY (b, a));
        CREATE TABLE child (
            id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, price DECIMAL(8,2) DEFAULT 1 CHECK (price > (0)),
            twice REAL GENERATED ALWAYS AS (price * (2)) STORED, pb TEXT, pa INT, boss INT REFERENCES child,
            FOREIGN KEY (pb, pa) REFERENCES Parent, CHECK (pa <> 3 OR code = 'a)'));
        CREATE UNIQUE INDEX two ON child (pa, boss); CREATE UNIQUE INDEX some ON child (boss) WHERE boss > 3;
        CREATE VIEW seen AS SELECT 1; CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT);
        """,
    )
    with open_source(url) as source:
        database = source.database()
    child = database.table("child")

    assert [t.name for t in database.tables] == ["auto", "child", "parent"]
    assert database.table("parent").primary_key == ("b", "a")
    assert (child.primary_key, set(child.unique)) == (("id",), {("code",), ("pa", "boss")})
    assert set(child.foreign_keys) == {
        ForeignKey(columns=("boss",), ref_table="child", ref_columns=("id",)),
        ForeignKey(columns=("pb", "pa"), ref_table="parent", ref_columns=("b", "a")),
    }
    assert [c.expression for c in child.checks] == ["price > (0)", "pa <> 3 OR code = 'a)'"]
    assert (child.column("id").identity, child.column("id").nullable, child.column("code").nullable) == (
        True,
        False,
        False,
    )
    assert child.column("twice").generated == "price * (2)"
    assert child.column("price").default == "1"


@pytest.mark.parametrize("name", ['say "hi"', "naïve 表 🙂", "x; DROP TABLE y; --", "it's", "100%"])
def test_any_name_is_read(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'

    url = made(tmp_path, f"CREATE TABLE {quoted} ({quoted} INT); INSERT INTO {quoted} VALUES (7)")

    assert read(url, name) == [{name: 7}]


def test_writes_after_the_first_read_are_not_seen(tmp_path: Path) -> None:
    url = made(tmp_path, "PRAGMA journal_mode = wal; CREATE TABLE t (a INT)")

    with open_source(url) as source, closing(sqlite3.connect(tmp_path / "a b#.db")) as production:
        production.execute("INSERT INTO t VALUES (1)")
        production.commit()
        table = source.database().table("t")
        assert list(source.batches(table)) == []


def test_missing_file_is_explained_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="existing SQLite file"), open_source(f"sqlite:///{tmp_path}/none.db"):
        pass
    assert not (tmp_path / "none.db").exists()


def test_file_of_another_kind_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 1000)

    with pytest.raises(SourceError, match="must be a readable SQLite file"), open_source(f"sqlite:///{tmp_path}/x.db"):
        pass


def test_rows_come_in_slices(tmp_path: Path) -> None:
    url = made(
        tmp_path,
        "CREATE TABLE t AS WITH RECURSIVE n(i) AS(SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 150000) SELECT i FROM n",
    )
    with open_source(url) as source:
        sizes = [b.num_rows for b in source.batches(source.database().table("t"))]

    assert sizes == [65_536, 65_536, 18_928]
