from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.shards import CHUNK
from synth_ops.spill import Spill, write_parquet

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])


def counted(*lengths: int) -> Iterator[pa.Table]:
    ends = np.cumsum([0, *lengths])
    return (pa.table({"n": np.arange(a, b)}, schema=SCHEMA) for a, b in pairwise(ends))


def group_sizes(path: Path) -> list[int]:
    found = pq.read_metadata(path)
    return [found.row_group(i).num_rows for i in range(found.num_row_groups)]


@pytest.mark.parametrize("lengths", [(), (0,), (7,), (CHUNK,) * 9, (CHUNK - 3,) * 10, (20 * CHUNK,)])
def test_rows_come_back_in_order_in_groups_of_eight_chunks(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    path = tmp_path / "t.parquet"

    n_rows = write_parquet(path, SCHEMA, counted(*lengths))

    assert n_rows == sum(lengths)
    assert pq.read_table(path).column("n").to_pylist() == list(range(n_rows))
    assert all(size == 8 * CHUNK for size in group_sizes(path)[:-1])


def test_a_spill_gives_chunks_back_whose_categories_differ(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "t.arrows")
    for names in (["a", "b", "a"], ["c", None, "c"]):
        spill.add({"name": pa.array(names).dictionary_encode(), "n": pa.array([1, 2, 3])})

    found = list(spill.chunks())

    assert [c["name"].to_pylist() for c in found] == [["a", "b", "a"], ["c", None, "c"]]
    assert [c["n"].to_pylist() for c in found] == [[1, 2, 3]] * 2


def test_chunks_of_no_columns_need_no_file(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "t.arrows")
    spill.add({})

    assert list(islice(spill.chunks(), 3)) == [{}, {}, {}]
    assert not list(tmp_path.iterdir())


def test_a_deleted_spill_leaves_no_file(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "t.arrows")
    spill.add({"n": pa.array([1])})

    spill.delete()

    assert not list(tmp_path.iterdir())
