"""Any database that SQLAlchemy speaks to, shown on SQLite and on PostgreSQL by another driver."""

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import PlanError, SourceError
from synth_ops.schema import ForeignKey
from synth_ops.source.open import open_source
from synth_ops.source.sqlalchemy import open_sqlalchemy

SCRIPT = """
    CREATE TABLE "p; drop" (a INT, b INT, PRIMARY KEY (a, b));
    CREATE TABLE t (id INTEGER PRIMARY KEY, x DECIMAL(10,2) NOT NULL CONSTRAINT dear CHECK (x > 0), d DATE,
        ts TIMESTAMP, v VARCHAR(3), ok BOOLEAN, pa INT, pb INT, FOREIGN KEY (pa, pb) REFERENCES "p; drop" (a, b));
    INSERT INTO "p; drop" VALUES (1, 2);
    INSERT INTO t VALUES (1, 1.5, '2024-02-29', '2024-02-29 10:11:12', 'ñ', '1', 1, 2),
        (2, 2, NULL, NULL, NULL, NULL, NULL, NULL);
"""


def check(url: str) -> None:
    with open_sqlalchemy(url) as source:
        table = source.database().table("t")
        rows: list[dict[str, Any]] = pa.Table.from_batches(source.batches(table), arrow_schema(table)).to_pylist()

    assert table.primary_key == ("id",)
    assert table.foreign_keys == (ForeignKey(columns=("pa", "pb"), ref_table="p; drop", ref_columns=("a", "b")),)
    assert [c.name for c in table.checks] == ["dear"]
    assert (table.column("x").arrow_type, table.column("x").nullable) == ("decimal128(10, 2)", False)
    assert rows == [
        {
            "id": 1,
            "x": Decimal("1.50"),
            "d": dt.date(2024, 2, 29),
            "ts": dt.datetime(2024, 2, 29, 10, 11, 12),
            "v": "ñ",
            "ok": True,
            "pa": 1,
            "pb": 2,
        },
        {"id": 2, "x": Decimal("2.00"), "d": None, "ts": None, "v": None, "ok": None, "pa": None, "pb": None},
    ]


def test_sqlite_is_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.executescript(SCRIPT)

    check(f"sqlite:///{tmp_path}/x.db")


def test_postgres_is_read_repeatably(postgres_url: str) -> None:
    with closing(psycopg2.connect(postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute(SCRIPT)
        connection.commit()

    check(postgres_url.replace("postgresql:", "postgresql+psycopg2:"))


def test_missing_driver_is_named() -> None:
    with pytest.raises(PlanError, match="MySQLdb is not installed"), open_source("mysql://bo:sesame@localhost/shop"):
        pass


def test_refused_connection_is_explained_without_password() -> None:
    url = "postgresql+psycopg2://bo:sesame@127.0.0.1:1/shop"

    with pytest.raises(SourceError, match=r"bo@127\.0\.0\.1:1/shop must let us in") as caught, open_sqlalchemy(url):
        pass
    assert "sesame" not in str(caught.value)
