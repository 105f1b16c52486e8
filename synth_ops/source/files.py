"""A folder of Parquet or CSV files: a table for each file, or for each sub-folder of files.

Files declare no keys: those come from synth.yaml, or not at all. Parquet is read as it is; of CSV, DuckDB settles
each column's type over the whole file.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.arrow_types import arrow_schema, carried, text
from synth_ops.errors import PlanError, SourceError
from synth_ops.schema import Column, Database, Table
from synth_ops.source.base import BATCH_ROWS, NOT_LEARNED, Pulse, conform, quote, stamp, table_lost, table_unreadable
from synth_ops.source.duckdb import read, reading_of

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz")
PARQUET_ENDINGS = (".parquet", ".pq")


@contextmanager
def open_parquet(url: str) -> Iterator["ParquetFolder"]:
    """Open a folder of Parquet files.

    Raises:
        SourceError: there is no such folder, or no Parquet file in it.
    """
    yield ParquetFolder(_tables_in(url, PARQUET_ENDINGS))


@contextmanager
def open_csv(url: str) -> Iterator["CSVFolder"]:
    """Open a folder of CSV files.

    Raises:
        SourceError: there is no such folder, or no CSV file in it.
    """
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield CSVFolder(_tables_in(url, CSV_ENDINGS), connection)


@dataclass(frozen=True)
class ParquetFolder:
    """The Parquet files of each table."""

    files: Mapping[str, tuple[Path, ...]]

    def database(self) -> Database:
        """Give every table as its first file's schema declares it."""
        return Database(tables=tuple(_parquet_table(name, paths[0]) for name, paths in self.files.items()))

    def n_rows(self, table: Table, /) -> int | None:
        """Add up what the footers say."""
        try:
            return sum(int(pq.read_metadata(path).num_rows) for path in self.files[table.name])
        except (OSError, pa.ArrowException):
            return None  # reading the rows will say why

    def pulse(self, table: Table, /) -> Pulse:
        """Look at the table's files."""
        return _pulse(table, self.files)

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's files in the order of their names."""
        for path in self.files[table.name]:
            yield from conform(table, _parquet_batches(table, path))


@dataclass(frozen=True)
class CSVFolder:
    """The CSV files of each table."""

    files: Mapping[str, tuple[Path, ...]]
    connection: duckdb.DuckDBPyConnection
    """A DuckDB connection without a database."""

    def database(self) -> Database:
        """Give every table, each column in the narrowest type that all its values fit."""
        return Database(tables=tuple(self._table(name) for name in self.files))

    def n_rows(self, _table: Table, /) -> int | None:
        """Leave it open: only reading a CSV file tells its rows."""
        return None

    def pulse(self, table: Table, /) -> Pulse:
        """Look at the table's files."""
        return _pulse(table, self.files)

    def batches(self, table: Table, /) -> Iterator[pa.RecordBatch]:
        """Read the table's files in the order of their names."""
        types = {c.name: c.source_type for c in table.columns}
        columns = ", ".join(quote(c.name) for c in table.columns)
        try:
            stream = read(self.connection, f"SELECT {columns} FROM {self._scan(table.name, types)}")  # noqa: S608 — names are quoted
            yield from conform(table, stream)
        except (duckdb.Error, pa.ArrowException) as exc:
            lost = not all(path.is_file() for path in self.files[table.name])
            why = f"a row does not parse ({type(exc).__name__})"
            raise table_lost(table) if lost else table_unreadable(table, why) from None

    def _table(self, name: str) -> Table:
        try:
            found = self._types(name)
        except duckdb.Error as exc:
            raise _unreadable(name, self.files[name][0], "CSV with a header", type(exc).__name__) from None
        columns = [Column(name=c, source_type=t, arrow_type=reading_of(t).arrow_type) for c, t in found.items()]
        return Table(name=name, columns=tuple(columns))

    def _types(self, name: str) -> Mapping[str, str]:
        """Settle each column's type; a number that keeps a leading zero is a code, and stays text."""
        rows = self.connection.execute(f"DESCRIBE SELECT * FROM {self._scan(name, {})}").fetchall()  # noqa: S608 — names are quoted
        types = {row[0]: row[1] if row[1] in _FROM_CSV else "VARCHAR" for row in rows}
        whole = [c for c, t in types.items() if t == "BIGINT"]
        if whole:
            texts = dict.fromkeys(types, "VARCHAR")
            tests = ", ".join(f"coalesce(bool_or(regexp_matches({quote(c)}, '^[+-]?0[0-9]')), false)" for c in whole)
            (codes,) = self.connection.execute(f"SELECT {tests} FROM {self._scan(name, texts)}").fetchall()  # noqa: S608 — names are quoted
            types |= {c: "VARCHAR" for c, is_code in zip(whole, codes, strict=True) if is_code}
        return types

    def _scan(self, name: str, types: Mapping[str, str]) -> str:
        """Give the table function that reads the files; nothing is guessed where the types are given."""
        files = ", ".join(_literal(str(path)) for path in self.files[name])
        declared = ", ".join(f"{_literal(c)}: {_literal(t)}" for c, t in types.items())
        options = f"columns = {{{declared}}}, auto_detect = true" if types else "sample_size = -1"
        return f"""read_csv([{files}], header = true, quote = '"', escape = '"', {options})"""


