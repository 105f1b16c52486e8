"""A DuckDB file: opened read-only, read in one transaction."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from synth_ops.errors import SourceError
from synth_ops.schema import CheckConstraint, Column, Database, ForeignKey, Table
from synth_ops.source.base import (
    BATCH_ROWS,
    NOT_LEARNED,
    Pulse,
    conform,
    file_of,
    missing_file,
    quote,
    stamp,
    table_lost,
    table_unreadable,
)

Row = dict[str, Any]

_DATE = "CASE WHEN isfinite({c}) THEN {c} END"
"""Infinite dates have no Arrow form."""
_MICROSECONDS = (
    "(datepart('year', {c}) * 12 + datepart('month', {c})) * 2592000000000"
    " + datepart('day', {c}) * 86400000000 + datepart('hour', {c}) * 3600000000"
    " + datepart('minute', {c}) * 60000000 + datepart('microsecond', {c})"
)
"""A 24-hour day and a 30-day month: what DuckDB itself deems equal."""


@dataclass(frozen=True)
class Reading:
    """How a source type is read: the Arrow type it becomes, the SQL that gives it, and what to say about it."""

    arrow_type: str
    sql: str = "{c}"
    note: str | None = None


READINGS: Mapping[str, Reading] = {
    "BOOLEAN": Reading("bool"),
    "TINYINT": Reading("int8"),
    "SMALLINT": Reading("int16"),
    "INTEGER": Reading("int32"),
    "BIGINT": Reading("int64"),
    "UTINYINT": Reading("uint8"),
    "USMALLINT": Reading("uint16"),
    "UINTEGER": Reading("uint32"),
    "UBIGINT": Reading("uint64"),
    "HUGEINT": Reading("double", "{c}::DOUBLE", "128-bit integers are read as double"),
    "UHUGEINT": Reading("double", "{c}::DOUBLE", "128-bit integers are read as double"),
    "BIGNUM": Reading("string", "{c}::VARCHAR", f"unbounded integer: {NOT_LEARNED}"),
    "FLOAT": Reading("float"),
    "DOUBLE": Reading("double"),
    "VARCHAR": Reading("string"),
    "UUID": Reading("string", "{c}::VARCHAR"),
    "BLOB": Reading("binary", note=f"bytes: {NOT_LEARNED}"),
    "DATE": Reading("date32", _DATE),
    "TIME": Reading("time64[us]"),
    "TIME_NS": Reading("time64[us]", "{c}::TIME"),
    "TIME WITH TIME ZONE": Reading("string", "{c}::VARCHAR", "a time with a zone is read as text"),
    "TIMESTAMP": Reading("timestamp[us]", _DATE),
    "TIMESTAMP_S": Reading("timestamp[s]"),
    "TIMESTAMP_MS": Reading("timestamp[ms]"),
    "TIMESTAMP_NS": Reading("timestamp[ns]"),
    "TIMESTAMP WITH TIME ZONE": Reading("timestamp[us, tz=UTC]", _DATE),
    "INTERVAL": Reading("duration[us]", _MICROSECONDS, "an interval becomes a duration of 24-hour days, 30-day months"),
    "JSON": Reading("string", "{c}::VARCHAR", "JSON is carried as text"),
    "BIT": Reading("string", "{c}::VARCHAR", f"bit string: {NOT_LEARNED}"),
    "GEOMETRY": Reading("string", "{c}::VARCHAR", f"geometry: {NOT_LEARNED}"),
}
_NESTED = Reading("string", "to_json({c})::VARCHAR", f"nested type, carried as JSON text: {NOT_LEARNED}")
_LISTED = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"}
)


def reading_of(source_type: str) -> Reading:
    """Give how a DuckDB type is read."""
    if source_type.startswith("ENUM("):
        return Reading("string", "{c}::VARCHAR")
    if source_type.startswith("DECIMAL("):
        precision, scale = source_type[8:-1].split(",")
        return Reading(f"decimal128({int(precision)}, {int(scale)})")
    if source_type.endswith("[]") and source_type[:-2] in _LISTED:
        return Reading(f"list<{READINGS[source_type[:-2]].arrow_type}>", note=f"array: {NOT_LEARNED}")
    return READINGS.get(source_type, _NESTED)


@contextmanager
def open_duckdb(url: str) -> Iterator["DuckDBSource"]:
    """Open a DuckDB file read-only, in one transaction.

    Raises:
        SourceError: the file is not there, is not DuckDB's, or another process is writing it.
    """
    connection = _connect(file_of(url))
    try:
        yield DuckDBSource(connection)
    finally:
        connection.close()


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Connect read-only and begin the transaction."""
    if not path.is_file():
        raise missing_file(path, "DuckDB")
    try:
        connection = duckdb.connect(str(path), read_only=True)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("BEGIN TRANSACTION")
    except duckdb.IOException:
        raise SourceError(
            f"{path} must be a DuckDB file that no other process holds open for writing, however DuckDB cannot open it."
            " Close the writer, or check that the file is DuckDB's and not truncated."
        ) from None
    except duckdb.Error as exc:
        raise SourceError(
            f"{path} must open read-only, however DuckDB gave a {type(exc).__name__}."
            " Check that the file is DuckDB's, and that this process does not hold it open otherwise."
        ) from None
    return connection


