"""A SQLite file: opened read-only, read in one deferred transaction.

SQLite lets any value stand in any column, so a column has its declared type only where all its values fit it. One
scan of each table sees to that; a column that holds something else is read as the narrowest type that holds it all.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

import pyarrow as pa

from synth_ops.arrow_types import arrow_schema, parse
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

Row = Sequence[Any]


@dataclass(frozen=True)
class Reading:
    """How a declared type is read: the Arrow type it becomes, what its values must be, and how one is converted."""

    arrow_type: str
    storage: frozenset[str]
    """What typeof() may give."""
    pattern: str | None = None
    """A GLOB that every text must match."""
    n_fixed: int | None = None
    """Characters before the fraction of a second; none but digits may follow."""

    def misfit(self, column: str) -> str:
        """Give the SQL that is true of a text that is not of this type."""
        if self.pattern is None:
            return "0"
        tail = f"OR substr({column}, {self.n_fixed + 1}) GLOB '*[^.0-9]*'" if self.n_fixed else ""
        return f"typeof({column}) = 'text' AND ({column} NOT GLOB '{self.pattern}' {tail})"


@contextmanager
def open_sqlite(url: str) -> Iterator["SQLiteSource"]:
    """Open a SQLite file read-only and begin the transaction.

    Raises:
        SourceError: the file is not there, or is not SQLite's.
    """
    path = file_of(url)
    with closing(_connect(path)) as connection:
        yield SQLiteSource(connection)


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise missing_file(path, "SQLite")
    try:
        uri = f"file:{percent_encoded(str(path.absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
        connection.execute("BEGIN DEFERRED")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the read that fixes what is seen
    except sqlite3.Error as exc:
        raise SourceError(
            f"{path} must be a readable SQLite file, however SQLite gave a {type(exc).__name__}."
            " Check that the file is SQLite's and not truncated, and that no writer holds an exclusive lock."
        ) from None
    return connection


@dataclass(frozen=True)
class SQLiteSource:
    """One read transaction on a SQLite file."""

    connection: sqlite3.Connection

    def database(self) -> Database:
        """Introspect every table; SQLite's own and virtual ones are left out."""
        found = self._rows(_TABLES)
        definitions = {name: sql for name, sql in found if not sql.upper().startswith("CREATE VIRTUAL")}
        return Database(tables=tuple(self._table(name, sql) for name, sql in definitions.items()))

    def n_rows(self, table: Table, /) -> int | None:
        """Count the rows, by the smallest index."""
        try:
            row = self.connection.execute(f"SELECT count(*) FROM {quote(table.name)}").fetchone()  # noqa: S608 — names are quoted
        except sqlite3.Error:
            return None  # reading the rows will say why
        return int(row[0])

    def pulse(self, table: Table, /) -> Pulse:
        """Count the rows, and look at the file: a write to any of its tables shows in all of them."""
        file = Path(self._rows("PRAGMA database_list")[0][2])
        n_rows = self.n_rows(table)
        if n_rows is None:
            raise table_lost(table)
        return Pulse(f"{n_rows}:{stamp([file, file.with_name(f'{file.name}-wal')])}")

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's rows in the order of their row id."""
        yield from conform(table, self._batches(table))

    def _batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(table)
        converters = [_converter(c) for c in table.columns]
        names = ", ".join(quote(c.name) for c in table.columns)
        try:
            cursor = self.connection.execute(f"SELECT {names} FROM {quote(table.name)}")  # noqa: S608 — quoted
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield _arrow(rows, converters, schema)
        except sqlite3.OperationalError as exc:
            lost = "no such" in str(exc)
            raise table_lost(table) if lost else table_unreadable(table, "SQLite cannot read it") from None
        except (sqlite3.Error, UnicodeDecodeError, ValueError, ArithmeticError, OverflowError) as exc:
            raise table_unreadable(table, f"a value does not convert ({type(exc).__name__})") from None

    def _table(self, name: str, sql: str) -> Table:
        columns = [c for c in self._rows(f"PRAGMA table_xinfo({quote(name)})") if c[6] != _HIDDEN]
        indexes = self._rows(f"PRAGMA index_list({quote(name)})")
        keys = [c for c in sorted(columns, key=lambda c: c[5]) if c[5]]
        storage = self._storage(name, columns)
        return Table(
            name=name,
            columns=tuple(_column(c, sql, storage[c[1]], is_alone=len(keys) == 1) for c in columns),
            primary_key=tuple(c[1] for c in keys),
            unique=tuple(
                dict.fromkeys(self._index_columns(i[1]) for i in indexes if i[2] and i[3] != "pk" and not i[4])
            ),
            foreign_keys=tuple(self._foreign_keys(name)),
            checks=tuple(
                CheckConstraint(name=f"{name}_check_{position}", expression=expression)
                for position, expression in enumerate(check_expressions(sql))
            ),
        )

    def _storage(self, name: str, columns: list[Row]) -> Mapping[str, "Storage"]:
        """Scan a table once for what its columns really hold."""
        parts = []
        for column in columns:
            c = quote(column[1])
            misfit = _reading(column[2]).misfit(c)
            parts.append(f"group_concat(DISTINCT typeof({c})), coalesce(max({misfit}), 0)")
        row = self._rows(f"SELECT {', '.join(parts)} FROM {quote(name)}")[0]  # noqa: S608 — names are quoted
        return {
            column[1]: Storage(frozenset((row[2 * i] or "").split(",")) - {"", "null"}, bool(row[2 * i + 1]))
            for i, column in enumerate(columns)
        }

    def _index_columns(self, index: str) -> tuple[str, ...]:
        return tuple(row[2] for row in self._rows(f"PRAGMA index_info({quote(index)})"))

    def _foreign_keys(self, name: str) -> Iterator[ForeignKey]:
        groups: dict[int, list[Row]] = {}
        for row in self._rows(f"PRAGMA foreign_key_list({quote(name)})"):
            groups.setdefault(row[0], []).append(row)
        tables = {table.lower(): table for table, _ in self._rows(_TABLES)}
        for _, rows in sorted(groups.items()):
            parts = sorted(rows, key=lambda r: r[1])
            target = tables.get(parts[0][2].lower())
            if target is not None:
                yield ForeignKey(
                    columns=tuple(r[3] for r in parts),
                    ref_table=target,
                    ref_columns=self._referenced(target, parts),
                )

    def _referenced(self, target: str, parts: list[Row]) -> tuple[str, ...]:
        """Give the columns referred to: the primary key where the reference names none."""
        if parts[0][4] is not None:
            return tuple(r[4] for r in parts)
        columns = self._rows(f"PRAGMA table_info({quote(target)})")
        return tuple(c[1] for c in sorted(columns, key=lambda c: c[5]) if c[5])

    def _rows(self, sql: str) -> list[Row]:
        try:
            return self.connection.execute(sql).fetchall()
        except sqlite3.Error as exc:
            raise SourceError(
                f"The SQLite file must be readable, however SQLite gave a {type(exc).__name__}."
                " Check it with: sqlite3 FILE 'PRAGMA integrity_check'"
            ) from None


