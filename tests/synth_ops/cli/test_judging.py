"""What `judge` prints, and what it exits with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from synth_ops.cli.app import app
from tests.synth_ops.judge.people import draw_people

PUBLIC = ("--public", "these people are drawn by a test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    for name, seed in (("people", 1), ("honest", 3)):
        draw_people(2_500, seed).to_parquet(folder / f"{name}.parquet", index=False)
    spoilt = draw_people(2_500, 3).assign(income=lambda rows: rows["income"] * 1000)
    spoilt.to_parquet(folder / "spoilt.parquet", index=False)
    return folder


def run(folder: Path, copy: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["judge", str(folder / "people.parquet"), str(folder / copy), "--quiet", *words])


def test_an_honest_copy_of_public_rows_exits_0(folder: Path) -> None:
    done = run(folder, "honest.parquet", *PUBLIC)

    assert done.exit_code == 0, done.output
    assert "verdict   PASS" in done.output


def test_a_spoilt_copy_exits_1_and_says_which_check_found_what(folder: Path) -> None:
    done = run(folder, "spoilt.parquet", *PUBLIC)

    assert done.exit_code == 1
    assert "verdict   FAIL" in done.output
    assert "expect_column_shape_to_match_reference(income)" in done.output
    assert "The distribution of income must be production's" in done.output


def test_what_cannot_be_measured_exits_1_unless_it_is_allowed(folder: Path) -> None:
    assert run(folder, "honest.parquet").exit_code == 1
    allowed = run(folder, "honest.parquet", "--allow-abstain")

    assert allowed.exit_code == 0
    assert "verdict   ABSTAIN" in allowed.output


def test_json_is_the_record_alone(folder: Path) -> None:
    done = run(folder, "honest.parquet", *PUBLIC, "--json")
    record = json.loads(done.stdout)

    assert record["verdict"] == "PASS"
    assert record["n_rows"] == {"people": 2_500}
    assert {"table", "name", "verdict", "observed", "floor", "limit", "prose"} <= set(record["checks"][0])


def test_a_wrong_path_exits_2(folder: Path) -> None:
    done = run(folder, "gone.parquet")

    assert done.exit_code == 2
    assert "Correct the path" in " ".join(done.output.split())
