"""PostgreSQL, a real server: its catalogue, its types, its one transaction."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import SourceError
from synth_ops.schema import Database, ForeignKey, Table
from synth_ops.source import open_source
from synth_ops.source.postgres import open_postgres
from tests.postgres import PASSWORD

ZOO: dict[str, tuple[str, str, Any]] = {
    "int2": ("-32768", "int16", -32768),
    "integer": ("7", "int32", 7),
    "bigint": ("9223372036854775807", "int64", 2**63 - 1),
    "real": ("1.5", "float", 1.5),
    "double precision": ("'NaN'", "double", None),
    "numeric(12,2)": ("1234567890.12", "decimal128(12, 2)", Decimal("1234567890.12")),
    "numeric(50,10)": ("1.5", "decimal256(50, 10)", Decimal("1.5000000000")),
    "numeric(3,-2)": ("12345", "decimal128(5, 0)", Decimal(12300)),
    "numeric(2,4)": ("0.0012", "decimal128(4, 4)", Decimal("0.0012")),
    "numeric": ("1.25", "double", 1.25),
    "numeric(100,3)": ("1.5", "string", "1.500"),
    "money": ("'12.34'::money", "decimal128(19, 2)", Decimal("12.34")),
    "boolean": ("true", "bool", True),
    "text": ("'añ🙂'", "string", "añ🙂"),
    "character varying(5)": ("''", "string", ""),
    "character(5)": ("'ab'", "string", "ab"),
    "name": ("'n'", "string", "n"),
    '"char"': ("'c'", "string", "c"),
    "bytea": (r"'\x00ff'", "binary", b"\x00\xff"),
    "uuid": ("'6f1c3f0e-1111-4222-8333-944445555666'", "string", "6f1c3f0e-1111-4222-8333-944445555666"),
    "date": ("'2024-02-29'", "date32", dt.date(2024, 2, 29)),
    "time": ("'24:00'", "time64[us]", dt.time(23, 59, 59, 999999)),
    "time with time zone": ("'10:11+02'", "string", "10:11:00+02"),
    "timestamp": ("'2024-02-29 01:02:03.000004'", "timestamp[us]", dt.datetime(2024, 2, 29, 1, 2, 3, 4)),
    "timestamptz": ("'2024-06-01 02:00+02'", "timestamp[us, tz=UTC]", dt.datetime(2024, 6, 1, tzinfo=dt.UTC)),
    "interval": ("'1 mon 2 days -00:00:01.5'", "duration[us]", dt.timedelta(days=32, seconds=-1.5)),
    "json": ("""'{"a": 1}'""", "string", '{"a": 1}'),
    "jsonb": ("""'{"a":1}'""", "string", '{"a": 1}'),
    "xml": ("'<a/>'", "string", "<a/>"),
    "inet": ("'10.0.0.1/8'", "string", "10.0.0.1/8"),
    "cidr": ("'10.0.0.0/8'", "string", "10.0.0.0/8"),
    "macaddr": ("'08:00:2b:01:02:03'", "string", "08:00:2b:01:02:03"),
    "bit(3)": ("B'101'", "string", "101"),
    "varbit": ("B'1'", "string", "1"),
    "oid": ("4294967295", "int64", 4294967295),
    "int4range": ("'[1,3)'", "string", "[1,3)"),
    "tstzrange": ("'empty'", "string", "empty"),
    "int4multirange": ("'{[1,3)}'", "string", "{[1,3)}"),
    "tsvector": ("'a b'", "string", "'a' 'b'"),
    "point": ("'(1,2)'", "string", "(1,2)"),
    "polygon": ("'((0,0),(1,1),(1,0))'", "string", "((0,0),(1,1),(1,0))"),
    "pg_lsn": ("'0/16B3748'", "string", "0/16B3748"),
    "integer[]": ("'{1,NULL,3}'", "list<int32>", [1, None, 3]),
    "text[]": ("""'{"a,b",c}'""", "list<string>", ["a,b", "c"]),
    "uuid[]": ("'{6f1c3f0e-1111-4222-8333-944445555666}'", "list<string>", ["6f1c3f0e-1111-4222-8333-944445555666"]),
    "numeric(5,2)[]": ("'{1.5}'", "string", "[1.50]"),
    "mood": ("'so so'", "string", "so so"),
    "mood[]": ("'{sad}'", "list<string>", ["sad"]),
    "postcode": ("'1234'", "string", "1234"),
    "price": ("1.5", "decimal128(8, 3)", Decimal("1.500")),
    "pair": ("'(1,x)'", "string", "(1,x)"),
}
"""By declared type: a literal, the Arrow type it is read as, the value that arrives (None where it is not compared)."""

CUSTOM_TYPES = """
    CREATE TYPE mood AS ENUM ('sad', 'so so', 'hap''py');
    CREATE DOMAIN postcode AS varchar(10) CHECK (VALUE ~ '^[0-9]+$');
    CREATE DOMAIN amount AS numeric(8,3); CREATE DOMAIN price AS amount NOT NULL CHECK (VALUE >= 0);
    CREATE TYPE pair AS (a integer, b text);
