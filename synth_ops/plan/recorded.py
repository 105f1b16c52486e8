"""Plans that earlier nights left."""

from collections.abc import Iterable

from synth_ops.errors import CorruptArtifact
from synth_ops.plan.plan import Plan
from synth_ops.workspace import Workspace, read_record


def newest_plan(nights: Iterable[Workspace]) -> Plan | None:
    """Give the first plan among the nights, which are newest first; one that no longer parses is passed over."""
    for night in nights:
        try:
            plan = read_record(night.plan, Plan)
        except CorruptArtifact:
            continue
        if plan is not None:
            return plan
    return None
