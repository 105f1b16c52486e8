"""The plan: the user's configuration, resolved against the schema that was found tonight.

A configuration may leave tables and columns out; a plan may not. Every column has a fate and a reason, so that
``synth-ops plan`` can print it and nothing happens to a column by accident.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from synth_ops.records import Record
from synth_ops.schema import ForeignKey, Table

Mode = Literal["synthesize", "copy", "skip"]
Fate = Literal["learn", "fake", "mint", "null", "copy"]
Kind = Literal["auto", "categorical", "numeric", "datetime", "time", "boolean", "text"]
Family = Literal["vae", "gan"]


class ColumnPlan(Record):
    """What becomes of one column."""

    name: str
    fate: Fate
    """``learn`` by the model, ``fake`` by a Faker provider, ``mint`` as a key or by pattern, ``null``, or ``copy``."""
    kind: Kind = "auto"
    """How a learned column is encoded; ``auto`` lets the data decide between category and text."""
    provider: str | None = None
    """The Faker provider of a faked column."""
    reason: str
    """Why, in a few words: ``declared in synth.yaml``, ``primary key``, ``looks like an e-mail address``."""


class Entity(Record):
    """Whose a table's rows are: what is held out, and counted, together."""

    columns: tuple[str, ...] = ()
    """Those whose values name it; where there are none, each row is one, by its primary key or by all that it holds."""
    through: ForeignKey | None = None
    """The key of just those columns whose parent row belongs to it; without a parent, a row is an entity of its own."""
    reason: str = "each row is its own"
    """Why, in a few words."""


class TablePlan(Record):
    """What becomes of one table."""

    name: str
    mode: Mode = "synthesize"
    model: Family = "vae"
    rows: float | int = 1.0
    """A float is a ratio of the source's rows; an int is a count."""
    time_budget_seconds: float | None = None
    """Wall seconds that training may take at most."""
    key_offset: int = 1
    """First value of minted integer keys."""
    target: str | None = None
    """The column that models trained on the copy will predict: the gate sees whether they can."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    """Those the source declares, and the soft ones of the configuration."""
    entity: Entity = Entity()
    """Whose its rows are."""
    public: str | None = None
    """Why its rows are public, in the words of synth.yaml: privacy is not asserted of them then."""
    columns: tuple[ColumnPlan, ...]
    table: Table
    """The table as the source declared it tonight."""

    def column(self, name: str) -> ColumnPlan:
        """Give the plan of the column of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, ColumnPlan]:
        return {c.name: c for c in self.columns}


class Privacy(Record):
    """The thresholds below which nothing is learned or shown."""

    rare_below: int = 10
    """Categories held by fewer entities than this are pooled before training."""
    holdout: float = 0.2
    """Share of entities that no model sees, kept to measure against."""
    clip_extremes: bool = True
    """Numbers and times beyond the `rare_below`-th smallest and largest are pooled there."""
    epsilon: float | None = None
    """What one training of a table may cost in ε; None where models are trained without a privacy budget."""
    delta: float | None = None
    """The probability beside ε; there whenever `epsilon` is."""
    epsilon_max: float | None = None
    """What all trainings of a table may cost together, over all nights; None for no end."""


class DriftLimits(Record):
    """How much of tonight's rows is new to a model."""

    novelty: float
    """Share of a column's values that the model has no code for, beyond those it pooled; of the column with most."""
    nats: float
    """Nats per learned column by which tonight's rows surprise the model more or less than those it was made of."""


class Policy(Record):
    """What is done to a model whose table has other rows than it saw: between the two limits, it is refreshed."""

    reuse_below: DriftLimits = DriftLimits(novelty=0.005, nats=0.01)
    """It is kept as it is while both figures are below these."""
    retrain_above: DriftLimits = DriftLimits(novelty=0.5, nats=1.0)
    """It is begun anew where either figure is above these."""


class Plan(Record):
    """Everything that tonight's verbs need to know; it holds no secret."""

    dataset: str
    source: str
    """As written in the configuration, with ``${NAME}`` unexpanded."""
    publish: str
    """Folder or URL, absolute."""
    expectations: str
    """Absolute path of the folder of this dataset's suites."""
    privacy: Privacy = Privacy()
    policy: Policy = Policy()
    tables: tuple[TablePlan, ...]

    def table(self, name: str) -> TablePlan:
        """Give the plan of the table of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @property
    def hash(self) -> str:
        """Sixteen hex digits over what decides the snapshot's content: all but where things lie."""
        content = self.model_dump_json(exclude={"source", "publish", "expectations"})
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def _by_name(self) -> Mapping[str, TablePlan]:
        return {t.name: t for t in self.tables}