@dataclass(frozen=True)
class Storage:
    """What a column really holds."""

    classes: frozenset[str]
    """What typeof() gives, null left out."""
    misfit: bool
    """Some text is not of the declared type's pattern."""


def check_expressions(sql: str) -> list[str]:
    """Give the expressions of all CHECK constraints in a CREATE TABLE statement.

    >>> check_expressions("CREATE TABLE t (a INT CHECK (a > (0)), b TEXT DEFAULT 'CHECK (x)')")
    ['a > (0)']
    """
    found: list[str] = []
    start, depth, waiting = -1, 0, False
    for token in _TOKEN.finditer(sql):
        if start >= 0:
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if depth == 0:
                found.append(sql[start : token.start()].strip())
                start = -1
        elif waiting and token[0] == "(":
            start, depth = token.end(), 1
        waiting = token[0].upper() == "CHECK"
    return found


def _column(found: Row, sql: str, storage: Storage, *, is_alone: bool) -> Column:
    _, name, declared, not_null, default, in_key, hidden = found
    is_rowid = bool(in_key) and is_alone and declared.upper() == "INTEGER" and "WITHOUT ROWID" not in sql.upper()
    arrow_type, note = _settled(_reading(declared), storage)
    return Column(
        name=name,
        source_type=declared or "(none)",
        arrow_type=arrow_type,
        nullable=not (not_null or is_rowid),
        default=default,
        identity=is_rowid,
        generated=_generated(sql, name) if hidden in _GENERATED else None,
        note=note,
    )


def _settled(reading: Reading, storage: Storage) -> tuple[str, str | None]:
    """Give the type that a column is read as, and why where it is not the declared one."""
    if storage.classes <= reading.storage and not storage.misfit:
        return reading.arrow_type, f"bytes: {NOT_LEARNED}" if reading.arrow_type == "binary" else None
    narrowest = next((kind for kind, classes in _NARROWEST.items() if storage.classes <= classes), "string")
    return narrowest, f"holds values not of its declared type, so it is read as {narrowest}"


