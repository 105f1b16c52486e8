"""synth-ops keeps a synthetic copy of a production database fresh."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth_ops.publish.snapshot import Snapshot, SnapshotTable, list_snapshots, open_snapshot, verify_snapshot

__version__ = "0.1.0"
__all__ = ["Snapshot", "SnapshotTable", "__version__", "list_snapshots", "open_snapshot", "verify_snapshot"]


def __getattr__(name: str) -> object:
    # Looked up on first use: importing the package must not take the time that Arrow takes.
    if name in __all__:
        return getattr(import_module("synth_ops.publish.snapshot"), name)
    raise AttributeError(f"module 'synth_ops' has no attribute {name!r}")
