"""What every source gives, and the few things that all of them need."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.arrow_types import arrow_schema, parse
from synth_ops.errors import SourceError
from synth_ops.schema import Column, Database, Table

BATCH_ROWS = 65_536
"""Rows of one batch: what is held in memory at a time."""

NOT_LEARNED = "cannot be learned; null with a warning unless copied"


class Pulse(NamedTuple):
    """What a table shows of its changes to who does not read it."""

    token: str
    """Another one after every change of its rows, and perhaps without one. It may tell of rows: it stays private."""
    n_written: int | None = None
    """Rows inserted, updated and deleted since the server began to count; None where nothing counts them."""


class Source(Protocol):
    """One consistent view of a database: whatever is written to it meanwhile is not seen."""

    def database(self) -> Database:
        """Introspect every table; no row leaves the source."""
        ...

    def n_rows(self, table: Table, /) -> int | None:
        """Give about how many rows the table has, for progress; None where that is dear to know."""
        ...

    def pulse(self, table: Table, /) -> Pulse:
        """Look, without reading the rows, at whether they have changed.

        Raises:
            SourceError: the table went away, or the server did not answer.
        """
        ...

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's rows in exactly its declared Arrow types, about 64k at a time.

        Raises:
            SourceError: the table went away, may not be read, or holds what its type does not allow.
        """
        ...


def conform(table: Table, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cast every batch to the table's declared schema, in slices of at most 64k rows.

    Raises:
        SourceError: a value does not fit its column's type, or a null stands where none may.
    """
    schema = arrow_schema(table)
    for batch in batches:
        arrays = [_fit(table, column, array) for column, array in zip(table.columns, batch.columns, strict=True)]
        whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
        for start in range(0, whole.num_rows, BATCH_ROWS):
            yield whole.slice(start, BATCH_ROWS)


def quote(name: str) -> str:
    """Quote an identifier as standard SQL does.

    >>> print(quote('a"; drop table b'))
    "a""; drop table b"
    """
    return '"' + name.replace('"', '""') + '"'


def file_of(url: str) -> Path:
    """Give the path of a file URL: three slashes before a relative path, four before an absolute one.

    >>> str(file_of("duckdb:///demo/x.duckdb")), str(file_of("duckdb:////srv/x.duckdb"))
    ('demo/x.duckdb', '/srv/x.duckdb')
    """
    return Path(url.split(":", 1)[1].removeprefix("///").split("?", 1)[0])


def stamp(paths: Iterable[Path]) -> str:
    """Give what changes when one of the files does: their sizes, and when they were written last."""
    stats = [path.stat() for path in paths if path.is_file()]
    return ",".join(f"{s.st_size}:{s.st_mtime_ns}" for s in stats)


def missing_file(path: Path, kind: str) -> SourceError:
    """Give the error for a database file that is not there."""
    return SourceError(
        f"source must name an existing {kind} file, however there is none at {path.absolute()}."
        " Correct `source` in synth.yaml; a relative path starts at the working folder, an absolute has four slashes."
    )


def without_secrets(url: str) -> str:
    """Give the URL without password and options, fit for a message.

    >>> without_secrets("postgresql://bo:secret@db:5432/shop?password=x")
    'postgresql://bo@db:5432/shop'
    """
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return url.split(":", 1)[0] + "://…"
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{_plain_path(parts)}"


def table_lost(table: Table) -> SourceError:
    """Give the error for a table that was there when the schema was read, and is there no more."""
    return SourceError(
        f"Table {table.name!r} must stay while it is read, however it was dropped or renamed after the schema was read."
        " Run the same command again: the schema is read afresh."
    )


def table_unreadable(table: Table, why: str) -> SourceError:
    """Give the error for a table whose rows cannot be read."""
    return SourceError(
        f"Table {table.name!r} must be readable, however {why}."
        " Run again, or leave the table out: `mode: skip` in synth.yaml."
    )


def _plain_path(parts: SplitResult) -> str:
    return parts.path if "@" not in parts.path else "/…"


def _fit(table: Table, column: Column, array: pa.Array) -> pa.Array:
    """Cast one column, and see that nulls stand only where they may."""
    target = parse(column.arrow_type)
    try:
        fitted = array if array.type == target else _cast(array, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SourceError(
            f"Column {column.name!r} of table {table.name!r} must hold {column.source_type} values that fit"
            f" {column.arrow_type}, however at least one row of {array.type} does not."
            " Correct the column's type in the source, or leave the table out: `mode: skip` in synth.yaml."
        ) from None
    if fitted.null_count and not column.nullable:
        raise SourceError(
            f"Column {column.name!r} of table {table.name!r} is declared not null, however a row holds none or NaN."
            " Drop NOT NULL in the source, or correct the rows."
        )
    return fitted


def _cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Cast, through the storage of an extension type and the values of a dictionary."""
    if isinstance(array, pa.ExtensionArray):
        return _cast(array.storage, target)
    if pa.types.is_dictionary(array.type):
        return _cast(array.dictionary_decode(), target)
    return pc.cast(array, target)
