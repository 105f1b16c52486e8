"""A sample of a column's different values, uniform whatever their order and number, taken while rows stream by.

Of different values those with the smallest hashes are kept: which are kept depends neither on how often a value stands
nor on where. Of a large table every 32nd row is looked at, of a small one every row. A million rows that all differ
cost .3 s a column, and rows that repeat next to nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_KEPT = 2_000
"""Different values of a column."""
DENSE_ROWS = 32_768
"""A table of so many rows or fewer is looked at whole."""
STEP = 32
"""Of a larger one, one row in so many."""
MOST_CHARACTERS = 500
"""Of a value; what comes after says nothing else of its kind."""


@dataclass(frozen=True)
class Sample:
    """Some of the different values of one column. They are real: they stay in memory, and in this process."""

    values: tuple[str, ...]
    distinct_share: float
    """Different values per row that holds one, 0 to 1."""


class Sampler:
    """Samples of some columns of one table, fed batch by batch in the table's order."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._sparse = {name: _Sketch() for name in columns}
        self._dense = {name: _Sketch() for name in self._sparse}
        self._n_rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Look at a batch."""
        if not self._sparse:
            return
        in_step = pa.array(np.arange(-self._n_rows % STEP, batch.num_rows, STEP))
        n_dense = max(0, DENSE_ROWS - self._n_rows)
        for name, sketch in self._sparse.items():
            array = batch.column(name)
            sketch.update(array.take(in_step))
            if n_dense:
                self._dense[name].update(array.slice(0, n_dense))
        self._n_rows += batch.num_rows

    def samples(self) -> Mapping[str, Sample]:
        """Give what was found so far, by column."""
        sketches = self._dense if self._n_rows <= DENSE_ROWS else self._sparse
        return {name: sketch.sample() for name, sketch in sketches.items()}


def sample_file(path: Path, columns: Sequence[str]) -> Sampler:
    """Sample columns of a private Parquet file, in the order in which its table was read."""
    sampler = Sampler(columns)
    if columns:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(columns)):
                sampler.update(batch)
    return sampler


class _Sketch:
    """The values of the smallest hashes, and how many there must have been."""

    def __init__(self) -> None:
        self._kept: dict[bytes, str] = {}
        self._limit = b"\xff" * 9  # above any hash
        self._n_values = 0

    def update(self, array: pa.Array) -> None:
        self._n_values += len(array) - array.null_count
        for value in pc.unique(array.drop_null()).to_pylist():
            text = str(value)[:MOST_CHARACTERS]
            hashed = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            if hashed < self._limit:
                self._kept[hashed] = text
        if len(self._kept) > MOST_KEPT:
            self._kept = dict(sorted(self._kept.items())[:MOST_KEPT])
            self._limit = max(self._kept)

    def sample(self) -> Sample:
        values = tuple(text for _, text in sorted(self._kept.items()))
        return Sample(values, min(1.0, self._n_distinct() / max(self._n_values, 1)))

    def _n_distinct(self) -> float:
        """Count exactly what was kept whole; else the larger the largest kept hash, the fewer values there were."""
        if len(self._kept) < MOST_KEPT:
            return len(self._kept)
        return MOST_KEPT * 2.0**64 / (int.from_bytes(max(self._kept)) + 1)
