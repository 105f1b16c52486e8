"""Reading snapshots: whole or not at all, and never a byte that differs from the manifest."""

import difflib
import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.names import file_stem
from synth_ops.publish.manifest import MANIFEST, Manifest, ManifestFile, ManifestTable, parse_manifest
from synth_ops.publish.place import Place, local_folder, night_of
from synth_ops.records import Record, Verdict
from synth_ops.workspace.files import sha256_of

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


class SnapshotSummary(Record):
    """One snapshot in a list."""

    snapshot: str
    night: str
    latest: bool
    created: str
    verdict: Verdict | None
    """None where the manifest cannot be read."""
    n_tables: int
    n_rows: int
    n_bytes: int
    path: str


class Verified(Record):
    """What reading every byte of a snapshot found."""

    snapshot: str
    path: str
    n_files: int
    n_bytes: int
    problems: tuple[str, ...]
    """One sentence each, naming the file; empty where all is well."""
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.problems


class SnapshotTable:
    """One table of a snapshot; it behaves as the Arrow table it holds, and reads its files when first needed."""

    def __init__(self, folder: Path, entry: ManifestTable, columns: tuple[str, ...] | None = None) -> None:
        self.folder = folder
        self.entry = entry
        """What the manifest says: keys, constraints, files, the model."""
        self._columns = columns

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def num_rows(self) -> int:
        return self.entry.n_rows

    @property
    def column_names(self) -> list[str]:
        return list(self._columns or (c.name for c in self.entry.columns))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The Parquet files, for any other reader."""
        return tuple(self.folder / f.path for f in self.entry.files)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, from the first file's footer."""
        with _reading(self.paths[0]):
            schema = pq.read_schema(self.paths[0])
        return pa.schema([schema.field(c) for c in self.column_names], metadata=schema.metadata)

    def select(self, columns: Sequence[str]) -> "SnapshotTable":
        """Give the table with these columns only, in this order; the others are not decoded.

        Raises:
            PlanError: it lacks one of them, or none is asked for; the message names the nearest.
        """
        known = self.column_names
        for column in columns or [""]:
            if column not in known:
                raise PlanError(
                    f"Columns of table {self.name!r} must be asked for, however there is no {column!r} in it."
                    f" {_nearest(column, known)}"
                )
        return SnapshotTable(self.folder, self.entry, tuple(dict.fromkeys(columns)))

    def to_arrow(self) -> pa.Table:
        """Read the table.

        Raises:
            CorruptArtifact: a file is missing, truncated, or differs from the manifest in as much as one bit.
        """
        return self._arrow

    def to_pandas(self, **options: Any) -> "pd.DataFrame":  # noqa: ANN401 — passed on to Arrow
        """Read the table as a DataFrame; options are those of `pyarrow.Table.to_pandas`."""
        return self._arrow.to_pandas(**options)

    def duckdb(self, connection: "duckdb.DuckDBPyConnection | None" = None) -> "duckdb.DuckDBPyRelation":
        """Give a DuckDB relation over the files, whose checksums are compared first.

        Raises:
            CorruptArtifact: a file differs from the manifest.
        """
        import duckdb

        for file in self.entry.files:
            _require(_problem_of(self.folder, file))
        relation = (connection or duckdb.connect()).read_parquet([str(p) for p in self.paths])
        return relation.select(*map(duckdb.ColumnExpression, self._columns)) if self._columns else relation

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._arrow.__arrow_c_stream__(requested_schema)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever the Arrow table has
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._arrow, name)

    def __getitem__(self, key: "int | str") -> "pa.ChunkedArray[Any]":
        return self._arrow[key]

    def __len__(self) -> int:
        return self.entry.n_rows

    def __repr__(self) -> str:
        return f"SnapshotTable({self.name!r}, {self.num_rows:,} rows, {len(self.column_names)} columns)"

    @cached_property
    def _arrow(self) -> pa.Table:
        return pa.concat_tables([_read(self.folder, f, self._columns) for f in self.entry.files])


class Snapshot:
    """One published snapshot."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @property
    def id(self) -> str:
        return self.manifest.snapshot

    @property
    def night(self) -> str:
        return self.manifest.night

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(t.name for t in self.manifest.tables)

    def table(self, name: str) -> SnapshotTable:
        """Give the table of that name.

        Raises:
            PlanError: there is none; the message names the nearest.
        """
        if name not in self.tables:
            raise PlanError(
                f"A table of snapshot {self.id} must be asked for, however there is no {name!r} in it."
                f" {_nearest(name, self.tables)}"
            )
        return SnapshotTable(self.path, self.manifest.table(name))

    def __iter__(self) -> Iterator[SnapshotTable]:
        return (self.table(name) for name in self.tables)

    def __repr__(self) -> str:
        return f"Snapshot({self.id!r}, {len(self.tables)} tables, {self.manifest.n_rows:,} rows)"


def open_snapshot(root: "str | Path", dataset: str, snapshot: str | None = None) -> Snapshot:
    """Open a dataset's latest snapshot, or the one of that id or night.

    What is opened stays what it was, whatever is published meanwhile.

    Raises:
        PlanError: there is no such folder, dataset or snapshot; the message names the nearest.
        CorruptArtifact: its manifest was altered.
    """
    place = _place(root, dataset)
    return snapshot_at(place.folder(_resolve(place, dataset, snapshot)))


def snapshot_at(folder: Path) -> Snapshot:
    """Open the snapshot in a folder.

    Raises:
        CorruptArtifact: its manifest is missing or was altered.
    """
    path = folder / MANIFEST
    with _reading(path):
        manifest = parse_manifest(path.read_bytes(), path)
    return Snapshot(folder, manifest)


def list_snapshots(root: "str | Path", dataset: str) -> tuple[SnapshotSummary, ...]:
    """Give every snapshot of a dataset, oldest first.

    Raises:
        PlanError: there is no such folder or dataset.
    """
    place = _place(root, dataset)
    latest = place.latest()
    return tuple(_summary(place.folder(i), latest=i == latest) for i in place.ids())


def verify_snapshot(root: "str | Path", dataset: str, snapshot: str | None = None) -> Verified:
    """Read every byte of a snapshot and compare it with the manifest.

    Raises:
        PlanError: there is no such folder, dataset or snapshot.
    """
    started = time.monotonic()
    place = _place(root, dataset)
    folder = place.folder(_resolve(place, dataset, snapshot))
    files = [p for p in folder.rglob("*") if p.is_file()]
    return Verified(
        snapshot=folder.name,
        path=str(folder),
        n_files=len(files),
        n_bytes=sum(p.stat().st_size for p in files),
        problems=problems_of(folder),
        seconds=round(time.monotonic() - started, 3),
    )


def problems_of(folder: Path) -> tuple[str, ...]:
    """Give what is wrong with a snapshot's folder, one sentence a problem."""
    try:
        manifest = snapshot_at(folder).manifest
    except CorruptArtifact as error:
        return (str(error),)
    found = [_problem_of(folder, f) or _parquet_problem(folder, f) for f in manifest.files]
    if manifest.snapshot != folder.name:
        found.append(f"{folder} must hold the snapshot of that name, however its manifest is of {manifest.snapshot}.")
    return (*(p for p in found if p), *_strays(folder, manifest))


