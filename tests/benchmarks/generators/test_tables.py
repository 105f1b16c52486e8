from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generators.errors import NotReady
from generators.tables import find_table, split


def test_a_split_is_four_to_one_and_loses_no_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": range(100), "y": [0, 1] * 50}), tmp_path / "toy.parquet")
    (tmp_path / "parts").mkdir()

    parts = split(tmp_path / "toy.parquet", tmp_path / "parts")

    train, holdout = (pq.read_table(p)["id"].to_pylist() for p in (parts.train, parts.holdout))
    assert (len(train), len(holdout)) == (80, 20)
    assert sorted(train + holdout) == list(range(100))
    assert parts.target == "y"


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"must hold adult\.parquet, however .* does not"):
        find_table(tmp_path, "adult")
