"""Parquet files as a snapshot holds them: page checksums, one compression, one row-group size, whatever came in."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.errors import CorruptArtifact, PublishError
from synth_ops.publish.manifest import ManifestFile
from synth_ops.publish.store import HashedFile, LocalStore

ROW_GROUP = 131_072
PART_BYTES = 128 * 2**20
"""A part is closed by the row group that takes it past this."""


def write_parts(
    store: LocalStore,
    source: Path,
    folder: Path,
    *,
    part_bytes: int = PART_BYTES,
    wrote: Callable[[int], None] = lambda _rows: None,
) -> tuple[ManifestFile, ...]:
    """Write a table's rows again as parts in a folder, each flushed, read back from the disk and compared.

    Raises:
        CorruptArtifact: the source is not a whole Parquet file.
        PublishError: a part could not be written, or the disk gives back other bytes.
    """
    with _open(source) as file:
        groups = _groups(file, source)
        schema, group = file.schema_arrow, next(groups, None)
        written: list[ManifestFile] = []
        for number in count():
            path = folder / f"part-{number:05d}.parquet"
            with store.writing(path) as sink:
                n_rows = 0
                with _writer(sink, schema) as writer:
                    while group is not None and (n_rows == 0 or sink.tell() < part_bytes):
                        writer.write_table(group, row_group_size=ROW_GROUP)
                        n_rows += group.num_rows
                        wrote(group.num_rows)
                        group = next(groups, None)
            written.append(_read_back(store, path, n_rows, sink.sha256.hexdigest()))
            if group is None:
                return tuple(written)
    raise AssertionError("unreachable: the count has no end")


def _open(source: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        raise _corrupt(source) from None


def _writer(sink: HashedFile, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True, write_page_index=True)


def _groups(file: pq.ParquetFile, source: Path) -> Iterator[pa.Table]:
    """Give the rows in tables of one row group each, whatever groups the source has."""
    kept: list[pa.RecordBatch] = []
    held = 0
    for batch in _batches(file, source):
        rest = batch
        while held + rest.num_rows >= ROW_GROUP:
            cut = ROW_GROUP - held
            yield pa.Table.from_batches([*kept, rest.slice(0, cut)])
            kept, held, rest = [], 0, rest.slice(cut)
        if rest.num_rows:
            kept, held = [*kept, rest], held + rest.num_rows
    if kept:
        yield pa.Table.from_batches(kept)


def _batches(file: pq.ParquetFile, source: Path) -> Iterator[pa.RecordBatch]:
    batches = file.iter_batches(ROW_GROUP)
    while True:
        try:
            batch = next(batches, None)
        except (OSError, pa.ArrowException):
            raise _corrupt(source) from None
        if batch is None:
            return
        yield batch


def _read_back(store: LocalStore, path: Path, n_rows: int, sha256: str) -> ManifestFile:
    if store.sha256(path) != sha256:
        raise PublishError(
            f"{path} must read back from the disk as it was written, however its sha256 differs."
            " Check the disk's health, and run `synth-ops publish` again; the last good snapshot is untouched."
        )
    name = f"{path.parent.name}/{path.name}"
    return ManifestFile(path=name, n_bytes=path.stat().st_size, n_rows=n_rows, sha256=sha256)


def _corrupt(source: Path) -> CorruptArtifact:
    return CorruptArtifact(
        f"{source} must be the Parquet file that `sample` wrote, however it is truncated or altered."
        " Delete it with the night's sampled.json, and run `synth-ops refresh` again: the step will be redone."
    )
