"""What a codec may keep of the rows that it is fitted to."""

from pydantic import Field

from synth_ops.owners import pooled_entities
from synth_ops.records import Record


class FitRules(Record):
    """The thresholds of fitting, the same for every column."""

    rare_below: int = Field(10, ge=1)
    """Entities that must hold a category, or lie in a leaf, for it to be kept."""
    clip_extremes: bool = True
    """Pool numbers and times beyond those of the `rare_below`-th entity from either end."""
    max_leaves: int = Field(1024, ge=8)
    """Points and intervals that an ordered column is cut in, at most."""
    seed: int
    """Fitting draws nothing today; who adds a draw takes it from here."""

    def n_pooled(self, n_entities: int) -> int:
        """Give k: the extremes of the first k entities from either end are pooled."""
        return pooled_entities(self.rare_below, n_entities) if self.clip_extremes else 1
