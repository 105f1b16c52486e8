"""Folders of Parquet and of CSV files."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import PlanError, SourceError
from synth_ops.source import open_source


def read(url: str) -> dict[str, list[dict[str, Any]]]:
    with open_source(url) as source:
        tables = source.database().tables
        return {t.name: pa.Table.from_batches(source.batches(t), arrow_schema(t)).to_pylist() for t in tables}


def types(url: str) -> dict[str, str]:
    with open_source(url) as source:
        return {c.name: c.arrow_type for c in source.database().tables[0].columns}


def test_each_file_or_folder_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "many" / "1.parquet")
    pq.write_table(pa.table({"a": [2]}), tmp_path / "many" / "2.parquet")
    pq.write_table(pa.table({"b": ["x"]}), tmp_path / 'on"e; drop.parquet')

    expected = {"many": [{"a": 1}, {"a": 2}], 'on"e; drop': [{"b": "x"}]}

    assert read(f"parquet:{tmp_path}") == expected
    assert read(str(tmp_path)) == expected


def test_parquet_types_are_kept_and_rich_ones_made_flat(tmp_path: Path) -> None:
    table = pa.table(
        {
            "kind": pa.array(["x", None]).dictionary_encode(),
            "price": pa.array([Decimal("1.5"), None], pa.decimal128(5, 1)),
            "at": pa.array([dt.datetime(2024, 1, 1), None], pa.timestamp("ms", "Europe/Paris")),
            "small": pa.array([1, None], pa.uint8()),
            "tags": pa.array([["a"], None], pa.list_(pa.string())),
            "nested": pa.array([{"k": 1}, None]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    assert types(f"parquet:{tmp_path}") == {
        "kind": "string",
        "price": "decimal128(5, 1)",
        "at": "timestamp[ms, tz=Europe/Paris]",
        "small": "uint8",
        "tags": "list<string>",
        "nested": "string",
    }
    assert read(f"parquet:{tmp_path}")["t"][0]["nested"] == '{"k": 1}'


def test_csv_types_fit_every_row(tmp_path: Path) -> None:
    late = "\n".join(f"{i},0,2024-01-01,,x" for i in range(30_000))
    (tmp_path / "t.csv").write_text(f'n,code,day,empty,s\n{late}\n1.5,012,2024-02-29,,"say ""hi"", ñ"\n')

    found = read(f"csv:{tmp_path}")["t"]

    assert types(f"csv:{tmp_path}") == {
        "n": "double",
        "code": "string",
        "day": "date32",
        "empty": "string",
        "s": "string",
    }
    assert found[-1] == {"n": 1.5, "code": "012", "day": dt.date(2024, 2, 29), "empty": None, "s": 'say "hi", ñ'}


def test_quotes_first_seen_in_a_later_file_are_quotes(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "t" / "2.csv").write_text('a,b\n2,"y""z"\n')

    assert read(f"csv:{tmp_path}") == {"t": [{"a": 1, "b": "x"}, {"a": 2, "b": 'y"z'}]}


def test_truncated_parquet_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(9000))}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SourceError, match=r"'t' must be Parquet, however .*t\.parquet"):
        read(f"parquet:{tmp_path}")


def test_file_removed_before_its_read_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")

    with open_source(f"parquet:{tmp_path}") as source:
        table = source.database().table("t")
        (tmp_path / "t.parquet").unlink()
        with pytest.raises(SourceError, match="'t' must stay while it is read"):
            list(source.batches(table))


@pytest.mark.parametrize("scheme", ["parquet", "csv"])
def test_empty_or_missing_folder_is_explained(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(SourceError, match="holds none"):
        read(f"{scheme}:{tmp_path}")
    with pytest.raises(SourceError, match="existing folder"):
        read(f"{scheme}:{tmp_path}/none")


def test_two_files_of_one_table_name_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.pq")

    with pytest.raises(PlanError, match="'t' has two"):
        read(f"parquet:{tmp_path}")
