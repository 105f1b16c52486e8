"""Foreign keys: one flat table per table to learn from, and a database whose keys resolve to give back."""

from synth_ops.relate.augment import Augmented, augment
from synth_ops.relate.draft import Draft, Scene
from synth_ops.relate.order import Relations, TableRelations, sampling_order
from synth_ops.relate.resolve import Frame, close, complete, start, wanted_rows
from synth_ops.relate.spec import FkSpec, TableSpec

__all__ = [
    "Augmented",
    "Draft",
    "FkSpec",
    "Frame",
    "Relations",
    "Scene",
    "TableRelations",
    "TableSpec",
    "augment",
    "close",
    "complete",
    "sampling_order",
    "start",
    "wanted_rows",
]
