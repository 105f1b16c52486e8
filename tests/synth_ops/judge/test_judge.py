"""Any pair of files is judged, and what cannot be said is said to be so."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synth_ops.errors import PlanError, SourceError
from synth_ops.judge import Judged, Question, judge
from synth_ops.judge.keys import names_of_rows, with_keys
from synth_ops.judge.reading import read_side
from tests.synth_ops.judge.people import draw_people

FEW = 2_500
PUBLIC = "these people are drawn by a test"


def write(folder: Path, name: str, rows: pd.DataFrame) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, index=False)
    return path


def verdicts(result: Judged) -> dict[str, str]:
    return {c.name: c.verdict for c in result.checks}


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return write(tmp_path, "people.parquet", draw_people(FEW, 1))


def test_without_held_out_rows_fidelity_is_judged_and_membership_is_not(tmp_path: Path, real: Path) -> None:
    result = judge(Question(real=real, synthetic=write(tmp_path, "copy.parquet", draw_people(FEW, 3))))
    found = verdicts(result)

    assert result.verdict == "ABSTAIN"
    assert found["expect_column_pairs_to_match_reference"] == "PASS"
    assert found["expect_membership_to_be_uninferable"] == "ABSTAIN"
    assert "give them with --holdout" in next(c.prose for c in result.checks if "membership" in c.name)
    assert not [c for c in result.checks if c.verdict == "FAIL" and c.severity == "critical"]


def test_without_held_out_rows_a_copied_table_is_still_refused(real: Path) -> None:
    result = judge(Question(real=real, synthetic=real))

    assert result.verdict == "FAIL"


def test_csv_is_judged_as_parquet_is(tmp_path: Path, real: Path) -> None:
    copy = write(tmp_path, "copy.csv", draw_people(FEW, 3))

    result = judge(Question(real=real, synthetic=copy, public=PUBLIC))

    assert [c.prose for c in result.checks if c.verdict != "PASS"] == []


def test_columns_in_another_order_and_whole_numbers_as_floats_are_no_fault(tmp_path: Path, real: Path) -> None:
    copy = draw_people(FEW, 3)
    copy = copy.assign(age=copy["age"].astype(float))[list(copy.columns[::-1])]

    result = judge(Question(real=real, synthetic=write(tmp_path, "copy.parquet", copy), public=PUBLIC))

    assert verdicts(result)["expect_table_columns_to_match_source"] == "PASS"


def test_a_target_must_be_as_predictable(tmp_path: Path, real: Path) -> None:
    copy = draw_people(FEW, 3)
    spoilt = copy.assign(job=np.random.default_rng(0).permutation(copy["job"].to_numpy()))
    found = []
    for rows in (copy, spoilt):
        path = write(tmp_path, "copy.parquet", rows)
        found.append(verdicts(judge(Question(real=real, synthetic=path, public=PUBLIC, target="job"))))

    assert [f["expect_column_to_be_as_predictable(job)"] for f in found] == ["PASS", "FAIL"]


def test_the_report_says_the_verdict_and_no_path(tmp_path: Path, real: Path) -> None:
    report = tmp_path / "judged.html"

    result = judge(Question(real=real, synthetic=real, report=report))

    assert result.report == str(report)
    html = report.read_text()
    assert "people" in html
    assert str(tmp_path) not in html


def shop(seed: int) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    n = 1_500
    users = pd.DataFrame({"id": np.arange(n) + 10_000 * seed, "age": rng.integers(18, 80, n)})
    owner = np.repeat(np.arange(n), rng.poisson(2, n))
    spent = (users["age"].to_numpy()[owner] * rng.lognormal(0, 0.2, len(owner))).round(2)
    orders = pd.DataFrame({"order_id": np.arange(len(owner)), "user_id": users["id"].to_numpy()[owner], "spent": spent})
    return {"users": users, "orders": orders}


def write_shop(folder: Path, tables: dict[str, pd.DataFrame]) -> Path:
    for name, rows in tables.items():
        write(folder, f"{name}.parquet", rows)
    return folder


def test_keys_of_files_are_found_and_what_goes_across_them_is_judged(tmp_path: Path) -> None:
    real, honest = write_shop(tmp_path / "real", shop(1)), shop(2)
    dealt = honest["orders"].assign(user_id=np.random.default_rng(0).permutation(honest["orders"]["user_id"]))
    found = []
    for name, orders in (("honest", honest["orders"]), ("dealt", dealt)):
        copy = write_shop(tmp_path / name, honest | {"orders": orders})
        found.append(judge(Question(real=real, synthetic=copy, public=PUBLIC)))

    across = "expect_foreign_key_relations_to_match(user_id->users)"
    assert [verdicts(f)[across] for f in found] == ["PASS", "FAIL"]
    assert verdicts(found[0])["expect_foreign_key_to_resolve(user_id->users)"] == "PASS"
    assert [c.prose for c in found[0].checks if c.verdict != "PASS" and c.severity == "critical"] == []


def test_an_orphan_of_a_key_that_always_resolves_is_refused(tmp_path: Path) -> None:
    copy = shop(2)
    copy["orders"].loc[0, "user_id"] = -1
    folders = write_shop(tmp_path / "real", shop(1)), write_shop(tmp_path / "copy", copy)

    result = judge(Question(real=folders[0], synthetic=folders[1], public=PUBLIC))

    assert verdicts(result)["expect_foreign_key_to_resolve(user_id->users)"] == "FAIL"


def test_names_of_rows_are_told_from_figures(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": range(2000), "code": [f"c{i}" for i in range(2000)], "x": np.linspace(0, 1, 2000)})
    database, read = read_side("REAL", write_shop(tmp_path / "real", {"things": rows}))
    (table,) = with_keys(database, read).tables

    assert table.primary_key == ("id",)
    assert names_of_rows(table, read["things"]) == ("code",)


@pytest.mark.parametrize(
    ("name", "says"),
    [("none.parquet", "there is none"), ("copy.xlsx", "must end in .parquet or .csv"), ("", "both folders")],
)
def test_a_wrong_copy_is_one_clear_error(tmp_path: Path, real: Path, name: str, says: str) -> None:
    (tmp_path / "copy.xlsx").write_text("no table")

    with pytest.raises(PlanError, match=says):
        judge(Question(real=real, synthetic=tmp_path / name if name else real.parent))


def test_held_out_rows_of_another_table_are_refused_by_name(tmp_path: Path, real: Path) -> None:
    other = write(tmp_path, "other.parquet", draw_people(10, 2).drop(columns="age"))

    with pytest.raises(PlanError, match=r"--holdout must have the columns and types of REAL.*'age'"):
        judge(Question(real=real, synthetic=real, holdout=other))


def test_a_target_that_is_not_there_is_refused_with_the_nearest(real: Path) -> None:
    with pytest.raises(PlanError, match=r"incme.*income"):
        judge(Question(real=real, synthetic=real, target="incme"))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, real: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_text("not Parquet")

    with pytest.raises(SourceError):
        judge(Question(real=real, synthetic=broken))
