from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.errors import CorruptArtifact
from synth_ops.publish.parts import ROW_GROUP, write_parts
from synth_ops.publish.store import LocalStore


def test_no_rows_make_one_part_with_the_schema(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int32(), nullable=False)])
    pq.write_table(schema.empty_table(), tmp_path / "in.parquet")
    (tmp_path / "t").mkdir()

    (file,) = write_parts(LocalStore(), tmp_path / "in.parquet", tmp_path / "t")

    assert file.n_rows == 0
    assert pq.read_schema(tmp_path / file.path) == schema


def test_row_groups_are_of_one_size_whatever_comes_in(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(2 * ROW_GROUP + 7))})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=50_000)
    (tmp_path / "t").mkdir()

    (file,) = write_parts(LocalStore(), tmp_path / "in.parquet", tmp_path / "t")

    meta = pq.read_metadata(tmp_path / file.path)
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [ROW_GROUP, ROW_GROUP, 7]
    assert pq.read_table(tmp_path / file.path) == table


def test_large_tables_are_split_into_parts(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(2 * ROW_GROUP + 7))})
    pq.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "t").mkdir()

    files = write_parts(LocalStore(), tmp_path / "in.parquet", tmp_path / "t", part_bytes=1000)

    assert [f.n_rows for f in files] == [ROW_GROUP, ROW_GROUP, 7]
    assert pa.concat_tables(pq.read_table(tmp_path / f.path) for f in files) == table


def test_dictionaries_and_zones_keep_their_types(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("d", pa.dictionary(pa.int8(), pa.string())),
            ("z", pa.timestamp("us", tz="Europe/Rome")),
            ("s", pa.large_string()),
            ("t", pa.time64("us")),
            ("x", pa.list_(pa.int32())),
        ]
    )
    rows = [{"d": "a", "z": 0, "s": "☃", "t": 1, "x": [1]}, dict.fromkeys("dzstx")]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "in.parquet")
    (tmp_path / "t").mkdir()

    (file,) = write_parts(LocalStore(), tmp_path / "in.parquet", tmp_path / "t")

    assert pq.read_table(tmp_path / file.path) == pq.read_table(tmp_path / "in.parquet")


@pytest.mark.parametrize("n_bytes", [0, 3, 100])
def test_truncated_source_is_named(tmp_path: Path, n_bytes: int) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": range(1000)}), source)
    source.write_bytes(source.read_bytes()[:n_bytes])
    (tmp_path / "t").mkdir()

    with pytest.raises(CorruptArtifact, match=r"in\.parquet must be the Parquet file that `sample` wrote"):
        write_parts(LocalStore(), source, tmp_path / "t")
