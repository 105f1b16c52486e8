"""Steps as orchestrators take them: each in a worker, tables trained by themselves."""

from pathlib import Path
from typing import Any, cast

import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import load_config
from synth_ops.records import ProgressEvent, Published, Record, Refreshed, Step, Trained, TrainedTable, Validated
from synth_ops.refresh import refresh, workspace_of
from synth_ops.steps import StepCall, observe_spec, read_step, step_spec
from synth_ops.worker import run_job
from synth_ops.worker.launch import job_files
from synth_ops.workspace import read_record
from synth_ops.workspace.lock import locked
from tests.projects import files_of
from tests.synth_ops.shop import build_shop

NIGHT = "2026-01-30"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    """Give what the command line makes of the shop."""
    return refresh(load_config(build_shop(tmp_path_factory.mktemp("whole"))), NIGHT)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Record]]:
    """Take a night of the same shop step by step, the tables in an order of their own."""
    plan = build_shop(tmp_path_factory.mktemp("taken"))
    calls = {
        "extract": StepCall("extract", NIGHT),
        "orders": StepCall("train", NIGHT, table="orders"),
        "users": StepCall("train", NIGHT, table="users"),
        "sample": StepCall("sample", NIGHT, tables=()),
        "validate": StepCall("validate", NIGHT, tables=()),
        "publish": StepCall("publish", NIGHT, tables=()),
    }
    return plan, {name: take(plan, call) for name, call in calls.items()}


def take(plan: Path, call: StepCall, **more: Any) -> Record:
    config = load_config(plan)
    spec = step_spec(call, config, plan)
    spec.workspace.prepare()
    return read_step(call, run_job(spec, still_holds=lambda _: False, **more))


@pytest.mark.slow
def test_steps_and_the_command_line_publish_the_same_bytes(whole: Refreshed, taken: tuple[Path, Any]) -> None:
    published = cast("Published", taken[1]["publish"])

    assert published.snapshot == whole.snapshot
    assert files_of(Path(published.path)) == files_of(Path(whole.path))


@pytest.mark.slow
def test_tables_trained_by_themselves_are_put_together_as_they_were_decided(taken: tuple[Path, Any]) -> None:
    plan, records = taken
    trained = read_record(workspace_of(load_config(plan), NIGHT).record("train"), Trained)

    assert trained is not None
    assert {t.name: t for t in trained.tables} == {name: records[name] for name in ("users", "orders")}
    assert {t.decision for t in trained.tables} == {"retrain"}


@pytest.mark.slow
def test_a_step_taken_again_does_nothing_anew(taken: tuple[Path, Any]) -> None:
    plan, records = taken
    published = cast("Published", take(plan, StepCall("publish", NIGHT, tables=())))

    assert take(plan, StepCall("train", NIGHT, table="users")) == records["users"]
    assert published.snapshot == records["publish"].snapshot


@pytest.mark.slow
def test_the_last_step_alone_takes_all_before_it(whole: Refreshed, tmp_path: Path) -> None:
    published = cast("Published", take(build_shop(tmp_path), StepCall("publish", NIGHT, tables=())))

    assert published.snapshot == whole.snapshot


@pytest.mark.slow
def test_a_refused_copy_is_a_record_for_who_validates_and_an_error_for_who_publishes(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    suite = tmp_path / "expectations" / "shop" / "users.json"
    impossible = '{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 7}, "severity": "critical"},'
    suite.write_text(suite.read_text().replace('"expectations": [', f'"expectations": [{impossible}'))
    validated = cast("Validated", take(plan, StepCall("validate", NIGHT, tables=())))

    assert validated.verdict == "FAIL"
    with pytest.raises(Exception, match="expect_table_row_count_to_equal") as refused:
        take(plan, StepCall("publish", NIGHT, tables=()))
    assert type(refused.value).__name__ == "GateRefused"


@pytest.mark.slow
def test_a_step_waits_for_who_holds_the_dataset_and_says_for_whom(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    told: list[ProgressEvent] = []
    with locked(workspace_of(load_config(plan), NIGHT)), pytest.raises(PlanError, match="One refresh of dataset"):
        take(plan, StepCall("extract", NIGHT, wait_seconds=1), progress=told.append)

    assert [e.phase for e in told if e.phase.startswith("waiting, for process")]


@pytest.mark.parametrize("step", ["extract", "train", "sample", "validate", "publish"])
def test_a_spec_holds_no_secret_and_lies_beyond_what_publishing_deletes(step: Step, tmp_path: Path) -> None:
    plan = tmp_path / "synth.yaml"
    plan.write_text("dataset: shop\nsource: ${PROD_URL}\npublish: out\n")
    spec = step_spec(StepCall(step, NIGHT), load_config(plan), plan)

    assert "PROD_URL" not in spec.model_dump_json()
    assert job_files(spec).spec.parent == spec.workspace.steps


def test_a_table_that_is_not_in_the_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="nobody"):
        take(build_shop(tmp_path), StepCall("train", NIGHT, table="nobody"))


def test_production_is_looked_at_in_a_worker(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    spec = observe_spec(load_config(plan), plan)
    spec.workspace.prepare()
    seen = run_job(spec, still_holds=lambda _: False)

    assert {t["name"]: t["n_rows"] for t in seen["tables"]} == {"users": 100, "orders": 200}


def test_a_training_is_read_as_one_table_and_a_step_as_all() -> None:
    one = TrainedTable(name="users", decision="reuse", reason="nothing changed")
    all_of_them = Trained(night=NIGHT, tables=(one,), seconds=1.0)

    assert read_step(StepCall("train", NIGHT, table="users"), one.model_dump(mode="json")) == one
    assert read_step(StepCall("train", NIGHT), all_of_them.model_dump(mode="json")) == all_of_them


@pytest.mark.slow
def test_a_table_is_trained_while_another_is(taken: tuple[Path, Any]) -> None:
    plan, records = taken
    with locked(workspace_of(load_config(plan), NIGHT), table="orders"):
        assert take(plan, StepCall("train", NIGHT, table="users", wait_seconds=0)) == records["users"]
