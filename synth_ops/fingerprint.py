"""What tonight's rows are, in 64 hex digits: the policy's evidence that nothing changed."""

import hashlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.schema import Table


class Fingerprint:
    """A running sha256 over one table's schema and rows.

    Every column feeds streams of its own: one byte a row that says whether there is a value, the values with zero for
    null, and for text the lengths apart from the bytes. The digests are joined at the end, so the result depends on
    the rows and their order, and not on how they were cut into batches.
    """

    def __init__(self, table: Table) -> None:
        self._schema = table.model_dump_json(exclude=_PROSE).encode()
        self._streams: dict[str, hashlib._Hash] = {}
        self._n_rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows."""
        self._n_rows += batch.num_rows
        for position, column in enumerate(batch.columns):
            self._feed(f"{position}", column)

    def hexdigest(self) -> str:
        """Give the digest of the schema and of all rows so far."""
        whole = hashlib.sha256(self._schema)
        whole.update(str(self._n_rows).encode())
        for name in sorted(self._streams) if self._n_rows else ():
            whole.update(name.encode() + self._streams[name].digest())
        return whole.hexdigest()

    def _feed(self, name: str, array: pa.Array) -> None:
        self._absorb(f"{name}:valid", array.is_valid().cast(pa.uint8()))
        dtype: pa.DataType = array.type
        if pa.types.is_list(dtype):
            self._absorb(f"{name}:length", pc.fill_null(pc.list_value_length(array), 0))
            self._feed(f"{name}:item", array.flatten())
        elif pa.types.is_string(dtype) or pa.types.is_binary(dtype):
            self._absorb(f"{name}:length", pc.fill_null(pc.binary_length(array), 0))
            self._stream(f"{name}:bytes").update(b"".join(_text_bytes(array)))
        elif not pa.types.is_null(dtype):
            self._absorb(f"{name}:value", _zero_filled(array))

    def _absorb(self, name: str, array: pa.Array) -> None:
        """Hash a null-free array of fixed width."""
        width = array.type.bit_width // 8
        start = array.offset * width
        self._stream(name).update(memoryview(array.buffers()[1])[start : start + len(array) * width])

    def _stream(self, name: str) -> "hashlib._Hash":
        return self._streams.setdefault(name, hashlib.sha256())


def fingerprint(table: Table, batches: Iterable[pa.RecordBatch]) -> str:
    """Give the fingerprint of a table's rows, the same however they are cut into batches."""
    running = Fingerprint(table)
    for batch in batches:
        running.update(batch)
    return running.hexdigest()


def _text_bytes(array: pa.Array) -> Iterable[bytes]:
    """Give the bytes of all values on end; those under nulls are dropped."""
    present = array.drop_null()
    if len(present) == 0:
        return
    offsets = memoryview(present.buffers()[1]).cast("i")
    start, stop = offsets[present.offset], offsets[present.offset + len(present)]
    if stop > start:
        yield bytes(memoryview(present.buffers()[2])[start:stop])


def _zero_filled(array: pa.Array) -> pa.Array:
    """Give the array with byte-wide values and zero bits for nulls."""
    if pa.types.is_boolean(array.type):
        return pc.fill_null(array, fill_value=False).cast(pa.uint8())
    if array.null_count == 0:
        return array
    present = array.is_valid()
    zero = pa.Array.from_buffers(array.type, 1, [None, pa.py_buffer(bytes(array.type.bit_width // 8))])
    return pc.if_else(present, array, zero[0])


_PROSE: Any = {"comment": True, "columns": {"__all__": {"comment", "note"}}}
"""What a person writes about a table changes no row of it."""
