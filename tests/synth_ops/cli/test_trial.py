import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

ROWS = pa.table({"city": ["Lyon", "Oslo", "Bari"] * 30, "price": [float(i % 17) for i in range(90)]})


@pytest.mark.slow
def test_same_seed_gives_the_same_file_in_either_format(tmp_path: Path) -> None:
    source = tmp_path / "houses.parquet"
    pq.write_table(ROWS, source)
    for target in ("a.parquet", "b.csv"):
        assert _copy(source, tmp_path / target, "--rows", "50", "--seed", "7").returncode == 0
    made, read_back = pq.read_table(tmp_path / "a.parquet"), pyarrow.csv.read_csv(tmp_path / "b.csv")

    assert made.schema.types == ROWS.schema.types
    assert made.num_rows == 50
    assert read_back.to_pydict() == made.to_pydict()


def test_other_formats_are_refused(tmp_path: Path) -> None:
    done = _copy(tmp_path / "x.xlsx", tmp_path / "y.csv")

    assert done.returncode == 2
    assert ".parquet or .csv" in done.stderr


def test_missing_file_is_named(tmp_path: Path) -> None:
    done = _copy(tmp_path / "none.csv", tmp_path / "y.csv")

    assert done.returncode == 2
    assert "none.csv" in done.stderr


def _copy(source: Path, target: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "synth_ops", "copy", str(source), str(target), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_looks_personal_is_made_up_and_said(tmp_path: Path) -> None:
    source, target = tmp_path / "people.parquet", tmp_path / "made.parquet"
    contacts = [f"canary{i}@shop.example" for i in range(60)]
    pq.write_table(pa.table({"contact": contacts, "plan": ["free", "paid"] * 30}), source)
    done = _copy(source, target, "--quiet")

    assert done.returncode == 0, done.stderr
    assert "contact: not learned but {fake: email}, for 100% of its values look like e-mail addresses" in done.stdout
    assert not set(pq.read_table(target)["contact"].to_pylist()) & set(contacts)
    assert "canary" not in done.stdout + done.stderr
