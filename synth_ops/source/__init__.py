"""Where real rows come from: one consistent read of a database or a folder, as Arrow batches."""

from synth_ops.source.base import Source
from synth_ops.source.open import open_source

__all__ = ["Source", "open_source"]