@dataclass(frozen=True)
class DuckDBSource:
    """One transaction on a DuckDB file."""

    connection: duckdb.DuckDBPyConnection

    def database(self) -> Database:
        """Introspect every table of the file."""
        return Database(tables=tuple(self._table(row) for row in self._rows(_TABLES)))

    def n_rows(self, table: Table, /) -> int | None:
        """Count the rows, which DuckDB knows from its metadata."""
        try:
            ((n_rows,),) = self.connection.execute(f"SELECT count(*) FROM {_from(table)}").fetchall()  # noqa: S608 — names are quoted
        except duckdb.Error:
            return None  # reading the rows will say why
        return int(n_rows)

    def pulse(self, table: Table, /) -> Pulse:
        """Count the rows, and look at the file: a write to any of its tables shows in all of them."""
        file = Path(self._rows("SELECT path FROM duckdb_databases() WHERE NOT internal")[0]["path"])
        n_rows = self.n_rows(table)
        if n_rows is None:
            raise table_lost(table)
        return Pulse(f"{n_rows}:{stamp([file, file.with_name(f'{file.name}.wal')])}")

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's rows in insertion order."""
        try:
            yield from conform(table, read(self.connection, _select(table)))
        except duckdb.CatalogException:
            raise table_lost(table) from None
        except (duckdb.Error, pa.ArrowException) as exc:
            raise table_unreadable(table, f"DuckDB gave a {type(exc).__name__}") from None

    def _table(self, found: Row) -> Table:
        schema, name = found["schema_name"], found["table_name"]
        where = {"schema": schema, "table": name}
        constraints = self._rows(_CONSTRAINTS, where)
        columns = self._rows(_COLUMNS, where)
        defaults = {c["column_name"]: c["column_default"] for c in columns}
        generated = _generated(columns, found["sql"])
        unique = _named(constraints, "UNIQUE") + [tuple(r["columns"]) for r in self._rows(_UNIQUE_INDEXES, where)]
        return Table(
            name=_full_name(schema, name),
            namespace=schema,
            columns=tuple(
                _column(c, defaults[c["column_name"]], is_generated=c["column_name"] in generated) for c in columns
            ),
            primary_key=next(iter(_named(constraints, "PRIMARY KEY")), ()),
            unique=tuple(dict.fromkeys(unique)),
            foreign_keys=tuple(_foreign_key(schema, c) for c in constraints if c["constraint_type"] == "FOREIGN KEY"),
            checks=tuple(_check(name, c) for c in constraints if c["constraint_type"] == "CHECK"),
            comment=found["comment"],
        )

    def _rows(self, sql: str, parameters: Mapping[str, str] | None = None) -> list[Row]:
        cursor = self.connection.execute(sql, parameters or {})
        names = [d[0] for d in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    """Stream a query's rows."""
    relation: Any = connection.sql(sql)
    stream = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader  # its name before DuckDB 1.4
    reader: pa.RecordBatchReader = stream(BATCH_ROWS)
    return reader


def _full_name(schema: str, name: str) -> str:
    return name if schema == "main" else f"{schema}.{name}"


def _select(table: Table) -> str:
    """Give the query of a table's rows in Arrow's terms."""
    parts = [f"{reading_of(c.source_type).sql.format(c=quote(c.name))} AS {quote(c.name)}" for c in table.columns]
    return f"SELECT {', '.join(parts)} FROM {_from(table)}"  # noqa: S608 — all names are quoted


def _from(table: Table) -> str:
    namespace = table.namespace or "main"
    name = table.name if namespace == "main" else table.name.removeprefix(f"{namespace}.")
    return f"{quote(namespace)}.{quote(name)}"


def _column(found: Row, default: str | None, *, is_generated: bool) -> Column:
    reading = reading_of(found["data_type"])
    labels = _ENUM_LABEL.findall(found["data_type"]) if found["data_type"].startswith("ENUM(") else None
    return Column(
        name=found["column_name"],
        source_type=found["data_type"],
        arrow_type=reading.arrow_type,
        nullable=found["is_nullable"],
        default=None if is_generated else default,
        identity=not is_generated and "nextval(" in (default or ""),
        generated=default if is_generated else None,
        enum=tuple(label.replace("''", "'") for label in labels) if labels is not None else None,
        comment=found["comment"],
        note=reading.note,
    )


def _generated(columns: list[Row], ddl: str) -> frozenset[str]:
    """Give the names of generated columns; DuckDB before 1.4 tells them only in the table's DDL."""
    if columns and "is_generated" in columns[0]:
        return frozenset(c["column_name"] for c in columns if c["is_generated"])
    return frozenset(c["column_name"] for c in columns if c["column_default"] and f"AS({c['column_default']})" in ddl)


def _named(constraints: list[Row], kind: str) -> list[tuple[str, ...]]:
    return [tuple(c["constraint_column_names"]) for c in constraints if c["constraint_type"] == kind]


def _foreign_key(schema: str, found: Row) -> ForeignKey:
    ref_columns = found.get("referenced_column_names")
    return ForeignKey(
        columns=tuple(found["constraint_column_names"]),
        ref_table=_full_name(schema, found["referenced_table"]),
        ref_columns=tuple(ref_columns or ()),
    )


def _check(table: str, found: Row) -> CheckConstraint:
    return CheckConstraint(name=found.get("constraint_name") or f"{table}_check", expression=found["expression"])


_ENUM_LABEL = re.compile(r"'((?:[^']|'')*)'")
_TABLES = """
    SELECT * FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY schema_name <> 'main', schema_name, table_name"""
_COLUMNS = """
    SELECT * FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = $schema AND table_name = $table
    ORDER BY column_index"""
_CONSTRAINTS = """
    SELECT * FROM duckdb_constraints()
    WHERE database_name = current_database() AND schema_name = $schema AND table_name = $table
    ORDER BY constraint_index"""
_UNIQUE_INDEXES = """
    SELECT str_split(trim(expressions::VARCHAR, '[]'), ', ') AS columns FROM duckdb_indexes()
    WHERE database_name = current_database() AND schema_name = $schema AND table_name = $table AND is_unique
      AND NOT regexp_matches(expressions::VARCHAR, '[("'']')
    ORDER BY index_name"""