"""


@pytest.fixture
def production(postgres_url: str) -> Iterator[Any]:
    """Give a cursor of production, which goes on writing."""
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def rows(url: str, name: str) -> list[dict[str, Any]]:
    with open_source(url) as source:
        table = source.database().table(name)
        return list(pa.Table.from_batches(source.batches(table), arrow_schema(table)).to_pylist())


def introspected(url: str) -> Database:
    with open_source(url) as source:
        return source.database()


@pytest.mark.parametrize("declared", ZOO)
def test_every_type_is_read_as_stated(production: Any, postgres_url: str, declared: str) -> None:
    literal, arrow_type, value = ZOO[declared]
    production.execute(f"{CUSTOM_TYPES} CREATE TABLE zoo (c {declared}); INSERT INTO zoo VALUES ({literal})")
    if declared != "price":
        production.execute("INSERT INTO zoo VALUES (NULL)")

    column = introspected(postgres_url).table("zoo").column("c")
    found = [row["c"] for row in rows(postgres_url, "zoo")]

    assert column.arrow_type == arrow_type
    assert found[1:] == ([] if declared == "price" else [None])
    assert value is None or found[0] == value


def test_infinite_dates_are_null_where_they_may_be(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE t (a date, b timestamptz, c timestamp NOT NULL)")
    production.execute(
        "INSERT INTO t VALUES ('infinity', '-infinity', 'infinity'), ('4000-01-01 BC', NULL, '-infinity')"
    )

    assert [list(r.values()) for r in rows(postgres_url, "t")] == [
        [None, None, dt.datetime(9999, 12, 31, 23, 59, 59, 999999)],
        [None, None, dt.datetime(1, 1, 1)],
    ]


def test_numeric_nan_is_null(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE t (a numeric(5,2)); INSERT INTO t VALUES ('NaN'), (1)")

    assert [r["a"] for r in rows(postgres_url, "t")] == [None, Decimal("1.00")]


def test_numeric_beyond_double_is_infinite(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE t (a numeric); INSERT INTO t VALUES (10::numeric ^ 400), ('Infinity')")

    assert [r["a"] for r in rows(postgres_url, "t")] == [float("inf"), float("inf")]


def test_catalogue_is_read_in_full(production: Any, postgres_url: str) -> None:
    production.execute("""
        CREATE TYPE mood AS ENUM ('sad', 'glad');
        CREATE TABLE parent (a integer, b text, PRIMARY KEY (b, a));
        CREATE TABLE child (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code serial UNIQUE, mood mood DEFAULT 'sad',
            price numeric(8,2) NOT NULL CONSTRAINT dear CHECK (price > 0), double_price numeric GENERATED ALWAYS AS
            (price * 2) STORED, pa integer, pb text, boss bigint REFERENCES child, twin bigint,
            FOREIGN KEY (pb, pa) REFERENCES parent (b, a));
        CREATE UNIQUE INDEX ON child (pa, twin); CREATE UNIQUE INDEX ON child (twin) WHERE twin > 3;
        ALTER TABLE child ADD CONSTRAINT late FOREIGN KEY (twin) REFERENCES child NOT VALID;
        COMMENT ON TABLE child IS 'the child'; COMMENT ON COLUMN child.price IS 'in euro';
        CREATE VIEW seen AS SELECT 1 AS one;
    """)

    child = introspected(postgres_url).table("child")

    assert introspected(postgres_url).table("parent").primary_key == ("b", "a")
    assert {t.name for t in introspected(postgres_url).tables} == {"parent", "child"}
    assert (child.primary_key, child.unique, child.comment) == (("id",), (("code",), ("pa", "twin")), "the child")
    assert set(child.foreign_keys) == {
        ForeignKey(columns=("boss",), ref_table="child", ref_columns=("id",)),
        ForeignKey(columns=("pb", "pa"), ref_table="parent", ref_columns=("b", "a")),
        ForeignKey(columns=("twin",), ref_table="child", ref_columns=("id",), soft=True),
    }
    assert [(c.name, c.expression) for c in child.checks] == [("dear", "(price > (0)::numeric)")]
    assert (child.column("id").identity, child.column("code").identity) == (True, True)
    assert child.column("mood").enum == ("sad", "glad")
    assert child.column("mood").default == "'sad'::mood"
    assert (child.column("price").comment, child.column("price").nullable) == ("in euro", False)
    assert child.column("double_price").generated == "(price * (2)::numeric)"


def test_domain_brings_its_checks_and_not_null(production: Any, postgres_url: str) -> None:
    production.execute(f'{CUSTOM_TYPES} CREATE TABLE t ("the price" price)')

    table = introspected(postgres_url).table("t")

    assert not table.columns[0].nullable
    assert [c.expression for c in table.checks] == ['((("the price")::numeric >= (0)::numeric))']


def test_cyclic_keys_are_both_found(production: Any, postgres_url: str) -> None:
    production.execute("""CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int
        REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b""")

    assert [t.foreign_keys[0].ref_table for t in introspected(postgres_url).tables] == ["b", "a"]


@pytest.mark.parametrize("name", ['say "hi"', "naïve 表 🙂", "x; DROP TABLE y; --", "Upper Case", "100%s {c}"])
def test_any_name_is_read(production: Any, postgres_url: str, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    production.execute(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} numeric(4,1), b date)")
    production.execute(f"INSERT INTO {quoted}.{quoted} VALUES (1.5)")

    assert rows(postgres_url, f"{name}.{name}") == [{name: Decimal("1.5"), "b": None}]


def test_partitions_are_one_table_and_inherited_rows_are_read_once(production: Any, postgres_url: str) -> None:
    production.execute("""
        CREATE TABLE part (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF part DEFAULT;
        CREATE TABLE base (id int); CREATE TABLE heir () INHERITS (base);
        INSERT INTO part VALUES (1); INSERT INTO heir VALUES (2);
    """)

    assert [t.name for t in introspected(postgres_url).tables] == ["base", "heir", "part"]
    assert (rows(postgres_url, "part"), rows(postgres_url, "base")) == ([{"id": 1}], [])


def test_foreign_keys_agree_while_production_writes(production: Any, postgres_url: str) -> None:
    production.execute(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); INSERT INTO a VALUES (1)"
    )

    with open_source(postgres_url) as source:
        database = source.database()
        parents = _read(source, database.table("a"))
        production.execute("INSERT INTO a VALUES (2); INSERT INTO b VALUES (1), (2)")
        children = _read(source, database.table("b"))

    assert (parents, children) == ([{"id": 1}], [])


def test_source_cannot_be_written(postgres_url: str) -> None:
    with (
        open_postgres(postgres_url) as source,
        source.connection.cursor() as cursor,
        pytest.raises(source.connection.Error, match="read-only transaction"),
    ):
        cursor.execute("CREATE TABLE t (a int)")


def test_half_read_table_does_not_hinder_closing(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE big AS SELECT i, md5(i::text) AS t FROM generate_series(1, 2000000) i")

    def stop_half_way() -> None:
        with open_source(postgres_url) as source:
            for _ in source.batches(source.database().table("big")):
                raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        stop_half_way()


def test_table_dropped_before_its_read_is_named(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE gone (id int)")

    with open_source(postgres_url) as source:
        table = source.database().table("gone")
        production.execute("DROP TABLE gone")
        with pytest.raises(SourceError, match="'gone' must stay while it is read"):
            list(source.batches(table))


def test_column_dropped_before_its_read_is_named(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE thin (id int, b int)")

    with open_source(postgres_url) as source:
        table = source.database().table("thin")
        production.execute("ALTER TABLE thin DROP b")
        with pytest.raises(SourceError, match="'thin'"):
            list(source.batches(table))


def test_table_that_may_not_be_read_is_named(production: Any, postgres_url: str) -> None:
    production.execute("""CREATE TABLE closed (id int); DROP ROLE IF EXISTS reader;
        CREATE ROLE reader LOGIN PASSWORD 'reader'""")
    url = postgres_url.replace(f"app:{PASSWORD}", "reader:reader")

    with pytest.raises(SourceError, match=r"'closed' must be readable.*may not SELECT"):
        rows(url, "closed")
    production.execute("DROP ROLE reader")


def test_error_in_a_row_quotes_no_value(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE t (a interval); INSERT INTO t VALUES (interval '178000000 years')")

    with pytest.raises(SourceError, match="'t' must be readable") as caught:
        rows(postgres_url, "t")
    assert "178000000" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((PASSWORD, "wr0ng-Pass"), "password was refused"),
        (("/test_", "/nodb_"), "no such database"),
        (("127.0.0.1:", "127.0.0.1:1"), "no server answers|does not parse"),
        (("127.0.0.1", "no-such-host.invalid"), "no such host"),
        ((PASSWORD, "%zz"), "does not parse"),
    ],
)
def test_refused_connection_is_explained_without_password(
    postgres_url: str, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(SourceError, match=said) as caught, open_source(postgres_url.replace(*change)):
        pass
    assert PASSWORD not in str(caught.value)
    assert "wr0ng-Pass" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_sqlalchemy_spelling_of_the_scheme_is_read(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE t (a int)")

    assert rows(postgres_url.replace("postgresql:", "postgresql+psycopg2:"), "t") == []


def test_rows_come_in_slices(production: Any, postgres_url: str) -> None:
    production.execute("CREATE TABLE big AS SELECT i, md5(i::text) AS t FROM generate_series(1, 200000) i")

    with open_source(postgres_url) as source:
        sizes = [b.num_rows for b in source.batches(source.database().table("big"))]

    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536


def _read(source: Any, table: Table) -> list[dict[str, Any]]:
    return list(pa.Table.from_batches(source.batches(table), arrow_schema(table)).to_pylist())
