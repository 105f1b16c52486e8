"""Any other database, through SQLAlchemy: slower, for every value passes through Python.

The schema comes from SQLAlchemy's inspector, the rows from a server-side cursor, all on one connection in one
transaction, REPEATABLE READ where the database knows it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.engine.interfaces import ReflectedColumn

from synth_ops.arrow_types import arrow_schema, parse
from synth_ops.errors import PlanError, SourceError
from synth_ops.schema import CheckConstraint, Column, Database, ForeignKey, Table
from synth_ops.source.base import BATCH_ROWS, NOT_LEARNED, Pulse, conform, table_lost, table_unreadable, without_secrets


@contextmanager
def open_sqlalchemy(url: str) -> Iterator["SQLAlchemySource"]:
    """Connect and begin the transaction that everything is read in.

    Raises:
        PlanError: no driver for such a URL is installed.
        SourceError: the server is unreachable, refuses the password, or has no such database.
    """
    engine = _engine(url)
    try:
        connection = _connect(engine, url)
        try:
            yield SQLAlchemySource(connection)
        finally:
            connection.close()
    finally:
        engine.dispose()


@dataclass(frozen=True)
class SQLAlchemySource:
    """One transaction of any database that SQLAlchemy speaks to."""

    connection: sa.Connection

    def database(self) -> Database:
        """Introspect every table of the connection's schema."""
        return Database(tables=tuple(self._table(name) for name in sorted(self._inspector.get_table_names())))

    def n_rows(self, _table: Table, /) -> int | None:
        """Leave it open: some databases scan the whole table to count it."""
        return None

    def pulse(self, table: Table, /) -> Pulse:
        """Count the rows, and look at the latest of its times and the largest of its whole-number keys.

        An update that moves no time is not seen.
        """
        rows = sa.table(table.name, *(sa.column(c.name) for c in table.columns))
        latest = [sa.func.max(rows.c[c.name]) for c in table.columns if _shows_writes(c, table)]
        try:
            found = self.connection.execute(sa.select(sa.func.count(), *latest).select_from(rows)).one()
        except sa.exc.SQLAlchemyError as exc:
            raise table_unreadable(table, _kind(exc)) from None
        return Pulse("|".join(map(str, found)))

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's rows by a server-side cursor."""
        types_of = {c["name"]: c["type"] for c in self._inspector.get_columns(table.name)}
        columns = [sa.column(c.name, types_of[c.name]) for c in table.columns]
        query = sa.select(*columns).select_from(sa.table(table.name))
        try:
            result = self.connection.execution_options(stream_results=True, yield_per=BATCH_ROWS).execute(query)
            yield from conform(table, _batches(result, table))
        except (sa.exc.NoSuchTableError, sa.exc.ProgrammingError, sa.exc.OperationalError) as exc:
            lost = not sa.inspect(self.connection.engine).has_table(table.name)
            raise table_lost(table) if lost else table_unreadable(table, _kind(exc)) from None
        except (sa.exc.SQLAlchemyError, pa.ArrowException, ValueError, TypeError, OverflowError) as exc:
            raise table_unreadable(table, f"a value does not convert ({_kind(exc)})") from None

    @cached_property
    def _inspector(self) -> sa.Inspector:
        return sa.inspect(self.connection)

    def _table(self, name: str) -> Table:
        look = self._inspector
        unique = [tuple(u["column_names"]) for u in _maybe(look.get_unique_constraints, name)]
        unique += [tuple(i["column_names"]) for i in _maybe(look.get_indexes, name) if i["unique"]]
        key = tuple(look.get_pk_constraint(name)["constrained_columns"])
        return Table(
            name=name,
            columns=tuple(_column(c) for c in look.get_columns(name)),
            primary_key=key,
            unique=tuple(u for u in dict.fromkeys(unique) if None not in u and u != key),
            foreign_keys=tuple(map(_foreign_key, look.get_foreign_keys(name))),
            checks=tuple(
                CheckConstraint(name=c["name"] or f"{name}_check_{position}", expression=c["sqltext"])
                for position, c in enumerate(_maybe(look.get_check_constraints, name))
            ),
            comment=_comment(look, name),
        )


def _shows_writes(column: Column, table: Table) -> bool:
    is_time = column.arrow_type.startswith(("timestamp", "date"))
    return is_time or (table.primary_key == (column.name,) and column.arrow_type.startswith(("int", "uint")))


def _engine(url: str) -> sa.Engine:
    try:
        return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as exc:
        missing = getattr(exc, "name", None) or "its SQLAlchemy dialect"
        raise PlanError(
            f"Reading {url.split(':', 1)[0]}:// needs a driver, however {missing} is not installed."
            " Install it with pip, for instance PyMySQL for mysql+pymysql://."
        ) from None
    except (sa.exc.ArgumentError, ValueError):
        raise PlanError(
            "source must be a URL, however it does not parse."
            " Percent-encode what is special in user and password (@ is %40)."
        ) from None


