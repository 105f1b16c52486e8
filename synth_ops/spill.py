"""Rows on their way to Parquet: written in order, group by group, and kept on disk where they must wait."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.shards import CHUNK

MAX_ROW_GROUP = 8 * CHUNK
"""Rows of a group in Parquet."""
_GROUP_CELLS = 512 * CHUNK
"""Values of a group in Parquet, about: groups of a wide table hold fewer chunks."""


class Spill:
    """Columns that nothing asks for until their table is written, in one file, a batch for each chunk of rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Put a chunk at the end; every chunk has the same columns, and none is kept of no columns."""
        if not columns:
            return
        batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        if self._writer is None:
            # Chunks of a column of categories may each have other categories: a stream may change them, a file not.
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_stream(str(self._path), batch.schema, options=options)
        self._writer.write_batch(batch)

    def chunks(self) -> Iterator[Mapping[str, pa.Array]]:
        """Give the chunks back, in order; without end where they have no columns."""
        if self._writer is None:
            while True:
                yield {}
        self._writer.close()
        with pa.OSFile(str(self._path)) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                yield dict(zip(batch.schema.names, batch.columns, strict=True))

    def delete(self) -> None:
        """Leave nothing on disk."""
        if self._writer is not None:
            self._writer.close()
        with suppress(FileNotFoundError):
            self._path.unlink()


def row_group_of(n_columns: int) -> int:
    """Give the rows of a group in Parquet, a whole number of chunks.

    >>> row_group_of(15) // CHUNK, row_group_of(2000) // CHUNK
    (8, 1)
    """
    return max(CHUNK, min(MAX_ROW_GROUP, _GROUP_CELLS // max(n_columns, 1) // CHUNK * CHUNK))


def write_parquet(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables one after another, a group of rows at a time; give the number of rows."""
    row_group = row_group_of(len(schema))
    held: list[pa.Table] = []
    n_held = n_rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            held.append(table)
            n_held += table.num_rows
            n_rows += table.num_rows
            while n_held >= row_group:
                whole = pa.concat_tables(held)
                writer.write_table(whole.slice(0, row_group), row_group_size=row_group)
                held, n_held = [whole.slice(row_group)], n_held - row_group
        if n_held or not n_rows:
            writer.write_table(pa.concat_tables(held) if held else schema.empty_table(), row_group_size=row_group)
    return n_rows
