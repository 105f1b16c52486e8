"""From a table to a matrix of small integers, and back up to a stated loss."""

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.encode.rules import FitRules
from synth_ops.encode.table import TableCodec

__all__ = ["FitRules", "Layout", "SubColumn", "TableCodec"]
