"""A DuckDB file: its catalogue, its types, its one transaction."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import SourceError
from synth_ops.schema import CheckConstraint, ForeignKey
from synth_ops.source import open_source


def made(folder: Path, script: str) -> str:
    """Run the script on a file and give its URL."""
    with duckdb.connect(str(folder / "x.duckdb")) as connection:
        connection.execute(script)
    return f"duckdb:///{folder}/x.duckdb"


def read(url: str, name: str) -> list[dict[str, Any]]:
    with open_source(url) as source:
        table = source.database().table(name)
        return list(pa.Table.from_batches(source.batches(table), arrow_schema(table)).to_pylist())


@pytest.mark.parametrize(
    ("declared", "literal", "arrow_type", "value"),
    [
        ("TINYINT", "-128", "int8", -128),
        ("UBIGINT", "18446744073709551615", "uint64", 2**64 - 1),
        ("HUGEINT", "3", "double", 3.0),
        ("FLOAT", "1.5", "float", 1.5),
        ("DECIMAL(38,2)", "1.1", "decimal128(38, 2)", Decimal("1.10")),
        ("DECIMAL(4,1)", "1.1", "decimal128(4, 1)", Decimal("1.1")),
        ("BOOLEAN", "true", "bool", True),
        ("VARCHAR", "'ñ🙂'", "string", "ñ🙂"),
        ("ENUM('a', 'b''c')", "'b''c'", "string", "b'c"),
        ("UUID", "'6f1c3f0e-1111-4222-8333-944445555666'", "string", "6f1c3f0e-1111-4222-8333-944445555666"),
        ("BLOB", r"'\x00\xFF'", "binary", b"\x00\xff"),
        ("DATE", "'2024-02-29'", "date32", dt.date(2024, 2, 29)),
        ("DATE", "'infinity'", "date32", None),
        ("TIME", "'10:11:12.5'", "time64[us]", dt.time(10, 11, 12, 500000)),
        ("TIMESTAMP", "'2024-02-29 10:11:12'", "timestamp[us]", dt.datetime(2024, 2, 29, 10, 11, 12)),
        ("TIMESTAMP_S", "'2024-02-29 10:11:12'", "timestamp[s]", dt.datetime(2024, 2, 29, 10, 11, 12)),
        ("TIMESTAMP_MS", "'2024-02-29 10:11:12'", "timestamp[ms]", dt.datetime(2024, 2, 29, 10, 11, 12)),
        ("TIMESTAMPTZ", "'2024-06-01 02:00+02'", "timestamp[us, tz=UTC]", dt.datetime(2024, 6, 1, tzinfo=dt.UTC)),
        ("INTERVAL", "INTERVAL '1 month 2 days 3 seconds'", "duration[us]", dt.timedelta(days=32, seconds=3)),
        ("INTEGER[]", "[1, NULL]", "list<int32>", [1, None]),
        ("STRUCT(a INTEGER)", "{'a': 1}", "string", '{"a":1}'),
        ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}", "string", '{"a":1}'),
        ("JSON", "'{\"a\": 1}'", "string", '{"a": 1}'),
        ("BIT", "'101'", "string", "101"),
    ],
)
def test_every_type_is_read_as_stated(tmp_path: Path, declared: str, literal: str, arrow_type: str, value: Any) -> None:
    url = made(tmp_path, f"CREATE TABLE t (c {declared}); INSERT INTO t VALUES (NULL), ({literal})")

    with open_source(url) as source:
        assert source.database().table("t").column("c").arrow_type == arrow_type
    assert read(url, "t") == [{"c": None}, {"c": value}]


def test_catalogue_is_read_in_full(tmp_path: Path) -> None:
    url = made(
        tmp_path,
        """
        CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE SEQUENCE ids; CREATE SCHEMA other;
        CREATE TABLE parent (a INTEGER, b VARCHAR, PRIMARY KEY (b, a));
        CREATE TABLE child (
            id BIGINT PRIMARY KEY DEFAULT nextval('ids'), code VARCHAR NOT NULL UNIQUE, mood mood DEFAULT 'sad',
            price DECIMAL(8,2) CHECK (price > 0), twice INTEGER GENERATED ALWAYS AS (pa * 2), pb VARCHAR, pa INTEGER,
            boss BIGINT REFERENCES child (id), FOREIGN KEY (pb, pa) REFERENCES parent (b, a));
        CREATE UNIQUE INDEX two ON child (code, mood);
        COMMENT ON TABLE child IS 'the child'; COMMENT ON COLUMN child.price IS 'in euro';
        CREATE VIEW seen AS SELECT 1; CREATE TABLE other.child (a INTEGER);
        """,
    )
    with open_source(url) as source:
        database = source.database()
    child = database.table("child")

    assert [t.name for t in database.tables] == ["child", "parent", "other.child"]
    assert (child.primary_key, child.unique, child.comment) == (("id",), (("code",), ("code", "mood")), "the child")
    assert set(child.foreign_keys) == {
        ForeignKey(columns=("boss",), ref_table="child", ref_columns=("id",)),
        ForeignKey(columns=("pb", "pa"), ref_table="parent", ref_columns=("b", "a")),
    }
    assert child.checks == (CheckConstraint(name="child_price_check", expression="(price > 0)"),)
    assert child.column("mood").enum == ("sad", "glad")
    assert child.column("id").identity
    assert child.column("twice").generated is not None
    assert (child.column("price").comment, child.column("code").nullable) == ("in euro", False)


@pytest.mark.parametrize("name", ['say "hi"', "naïve 表 🙂", "x; DROP TABLE y; --", "it's", "{c} 100%"])
def test_any_name_is_read(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'

    url = made(
        tmp_path,
        f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} DATE);"
        f"INSERT INTO {quoted}.{quoted} VALUES (NULL)",
    )

    assert read(url, f"{name}.{name}") == [{name: None}]


def test_missing_file_is_explained_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="existing DuckDB file"), open_source(f"duckdb:///{tmp_path}/none.duckdb"):
        pass
    assert not (tmp_path / "none.duckdb").exists()


def test_file_of_another_kind_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_bytes(b"no database" * 1000)

    with pytest.raises(SourceError, match="must be a DuckDB file"), open_source(f"duckdb:///{tmp_path}/x.duckdb"):
        pass


def test_source_cannot_be_written(tmp_path: Path) -> None:
    url = made(tmp_path, "CREATE TABLE t (a INTEGER)")

    with open_source(url) as source, pytest.raises(duckdb.Error, match="read-only"):
        source.connection.execute("DROP TABLE t")  # type: ignore[attr-defined] # DuckDB's, not any source's
