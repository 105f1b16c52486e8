from pathlib import Path

import pytest

from synth_ops.expectations.rules import RULES
from synth_ops.records import Check, Trained, TrainedTable, Validated
from synth_ops.verdicts import LEARNED, heed_verdict, refusal_of
from synth_ops.workspace import Workspace, write_record

SHAPE = "expect_column_shape_to_match_reference(total)"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "shop", "2026-01-01").prepare()


def train(workspace: Workspace, decision: str, model_id: str = "m") -> None:
    table = TrainedTable.model_validate({"name": "orders", "decision": decision, "reason": "", "model_id": model_id})
    copied = TrainedTable(name="colours", decision="copy", reason="")
    write_record(workspace.record("train"), Trained(night=workspace.night, tables=(table, copied), seconds=0))


def heed(workspace: Workspace, *checks: tuple[str, str, str, str]) -> None:
    found = tuple(
        Check.model_validate({"table": t, "name": n, "severity": s, "verdict": v, "prose": ""}) for t, n, s, v in checks
    )
    validated = Validated(night=workspace.night, verdict="FAIL", checks=found, fidelity={}, report="", seconds=0)
    heed_verdict(workspace, validated)


def test_the_checks_that_blame_a_model_are_checks_of_ours() -> None:
    assert set(RULES) > LEARNED


def test_a_model_is_marked_with_what_was_done_and_what_failed(workspace: Workspace) -> None:
    train(workspace, "finetune")

    heed(workspace, ("orders", SHAPE, "critical", "FAIL"), ("colours", SHAPE, "critical", "FAIL"))

    marked = refusal_of(workspace, "orders")
    assert marked is not None
    assert (marked.model_id, marked.decision, marked.checks) == ("m", "finetune", (SHAPE,))
    assert refusal_of(workspace, "colours") is None


@pytest.mark.parametrize(
    "check",
    [
        ("orders", SHAPE, "warning", "FAIL"),
        ("orders", SHAPE, "critical", "ABSTAIN"),
        ("orders", "expect_foreign_key_to_resolve(user_id->users)", "critical", "FAIL"),
        ("users", SHAPE, "critical", "FAIL"),
    ],
)
def test_a_model_is_not_blamed_for_what_is_none_of_its_doing(
    workspace: Workspace, check: tuple[str, str, str, str]
) -> None:
    train(workspace, "finetune")

    heed(workspace, check)

    assert refusal_of(workspace, "orders") is None


def test_steps_up_end_though_a_refused_model_is_used_again(workspace: Workspace) -> None:
    train(workspace, "retrain")
    heed(workspace, ("orders", SHAPE, "critical", "FAIL"))
    train(workspace, "reuse")
    heed(workspace, ("orders", SHAPE, "critical", "FAIL"))

    again = refusal_of(workspace, "orders")
    train(workspace, "finetune", model_id="other")
    heed(workspace, ("orders", SHAPE, "critical", "FAIL"))
    other = refusal_of(workspace, "orders")

    assert again is not None
    assert other is not None
    assert (again.decision, other.decision) == ("retrain", "finetune")


def test_a_copy_that_passes_takes_the_mark_away(workspace: Workspace) -> None:
    train(workspace, "finetune")
    heed(workspace, ("orders", SHAPE, "critical", "FAIL"))

    heed(workspace, ("orders", SHAPE, "critical", "PASS"))

    assert refusal_of(workspace, "orders") is None
