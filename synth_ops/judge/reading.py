"""Files as a person has them: one table or a folder of tables, Parquet or CSV, read as the real ones are declared."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import PlanError
from synth_ops.schema import Database, Table
from synth_ops.source import open_source

FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}

Rows = Mapping[str, pa.Table]
WORDS = frozenset({"string", "large_string"})


def read_side(role: str, path: Path, name: str | None = None, like: Database | None = None) -> tuple[Database, Rows]:
    """Read a file, or every table of a folder; `name` is what a single file's table is called, else its own.

    What is text in the tables of `like` is read as text: CSV says no types, and its yes and no may be words.

    Raises:
        PlanError: there is no such file, or it is of no kind that is read.
        SourceError: it does not read as what its ending says.
    """
    with _source(role, path, name) as url, open_source(url) as source:
        words = (
            {(t.name, c.name) for t in like.tables for c in t.columns if c.arrow_type in WORDS}
            if like and url.startswith("csv:")
            else set()
        )
        database = Database(tables=tuple(_with_words(t, words) for t in source.database().tables))
        rows = {t.name: pa.Table.from_batches(source.batches(t), arrow_schema(t)) for t in database.tables}
    return database, rows


def _words(database: Database) -> set[tuple[str, str]]:
    return {(t.name, c.name) for t in database.tables for c in t.columns if c.arrow_type in WORDS}


def _with_words(table: Table, words: set[tuple[str, str]]) -> Table:
    """Declare those of a CSV's columns as text that are text elsewhere."""
    columns = tuple(
        c.model_copy(update={"source_type": "VARCHAR", "arrow_type": "string"})
        if (table.name, c.name) in words and c.arrow_type not in WORDS
        else c
        for c in table.columns
    )
    return table.model_copy(update={"columns": columns})


def laid_over(rows: pa.Table, declared: Table) -> pa.Table:
    """Give the rows with the declared columns first and in their order, each in the declared type where that fits.

    A whole number that another tool wrote as 7.0, or a date that it wrote as text, is no fault of the copy.
    """
    wanted = arrow_schema(declared)
    names = [n for n in wanted.names if n in rows.column_names]
    others = [n for n in rows.column_names if n not in wanted.names]
    columns = {n: _as(rows.column(n), wanted.field(n).type) for n in names}
    return pa.table(columns | {n: rows.column(n) for n in others})


def _as(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray:
    if column.type == dtype:
        return column
    try:
        if pa.types.is_floating(column.type) and pa.types.is_floating(dtype):
            return column.cast(dtype, safe=False)
        return column.cast(dtype)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column


@contextmanager
def _source(role: str, path: Path, name: str | None) -> Iterator[str]:
    """Give the URL of a folder that holds the file alone, or of the folder itself."""
    if path.is_dir():
        kinds = {FORMATS[p.suffix.lower()] for p in path.iterdir() if p.suffix.lower() in FORMATS}
        if not kinds:
            raise PlanError(f"{role} must hold Parquet or CSV files, however {path} holds none. Name another folder.")
        yield f"{'parquet' if 'parquet' in kinds else 'csv'}:{path.resolve()}"
        return
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise PlanError(
            f"{role} must end in .parquet or .csv, or be a folder, however: {path}. Convert it, or rename it."
        )
    if not path.is_file():
        raise PlanError(f"{role} must be a file or a folder, however there is none at {path}. Correct the path.")
    with tempfile.TemporaryDirectory(prefix="synth-ops-judge-") as folder:
        ending = path.suffix.lower() if kind == "csv" else ".parquet"
        (Path(folder) / f"{name or path.stem}{ending}").symlink_to(path.resolve())
        yield f"{kind}:{folder}"