def _reading(declared: str) -> Reading:
    """Give how a declared type is read, by its words first and by SQLite's affinity after."""
    words = declared.upper()
    decimal = re.search(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", words)
    if decimal and int(decimal[1]) <= _WIDEST_EXACT:  # SQLite itself keeps decimals as doubles
        return Reading(f"decimal128({decimal[1]}, {decimal[2] or 0})", frozenset({"integer", "real"}))
    return next(reading for word, reading in _READINGS.items() if word in words)


def _converter(column: Column) -> Callable[[Any], Any] | None:
    """Give what turns SQLite's value into one that Arrow takes as the column's type."""
    dtype = parse(column.arrow_type)
    if pa.types.is_decimal(dtype):
        return lambda value: _decimal_text(value, dtype.scale)
    if pa.types.is_string(dtype):
        return _text
    if pa.types.is_binary(dtype):
        return lambda value: value.encode() if isinstance(value, str) else bytes(value)
    if pa.types.is_time(dtype):
        return time.fromisoformat
    if pa.types.is_timestamp(dtype) or pa.types.is_date(dtype):
        return str
    return bool if pa.types.is_boolean(dtype) else None


def _arrow(rows: list[Row], converters: Sequence[Callable[[Any], Any] | None], schema: pa.Schema) -> pa.RecordBatch:
    """Turn rows into columns; texts of dates and decimals are parsed by Arrow, a column at a time."""
    arrays = []
    for values, convert, column in zip(zip(*rows, strict=True), converters, schema, strict=True):
        converted = [None if v is None else convert(v) for v in values] if convert else values
        is_text = convert is not None and any(isinstance(v, str) for v in converted)
        arrays.append(pa.array(converted, pa.string() if is_text else column.type))
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)


def _decimal_text(value: float, scale: int) -> str:
    return f"{value:.{scale}f}"


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _generated(sql: str, name: str) -> str:
    """Give the expression of a generated column, from the table's definition."""
    match = re.search(rf"[\"`\[]?{re.escape(name)}[\"`\]]?\s[^,]*?\bAS\s*\(", sql, re.IGNORECASE)
    if not match:
        return "generated"
    depth, end = 1, match.end()
    while depth and end < len(sql):
        depth += {"(": 1, ")": -1}.get(sql[end], 0)
        end += 1
    return sql[match.end() : end - 1].strip()


_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|\w+|[()]""", re.DOTALL)
_HIDDEN = 1
_GENERATED = frozenset({2, 3})
"""What table_xinfo says of a virtual table's hidden column, and of virtual and stored generated ones."""
_WIDEST_EXACT = 38
_DIGITS = "[0-9][0-9]"
_DAY = f"{_DIGITS}{_DIGITS}-{_DIGITS}-{_DIGITS}"
_CLOCK = f"{_DIGITS}:{_DIGITS}:{_DIGITS}"
_TABLES = """SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             ORDER BY name"""
_WHOLE = frozenset({"integer"})
_NUMBER = frozenset({"integer", "real"})
_TEXT = frozenset({"text"})
_READINGS: Mapping[str, Reading] = {
    "BOOL": Reading("bool", _WHOLE),
    "DATETIME": Reading("timestamp[us]", _TEXT, f"{_DAY}[ T]{_CLOCK}*", 19),
    "TIMESTAMP": Reading("timestamp[us]", _TEXT, f"{_DAY}[ T]{_CLOCK}*", 19),
    "DATE": Reading("date32", _TEXT, _DAY),
    "INT": Reading("int64", _WHOLE),
    "TIME": Reading("time64[us]", _TEXT, f"{_CLOCK}*", 8),
    "CHAR": Reading("string", _TEXT),
    "CLOB": Reading("string", _TEXT),
    "TEXT": Reading("string", _TEXT),
    "STRING": Reading("string", _TEXT),
    "UUID": Reading("string", _TEXT),
    "JSON": Reading("string", _TEXT),
    "BLOB": Reading("binary", frozenset({"blob"})),
    "REAL": Reading("double", _NUMBER),
    "FLOA": Reading("double", _NUMBER),
    "DOUB": Reading("double", _NUMBER),
    "NUM": Reading("double", _NUMBER),
    "DEC": Reading("double", _NUMBER),
    "": Reading("string", _TEXT),
}
"""By a word of the declared type, the first that fits."""
_NARROWEST: Mapping[str, frozenset[str]] = {
    "int64": _WHOLE,
    "double": _NUMBER,
    "string": _NUMBER | _TEXT,
    "binary": frozenset({"blob"}),
}
