"""synth-ops keeps a synthetic copy of a production database fresh.

Read what was published::

    users = synth_ops.open_snapshot("./snapshots", "shop").table("users").to_pandas()

Ask a model of one table::

    model = synth_ops.open_model(".synth-ops", "shop", "users")
    model.sample(1_000, given={"plan": "pro"})
    model.impute(users_with_nulls)
    model.rebalance(1_000, "plan", {"pro": 0.5, "free": 0.5})

Make it: ``from synth_ops.refresh import refresh``, with what `load_config` gives. A night's verbs are modules of
their own names, so they are imported from there.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth_ops.errors import SynthOpsError
    from synth_ops.plan import load_config
    from synth_ops.publish import Snapshot, SnapshotTable, list_snapshots, open_snapshot, verify_snapshot
    from synth_ops.what_if import OpenModel, open_model

__version__ = "0.1.0"
__all__ = [
    "OpenModel",
    "Snapshot",
    "SnapshotTable",
    "SynthOpsError",
    "__version__",
    "list_snapshots",
    "load_config",
    "open_model",
    "open_snapshot",
    "verify_snapshot",
]

_HOMES: Mapping[str, str] = {
    "Snapshot": "synth_ops.publish",
    "SnapshotTable": "synth_ops.publish",
    "SynthOpsError": "synth_ops.errors",
    "OpenModel": "synth_ops.what_if",
    "list_snapshots": "synth_ops.publish",
    "load_config": "synth_ops.plan",
    "open_model": "synth_ops.what_if",
    "open_snapshot": "synth_ops.publish",
    "verify_snapshot": "synth_ops.publish",
}


def __getattr__(name: str) -> object:
    # Looked up on first use: importing the package must not take the time that Arrow takes.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'synth_ops' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