def _connect(engine: sa.Engine, url: str) -> sa.Connection:
    """Connect and ask for the strictest reading that does not block writers."""
    try:
        connection = engine.connect()
        driver: Any = connection.connection.dbapi_connection
        if "REPEATABLE READ" in engine.dialect.get_isolation_level_values(driver):
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
    except (sa.exc.SQLAlchemyError, OSError) as exc:
        raise SourceError(
            f"The source {without_secrets(url)} must let us in, however the connection failed ({_kind(exc)})."
            " Check host, port, user, password and database, and that the server is up; then run again."
        ) from None
    return connection


def _batches(result: sa.CursorResult[Any], table: Table) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(table)
    converters = [_converter(parse(c.arrow_type)) for c in table.columns]
    for rows in result.partitions(BATCH_ROWS):
        columns = zip(zip(*rows, strict=True), converters, schema, strict=True)
        arrays = [
            pa.array([None if v is None else convert(v) for v in values], f.type) for values, convert, f in columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=schema.names)


def _converter(dtype: pa.DataType) -> Callable[[Any], Any]:
    """Give what turns a driver's value into one that Arrow takes."""
    if pa.types.is_decimal(dtype):
        step = Decimal(1).scaleb(-dtype.scale)
        return lambda value: Decimal(str(value)).quantize(step)
    if pa.types.is_time(dtype):
        return lambda value: value.seconds * 1_000_000 + value.microseconds if isinstance(value, timedelta) else value
    return next((convert for tells, convert in _CONVERTERS if tells(dtype)), lambda value: value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, dict | list) else str(value)


def _column(found: ReflectedColumn) -> Column:
    kind = found["type"]
    arrow_type, note = _arrow_type(kind)
    computed = found.get("computed")
    return Column(
        name=found["name"],
        source_type=_spelled(kind),
        arrow_type=arrow_type,
        nullable=found["nullable"],
        default=None if computed else found.get("default"),
        identity=found.get("autoincrement") is True or found.get("identity") is not None,
        generated=computed["sqltext"] if computed else None,
        enum=tuple(kind.enums) if isinstance(kind, types.Enum) and kind.enums else None,
        comment=found.get("comment"),
        note=note,
    )


def _arrow_type(kind: types.TypeEngine[Any]) -> tuple[str, str | None]:
    """Give the Arrow type that stands for SQLAlchemy's, and what to say about it."""
    if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float):
        return _decimal(kind)
    for family, arrow_type in _ARROW_TYPES.items():
        if isinstance(kind, family):
            return arrow_type, f"bytes: {NOT_LEARNED}" if arrow_type == "binary" else None
    return "string", f"{type(kind).__name__}, carried as text: {NOT_LEARNED}"


def _decimal(kind: types.Numeric[Any]) -> tuple[str, str | None]:
    if kind.precision is None or kind.precision > _WIDEST_DECIMAL:
        return "double", "a decimal without precision is read as double"
    return f"decimal128({kind.precision}, {kind.scale or 0})", None


def _spelled(kind: types.TypeEngine[Any]) -> str:
    """Give the type in the database's words, where SQLAlchemy knows them."""
    try:
        return str(kind)
    except sa.exc.SQLAlchemyError:
        return type(kind).__name__


def _foreign_key(found: Mapping[str, Any]) -> ForeignKey:
    return ForeignKey(
        columns=tuple(found["constrained_columns"]),
        ref_table=found["referred_table"],
        ref_columns=tuple(found["referred_columns"]),
    )


def _comment(look: sa.Inspector, name: str) -> str | None:
    try:
        return look.get_table_comment(name)["text"]
    except NotImplementedError:
        return None


def _maybe(ask: Callable[[str], Any], name: str) -> list[Any]:
    """Ask the inspector for what not every dialect knows."""
    try:
        return list(ask(name))
    except NotImplementedError:
        return []


def _kind(exc: BaseException) -> str:
    return type(getattr(exc, "orig", None) or exc).__name__


_WIDEST_DECIMAL = 38
_ARROW_TYPES: Mapping[type[Any], str] = {
    types.Boolean: "bool",
    types.SmallInteger: "int64",
    types.Integer: "int64",
    types.Float: "double",
    types.DateTime: "timestamp[us]",
    types.Date: "date32",
    types.Time: "time64[us]",
    types.Interval: "duration[us]",
    types.LargeBinary: "binary",
    types.BINARY: "binary",
    types.VARBINARY: "binary",
    types.Enum: "string",
    types.Uuid: "string",
    types.JSON: "string",
    types.String: "string",
}
"""By family of types, the first that fits; whole numbers widen to 64 bits, for some dialects have unsigned ones."""
_CONVERTERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_string, _text),
    (pa.types.is_boolean, bool),
    (pa.types.is_integer, int),
    (pa.types.is_floating, float),
    (pa.types.is_binary, bytes),
)
