"""The columns of the one flat table that a model sees, and what they are called.

Names that begin with ``@`` are ours; a source column whose name begins with ``@`` has that doubled.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.plan.plan import Kind
from synth_ops.schema import ForeignKey

LINK = "@link"
"""Whether a row has its main parent: ``present``, ``null``, ``orphan``."""
PARENT_DEGREE = "@parent:@degree"
"""How many rows of this table the row's main parent has."""
MAX_CONTEXT_CATEGORIES = 256
"""A parent's text column of more distinct values is a name rather than a category, and tells a child nothing."""


def flat_name(column: str) -> str:
    """Give what a source column is called in the flat table.

    >>> flat_name("price"), flat_name("@link")
    ('price', '@@link')
    """
    return f"@{column}" if column.startswith("@") else column


def parent_name(flat_column: str) -> str:
    """Give what a flat column of the parent is called in its child's flat table."""
    return f"@parent:{flat_column}"


def label_name(key: ForeignKey) -> str:
    """Give the column that tells which group of parents a key points at."""
    return f"@fk:{key.name}"


def degree_name(child: str, key: ForeignKey) -> str:
    """Give the column that tells how many children a row has by a key."""
    return f"@degree:{child}:{key.name}"


def describes(values: pa.Array | pa.ChunkedArray, kind: Kind) -> bool:
    """Tell whether a parent's column is worth a child's looking at: anything but long lists of names."""
    if kind == "text" or pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        return False
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return bool(pc.count_distinct(values).as_py() <= MAX_CONTEXT_CATEGORIES)
    return True


def take_or_null(table: pa.Table, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Table:
    """Give the rows of those numbers, all null where the number is negative."""
    return table.take(pa.array(rows, mask=rows < 0)) if len(table.column_names) else table


def table_of(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Make a table, even of no columns."""
    return pa.table(dict(columns)) if columns else pa.table({})