def _strays(folder: Path, manifest: Manifest) -> Iterator[str]:
    known = {MANIFEST, *(f.path for f in manifest.files)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (path.is_file() and name not in known):
            yield f"{path} must be named in the manifest, however it is not. Remove it."


def _problem_of(folder: Path, file: ManifestFile) -> str | None:
    """Give how the file's bytes differ from the manifest, if they do."""
    path = folder / file.path
    try:
        n_bytes = path.stat().st_size
        if n_bytes != file.n_bytes:
            return _differs(path, f"it has {n_bytes:,} bytes instead of {file.n_bytes:,}")
        if sha256_of(path) != file.sha256:
            return _differs(path, "its sha256 differs")
    except OSError as error:
        return _differs(path, f"it cannot be read ({error.strerror})")
    return None


def _parquet_problem(folder: Path, file: ManifestFile) -> str | None:
    """Give how the file's pages or rows differ from what the manifest says, if they do."""
    path = folder / file.path
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            n_rows = sum(batch.num_rows for batch in parquet.iter_batches())
    except (OSError, pa.ArrowException):
        return _differs(path, "its pages do not match their checksums")
    return None if n_rows == file.n_rows else _differs(path, f"it has {n_rows:,} rows instead of {file.n_rows:,}")


def _read(folder: Path, file: ManifestFile, columns: tuple[str, ...] | None) -> pa.Table:
    path = folder / file.path
    with _reading(path):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            _require(_differs(path, "its sha256 differs"))
        # The bytes that were compared are the bytes that are parsed.
        parquet = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        # Parquet reads "a.b" along with "a", for it takes the point for nesting.
        return parquet.read() if columns is None else parquet.read(columns=list(columns)).select(list(columns))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Translate what reading a file of a snapshot may raise."""
    try:
        yield
    except CorruptArtifact:
        raise
    except (OSError, pa.ArrowException) as error:
        why = getattr(error, "strerror", None) or "it does not parse"
        raise CorruptArtifact(_differs(path, f"it cannot be read ({why})")) from None


def _differs(path: Path, how: str) -> str:
    return f"{path} must be as it was published, however {how}. Open an earlier snapshot, or publish the night again."


def _require(problem: str | None) -> None:
    if problem:
        raise CorruptArtifact(problem)


def _place(root: "str | Path", dataset: str) -> Place:
    folder = local_folder(str(root))
    place = Place(folder / file_stem(dataset))
    if not place.snapshots.is_dir():
        raise PlanError(
            f"{folder} must hold snapshots of dataset {dataset!r}, however there are none."
            f" {_nearest(dataset, _datasets(folder))}"
        )
    return place


def _datasets(folder: Path) -> list[str]:
    return sorted(p.parent.name for p in folder.glob("*/snapshots"))


def _resolve(place: Place, dataset: str, snapshot: str | None) -> str:
    ids = place.ids()
    if snapshot is None:
        found = place.latest()
    else:
        found = snapshot if snapshot in ids else next(reversed(place.of_night(snapshot)), None)
    if found is None:
        asked = "a latest one" if snapshot is None else repr(snapshot)
        raise PlanError(
            f"A snapshot of dataset {dataset!r} must be asked for, however there is no {asked} in {place.home}."
            f" {_nearest(snapshot or '', ids)}"
        )
    return found


def _nearest(word: str, words: Iterable[str]) -> str:
    known = list(words)
    if not known:
        return "There is nothing there yet: run `synth-ops refresh`."
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5) or known[-3:]
    return f"Try {', '.join(repr(n) for n in near)}."


def _summary(folder: Path, *, latest: bool) -> SnapshotSummary:
    night = night_of(folder.name)
    bare = SnapshotSummary(
        snapshot=folder.name, night=night, latest=latest, created="", verdict=None,
        n_tables=0, n_rows=0, n_bytes=0, path=str(folder),
    )  # fmt: skip
    try:
        manifest = snapshot_at(folder).manifest
    except CorruptArtifact:
        return bare
    return bare.model_copy(
        update={
            "created": manifest.created,
            "verdict": manifest.verdict,
            "n_tables": len(manifest.tables),
            "n_rows": manifest.n_rows,
            "n_bytes": manifest.n_bytes,
        }
    )
