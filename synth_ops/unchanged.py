"""Whether a night would publish what is published: nothing changed in production, nor in what is asked of it."""

from pathlib import Path

from synth_ops.errors import CorruptArtifact
from synth_ops.plan.plan import Plan
from synth_ops.records import Extracted, Published
from synth_ops.workspace import Workspace, read_record


def unchanged_since(workspace: Workspace) -> Published | None:
    """Give the last published night's snapshot, if it was made of just these rows by just this plan, and is there."""
    for earlier in workspace.earlier_nights():
        published = _read_published(earlier)
        if published is not None:
            return published if _is_same(workspace, earlier) and is_there(published) else None
    return None


def _read_published(night: Workspace) -> Published | None:
    try:
        return read_record(night.record("publish"), Published)
    except CorruptArtifact:
        return None


def _is_same(tonight: Workspace, earlier: Workspace) -> bool:
    records = [(read_record(n.plan, Plan), read_record(n.record("extract"), Extracted)) for n in (tonight, earlier)]
    (plan, rows), (plan_then, rows_then) = records
    if plan is None or rows is None or plan_then is None or rows_then is None:
        return False
    return plan.hash == plan_then.hash and rows.fingerprint == rows_then.fingerprint


def is_there(published: Published) -> bool:
    """Tell whether the snapshot is still where it was published; a remote one is believed to be."""
    return "://" in published.path or (Path(published.path) / "manifest.json").is_file()
