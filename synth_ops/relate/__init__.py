"""Foreign keys: one flat table per table to learn from, and a database whose keys resolve to give back."""

from synth_ops.relate.augment import Augmented, Whole, augment
from synth_ops.relate.chunks import Chunk, finished, keep, make_chunk, mint_whole
from synth_ops.relate.draft import Draft, Scene
from synth_ops.relate.kept import Kept, kept_of
from synth_ops.relate.order import Relations, TableRelations, sampling_order
from synth_ops.relate.private import augment_privately
from synth_ops.relate.resolve import Frame, close, complete, start, wanted_rows
from synth_ops.relate.spec import FkSpec, TableSpec

__all__ = [
    "Augmented",
    "Chunk",
    "Draft",
    "FkSpec",
    "Frame",
    "Kept",
    "Relations",
    "Scene",
    "TableRelations",
    "TableSpec",
    "Whole",
    "augment",
    "augment_privately",
    "close",
    "complete",
    "finished",
    "keep",
    "kept_of",
    "make_chunk",
    "mint_whole",
    "sampling_order",
    "start",
    "wanted_rows",
]
