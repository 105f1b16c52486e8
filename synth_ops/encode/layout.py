"""What a code matrix means: one sub-column after another, each a small set of integers."""

from synth_ops.records import Record


class SubColumn(Record):
    """One column of the code matrix."""

    column: str
    """The table's column that it belongs to."""
    part: str
    """What it holds of it: ``value``, ``coarse``, ``fine``, ``day``, ``second``."""
    size: int
    """Codes are in ``range(size)``; at least 1."""
    ordinal: bool = False
    """Whether neighbouring codes are neighbouring values, after the first `n_special` codes."""
    n_special: int = 0
    """Leading codes that stand outside the order: null, NaN, infinities, pooled rare values."""
    within: int | None = None
    """Position, in the whole matrix, of the coarser sub-column that this one refines."""


class Layout(Record):
    """The sub-columns of a whole code matrix, in order."""

    sub_columns: tuple[SubColumn, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Cardinality of each sub-column."""
        return tuple(s.size for s in self.sub_columns)

    def of(self, column: str) -> tuple[int, ...]:
        """Give the positions of a table column's sub-columns."""
        return tuple(i for i, s in enumerate(self.sub_columns) if s.column == column)
