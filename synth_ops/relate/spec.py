"""What sampling must know of a table beside its model: saved as ``relations.json`` in the model's folder."""

from collections.abc import Mapping
from typing import Any

from synth_ops.derived import Derived
from synth_ops.records import Record
from synth_ops.relate.clusters import ClusterSpec
from synth_ops.relate.degrees import DegreeSpec
from synth_ops.relate.keys import KeySpec
from synth_ops.schema import ForeignKey


class FkSpec(Record):
    """How a table's rows choose their parents by one foreign key."""

    foreign_key: ForeignKey
    copied: bool
    """Whether the parent is published as it is, so that a label is the parent's key itself."""
    null_share: float
    orphan_share: float = 0.0
    """Share of rows whose parent does not exist; positive for soft keys only."""
    orphan_repeat: float = 1.0
    """Different orphan keys per orphan row."""
    degrees: DegreeSpec | None = None
    """Children per parent; none for a copied parent."""
    clusters: ClusterSpec | None = None
    """Groups of parents; none for a copied parent and for the main key."""
    common: tuple[str, ...] = ()
    """Keys of a copied parent that are a label of their own."""
    n_rare: int = 0
    """Copied parents that some rows point at, but too few to be a label."""

    @property
    def name(self) -> str:
        """The foreign key's name."""
        return self.foreign_key.name


class TableSpec(Record):
    """All that sampling needs of a table's keys, besides the plan and the model."""

    table: str
    n_rows: int
    """Real rows."""
    columns: tuple[str, ...]
    """The flat table's columns, context first."""
    context: tuple[str, ...]
    """Those that are given, not sampled."""
    parent_columns: tuple[str, ...] = ()
    """The main parent's flat columns that are joined as context."""
    main: FkSpec | None = None
    others: tuple[FkSpec, ...] = ()
    key: KeySpec = KeySpec()
    minters: Mapping[str, Mapping[str, Any]] = {}
    """JSON of the minter of each column that is not learned, and of each key that has orphans."""
    derived: tuple[Derived, ...] = ()
    """Columns that follow from others."""

    @property
    def foreign_keys(self) -> tuple[FkSpec, ...]:
        """All keys, the main one first."""
        return ((self.main,) if self.main else ()) + self.others
