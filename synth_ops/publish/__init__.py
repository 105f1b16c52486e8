"""Publishing: one immutable snapshot a night, and reading it back."""

from synth_ops.publish.manifest import Manifest, ManifestTable
from synth_ops.publish.snapshot import (
    Snapshot,
    SnapshotSummary,
    SnapshotTable,
    Verified,
    list_snapshots,
    open_snapshot,
    verify_snapshot,
)
from synth_ops.publish.verb import publish

__all__ = [
    "Manifest",
    "ManifestTable",
    "Snapshot",
    "SnapshotSummary",
    "SnapshotTable",
    "Verified",
    "list_snapshots",
    "open_snapshot",
    "publish",
    "verify_snapshot",
]
