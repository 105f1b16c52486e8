"""The verb: a worker measures, the record says whether to publish, and nothing real is shared."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.expectations import write_suites
from synth_ops.records import Check, Sampled, SampledTable, Trained, Validated, verdict_of
from synth_ops.validate import validate
from synth_ops.workspace.files import sha256_of, write_record
from synth_ops.workspace.layout import Workspace
from tests.projects import SALT
from tests.synth_ops.expectations.shop import Shop, draw_shop, honest_copy, shop_plan, with_column

CANARY = "canary-7f3b91"
CANARY_AMOUNT = 98765.43


@pytest.fixture
def real() -> Shop:
    """Plant a canary in a label and in a number of the real rows."""
    shop = draw_shop(1)
    tiers = shop["users"]["tier"].to_pylist()
    amounts = shop["orders"]["amount"].to_pylist()
    tiers[0], amounts[0] = CANARY, CANARY_AMOUNT
    shop["users"] = with_column(shop["users"], "tier", pa.chunked_array([tiers]))
    shop["orders"] = with_column(shop["orders"], "amount", pa.chunked_array([amounts]))
    return shop


def lay_out(root: Path, real: Shop, copy: Shop) -> Workspace:
    """Leave what extract and sample leave."""
    workspace = Workspace(root, "shop", "2026-01-31").prepare()
    plan = shop_plan(root / "suites")
    write_suites(root / "suites", plan, {name: rows.num_rows for name, rows in real.items()})
    write_record(workspace.plan, plan)
    workspace.salt.write_text(SALT)
    sample(workspace, copy)
    for name, rows in real.items():
        pq.write_table(rows, workspace.real(name))
    return workspace


def sample(workspace: Workspace, copy: Shop) -> None:
    tables = []
    for name, rows in copy.items():
        path = workspace.synthetic(name)
        pq.write_table(rows, path)
        tables.append(SampledTable(name=name, path=str(path), n_rows=rows.num_rows, sha256=sha256_of(path)))
    write_record(workspace.record("sample"), Sampled(night=workspace.night, tables=tuple(tables), seconds=0))


def test_an_honest_copy_passes_once_and_shares_no_canary(tmp_path: Path, real: Shop) -> None:
    workspace = lay_out(tmp_path, real, honest_copy(real))

    validated = validate(workspace)

    assert validated.verdict == "PASS", [c.prose for c in validated.checks if c.verdict != "PASS"]
    assert validated.fidelity["orders"]["observed"] < validated.fidelity["orders"]["floor"] + 0.05
    shared = [p for p in workspace.shared_night.rglob("*") if p.is_file()]
    assert {p.name for p in shared} >= {"validated.json", "report.html"}
    assert [p for p in shared if CANARY.encode() in p.read_bytes() or b"98765" in p.read_bytes()] == []

    workspace.report.unlink()
    assert validate(workspace).verdict == "PASS"
    assert workspace.report.exists()

    before = workspace.record("validate").stat().st_mtime_ns
    assert validate(workspace).checks == validated.checks
    assert workspace.record("validate").stat().st_mtime_ns == before


def test_another_copy_is_measured_again(tmp_path: Path, real: Shop) -> None:
    copy = honest_copy(real)
    workspace = lay_out(tmp_path, real, copy)
    validate(workspace)
    sample(workspace, copy | {"users": copy["users"].slice(0, 700)})

    validated = validate(workspace)

    assert validated.verdict == "FAIL"
    assert any(
        c.name == "expect_foreign_key_to_resolve(user_id->users)" and c.verdict == "FAIL" for c in validated.checks
    )


def test_nothing_sampled_is_said(tmp_path: Path, real: Shop) -> None:
    workspace = lay_out(tmp_path, real, honest_copy(real))
    workspace.record("sample").unlink()

    with pytest.raises(PlanError, match="synth-ops sample"):
        validate(workspace)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "ABSTAIN"),
        ([("critical", "PASS"), ("warning", "FAIL")], "PASS"),
        ([("critical", "PASS"), ("warning", "ABSTAIN")], "PASS"),
        ([("critical", "ABSTAIN"), ("critical", "PASS")], "ABSTAIN"),
        ([("critical", "ABSTAIN"), ("critical", "FAIL")], "FAIL"),
    ],
)
def test_the_worst_blocking_verdict_wins(verdicts: list[tuple[str, str]], expected: str) -> None:
    checks = [Check(table="t", name="c", severity=s, verdict=v, prose="") for s, v in verdicts]

    assert verdict_of(checks) == expected


def test_the_record_is_json_all_through(tmp_path: Path, real: Shop) -> None:
    validated = validate(lay_out(tmp_path, real, honest_copy(real)))

    assert Validated.model_validate_json(validated.model_dump_json()) == validated


def test_a_copy_is_not_measured_under_another_salt_than_its_models(tmp_path: Path, real: Shop) -> None:
    """Rows that a model has seen would pass for held-out ones, and nothing would look copied."""
    workspace = lay_out(tmp_path, real, honest_copy(real))
    write_record(workspace.record("train"), Trained(night=workspace.night, tables=(), salt="another", seconds=0))

    with pytest.raises(PlanError, match="synth-ops train --night 2026-01-31") as caught:
        validate(workspace)
    assert workspace.salt.read_text().strip() not in str(caught.value)


def test_a_copy_is_not_measured_without_the_salt(tmp_path: Path, real: Shop) -> None:
    workspace = lay_out(tmp_path, real, honest_copy(real))
    workspace.salt.unlink()

    with pytest.raises(CorruptArtifact, match="salt"):
        validate(workspace)
    assert not workspace.salt.exists()
