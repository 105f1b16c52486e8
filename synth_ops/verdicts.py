"""What the gate thought of each model's copy, left for the policy of the nights to come."""

from collections.abc import Iterator

from synth_ops.expectations.rules import RULES
from synth_ops.policy import Refusal
from synth_ops.records import Check, Decision, Trained, TrainedTable, Validated
from synth_ops.workspace import Workspace, read_record, write_record

NOT_LEARNED = frozenset({"structure", "keys", "sequences"})
"""Groups of checks whose findings are not one model's doing."""
LEARNED = frozenset(name for name, rule in RULES.items() if rule.group not in NOT_LEARNED) | {
    "expect_foreign_key_nulls_to_match",
    "expect_foreign_key_orphans_to_match",
}
"""Checks of fidelity and privacy: what they find is a model's doing. Keys, types and counts are not."""
_EFFORT: tuple[Decision, ...] = ("reuse", "finetune", "retrain")


def heed_verdict(workspace: Workspace, validated: Validated) -> None:
    """Mark the models whose copy the gate refused, and unmark those that it let pass."""
    trained = read_record(workspace.record("train"), Trained)
    for table in trained.tables if trained else ():
        if table.model_id is None:
            continue
        blamed = tuple(_blamed(validated.checks, table.name))
        path = workspace.models(table.name) / "refused.json"
        if blamed:
            write_record(path, _refusal(refusal_of(workspace, table.name), table, blamed))
        else:
            path.unlink(missing_ok=True)


def refusal_of(workspace: Workspace, table: str) -> Refusal | None:
    """Give the mark on a table's model, if there is one."""
    return read_record(workspace.models(table) / "refused.json", Refusal)


def _blamed(checks: tuple[Check, ...], table: str) -> Iterator[str]:
    for check in checks:
        is_of_model = check.table == table and check.name.partition("(")[0] in LEARNED
        if is_of_model and check.severity == "critical" and check.verdict == "FAIL":
            yield check.name


def _refusal(before: Refusal | None, table: TrainedTable, checks: tuple[str, ...]) -> Refusal:
    """Keep the most that was done for this model's copies, so that the steps up come to an end."""
    done = [table.decision]
    if before is not None and before.model_id == table.model_id:
        done.append(before.decision)
    decision = max(done, key=_EFFORT.index)
    return Refusal(model_id=str(table.model_id), decision=decision, checks=checks)