def _pulse(table: Table, files: Mapping[str, tuple[Path, ...]]) -> Pulse:
    if table.name not in files:
        raise table_lost(table)
    return Pulse(stamp(files[table.name]))


def _tables_in(url: str, endings: tuple[str, ...]) -> Mapping[str, tuple[Path, ...]]:
    """Give the files of each table, in the order of their names."""
    scheme, _, rest = url.partition(":") if url.startswith(("parquet:", "csv:")) else ("", "", url)
    folder = Path(rest.removeprefix("//") if rest.startswith("///") else rest).expanduser()
    if not folder.is_dir():
        raise SourceError(
            f"source must name an existing folder, however there is none at {folder.absolute()}."
            f" Correct `source` in synth.yaml: {scheme or 'parquet'}:FOLDER."
        )
    found: dict[str, tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        paths = _files_of(entry, endings)
        if not paths:
            continue
        name = entry.name if entry.is_dir() else _without(entry.name, endings)
        if name in found:
            raise PlanError(
                f"Each table must have one file or folder, however {name!r} has two in {folder}. Remove one."
            )
        found[name] = paths
    if not found:
        raise SourceError(
            f"{folder} must hold files that end in {' or '.join(endings)}, however it holds none."
            " Correct `source` in synth.yaml: parquet:FOLDER or csv:FOLDER."
        )
    return found


def _files_of(entry: Path, endings: tuple[str, ...]) -> tuple[Path, ...]:
    if entry.name.startswith((".", "_")):
        return ()
    candidates = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
    return tuple(p for p in candidates if p.name.lower().endswith(endings) and p.is_file())


def _without(name: str, endings: tuple[str, ...]) -> str:
    ending = max((e for e in endings if name.lower().endswith(e)), key=len)
    return name[: -len(ending)]


def _parquet_table(name: str, path: Path) -> Table:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as exc:
        raise _unreadable(name, path, "Parquet", type(exc).__name__) from None
    return Table(name=name, columns=tuple(map(_parquet_column, schema)))


def _parquet_column(field: "pa.Field[Any]") -> Column:
    dtype = carried(field.type)
    kind = "nested type" if pa.types.is_nested(field.type) else "bytes" if pa.types.is_binary(dtype) else None
    note = f"{kind}: {NOT_LEARNED}" if kind else None
    return Column(
        name=field.name, source_type=str(field.type), arrow_type=text(dtype), nullable=field.nullable, note=note
    )


def _parquet_batches(table: Table, path: Path) -> Iterator[pa.RecordBatch]:
    """Read one file in the table's column order; what has no flat form becomes JSON text."""
    schema = arrow_schema(table)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                arrays = [_flat(batch.column(f.name), f.type) for f in schema]
                yield pa.RecordBatch.from_arrays(arrays, names=schema.names)
    except FileNotFoundError:
        raise table_lost(table) from None
    except KeyError:
        raise table_unreadable(table, f"{path} lacks a column that the first file has") from None
    except (OSError, pa.ArrowException) as exc:
        raise table_unreadable(table, f"{path} is truncated, altered or not Parquet ({type(exc).__name__})") from None


def _flat(array: "pa.Array[Any]", dtype: pa.DataType) -> "pa.Array[Any]":
    if pa.types.is_string(dtype) and pa.types.is_nested(array.type):
        texts = [None if v is None else json.dumps(v, default=str, sort_keys=True) for v in array.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_string(dtype) and str(array.type).startswith("extension<arrow.uuid"):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())
    return array


def _unreadable(name: str, path: Path, kind: str, error: str) -> SourceError:
    return SourceError(
        f"Table {name!r} must be {kind}, however {path} does not parse as that ({error})."
        " Repair or remove the file, and run again."
    )


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_FROM_CSV = frozenset(
    {"BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR"}
)
