"""PostgreSQL through ADBC: schema and rows in one REPEATABLE READ, READ ONLY transaction.

Whatever production writes meanwhile is not seen, so that foreign keys agree across all tables. The session switches
off row security (a filtered read is an error, not a smaller table), parallel workers and synchronised scans (rows
come in the heap's order, the same on every read of unchanged data).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa

from synth_ops.errors import PlanError, SourceError
from synth_ops.schema import Database, Table
from synth_ops.source.base import Pulse, conform, table_lost, table_unreadable, without_secrets
from synth_ops.source.postgres_catalog import COLUMNS, CONSTRAINTS, TABLES, UNIQUE, WRITES, tables_of

CONNECT_SECONDS = 10
"""How long to wait for the server, where the URL does not say."""


@contextmanager
def open_postgres(url: str) -> Iterator["PostgresSource"]:
    """Connect and begin the transaction that everything is read in.

    Raises:
        SourceError: the server is unreachable, refuses the password, or has no such database.
    """
    connection = _connect(url)
    with closing(connection), ExitStack() as cursors:
        yield PostgresSource(connection, cursors)


@dataclass(frozen=True)
class PostgresSource:
    """One read-only transaction."""

    connection: Any
    """An ADBC connection in which the transaction has begun."""
    cursors: ExitStack
    """Closes, before the connection, what a reader left half read."""

    def database(self) -> Database:
        """Introspect every table; views, foreign tables, partitions and what extensions bring are left out."""
        return Database(tables=tuple(table for table, _ in self._tables.values()))

    def n_rows(self, table: Table, /) -> int | None:
        """Give the server's own estimate, if the table was ever analysed."""
        found = next((t for t in self._rows(TABLES) if t["name"] == table.name), None)
        return found["n_rows"] if found and found["n_rows"] > 0 else None

    def pulse(self, table: Table, /) -> Pulse:
        """Give what the server has counted of writes to the table, or to its partitions."""
        oid = next((t["oid"] for t in self._rows(TABLES) if t["name"] == table.name), None)
        if oid is None:
            raise table_lost(table)
        for found in self._rows(WRITES):
            if found["oid"] == oid:
                return Pulse(f"{found['files']}:{found['n_written']}", int(found["n_written"]))
        return Pulse("", 0)

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's rows in the heap's order."""
        if table.name not in self._tables:
            raise table_lost(table)
        _, select = self._tables[table.name]
        cursor = self.cursors.enter_context(self.connection.cursor())
        with _reading(table):
            cursor.execute(select)
            yield from conform(table, cursor.fetch_record_batch())
        cursor.close()

    @cached_property
    def _tables(self) -> Mapping[str, tuple[Table, str]]:
        return tables_of(*map(self._rows, (TABLES, COLUMNS, CONSTRAINTS, UNIQUE)))

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                rows: list[dict[str, Any]] = cursor.fetch_arrow_table().to_pylist()
        except (self.connection.Error, OSError) as exc:
            raise SourceError(
                f"The catalogue of the database must be readable, however the server refused ({_state(exc)})."
                " Check that the server is up and that the user may read pg_catalog, and run again."
            ) from None
        return rows


def _connect(url: str) -> Any:  # noqa: ANN401 — the driver is an extra, and ships no types
    """Connect by ADBC and begin the transaction."""
    try:
        from adbc_driver_postgresql import dbapi  # an extra: only who reads PostgreSQL has it
    except ModuleNotFoundError:
        raise PlanError(
            "Reading postgresql:// needs the extra `postgres`, however its driver is not installed."
            " Install it: pip install 'synth-ops[postgres]'"
        ) from None
    try:
        connection = dbapi.connect(_libpq_url(url), autocommit=True)
        with connection.cursor() as cursor:
            for statement in _SESSION:
                cursor.execute(statement)
    except dbapi.Error as exc:
        raise _refused(url, str(exc)) from None
    return connection


def _libpq_url(url: str) -> str:
    """Give the URL as libpq reads it: no SQLAlchemy driver in its scheme, and a time-out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused(url, "invalid") from None
    query = parts.query
    if "connect_timeout" not in query:
        query = f"{query}&connect_timeout={CONNECT_SECONDS}".lstrip("&")
    return urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))


def _refused(url: str, driver_text: str) -> SourceError:
    """Say why we were not let in, in our own words: the driver's may quote the URL."""
    why, advice = next(
        (answer for pattern, answer in _REFUSALS.items() if re.search(pattern, driver_text)), _REFUSAL_UNKNOWN
    )
    return SourceError(f"The source {without_secrets(url)} must let us in, however {why}. {advice}")


@contextmanager
def _reading(table: Table) -> Iterator[None]:
    """Translate what the driver says while rows are read; its text may quote a row."""
    try:
        yield
    except SourceError:
        raise
    except Exception as exc:
        if not isinstance(exc, OSError | pa.ArrowException) and not hasattr(exc, "sqlstate"):
            raise
        state = _state(exc)
        if state in _LOST:
            raise table_lost(table) from None
        raise table_unreadable(table, _TABLE_REFUSALS.get(state, f"the server gave an error ({state})")) from None


def _state(exc: BaseException) -> str:
    """Give the SQLSTATE, or the error's kind where the driver gives none."""
    return getattr(exc, "sqlstate", None) or type(exc).__name__


_SESSION = (
    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL row_security = off",
    "SET LOCAL synchronize_seqscans = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = '5min'",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)
_LOST = frozenset({"42P01", "42703", "3F000"})
"""SQLSTATE of an undefined table, column or schema."""
_TABLE_REFUSALS: Mapping[str, str] = {
    "42501": "the user may not SELECT from it, or row security would hide rows (grant SELECT, or BYPASSRLS)",
    "40001": "the server cancelled the transaction for a conflict with recovery (raise max_standby_streaming_delay)",
    "55P03": "another session holds an exclusive lock on it for more than 5 minutes",
    "57014": "the server cancelled the query",
    "OSError": "the server broke off while rows were read",
}
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "password|authentication": ("the user or the password was refused", "Check the secret that the URL names."),
    "role .* does not exist": ("there is no such user", "Check the user in the URL."),
    "database .* does not exist": ("there is no such database", "Check the last part of the URL."),
    "could not translate host name|Name or service": ("there is no such host", "Check the host in the URL."),
    "timeout expired|timed out": ("the host did not answer in time", "Check host, port and firewall, and run again."),
    "refused|No such file or directory|could not connect|No route": (
        "no server answers there",
        "Check host and port, and that the server is up; then run again.",
    ),
    "SSL|certificate": ("the TLS handshake failed", "Check sslmode and the certificates."),
    "too many (clients|connections)|remaining connection slots": ("all its connections are taken", "Run again later."),
    "pg_hba": ("the server does not admit this host", "Ask for an entry in pg_hba.conf."),
    "percent-encoded|invalid": (
        "the URL does not parse",
        "Percent-encode what is special in user and password (@ is %40).",
    ),
}
"""What libpq says (a pattern), as (why, what to do)."""
_REFUSAL_UNKNOWN = ("the connection failed", "Check the URL, and that the server is up; then run again.")
