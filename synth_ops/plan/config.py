"""synth.yaml, read and checked: what a person writes, before any database is asked."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, WithJsonSchema

from synth_ops.plan.durations import PATTERN, parse_duration
from synth_ops.plan.explain import explain
from synth_ops.plan.marked import Marked, read_marked
from synth_ops.plan.places import absolute_folder, absolute_source
from synth_ops.plan.plan import Family, Kind, Mode, Policy, Privacy
from synth_ops.plan.secrets import secret_problems


def _duration(value: object) -> object:
    """Read a duration; what is none is left for pydantic to refuse in our words."""
    if value is None or isinstance(value, float):
        return value
    try:
        return parse_duration(value) if isinstance(value, str) else _refuse_duration()
    except ValueError:
        return _refuse_duration()


def _refuse_duration() -> object:
    raise ValueError("must be a duration such as 90s, 5m or 1h30m")


def _rows(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError("must be a ratio of the source's rows such as 0.5 or 2.0, or a count such as 10000")
    return value


def _scientific(value: object) -> object:
    """Read `1e-7`, which is text to YAML 1.1 for want of a point."""
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


def _only_true(value: object) -> object:
    if value is not True:
        raise ValueError("must be true, or be left out")
    return value


def _columns(value: object) -> object:
    """Take one name for a list of it."""
    return (value,) if isinstance(value, str) else value


def _words(value: object) -> object:
    if not isinstance(value, str) or len(value.split()) < _FEWEST_WORDS:
        raise ValueError('must say in a few words why the rows are public, such as "the registry publishes them"')
    return value


def _empty(value: object) -> object:
    """Take a key with nothing after it for an empty mapping."""
    return {} if value is None else value


_FEWEST_WORDS = 3

_SCIENTIFIC = re.compile(r"\d+(\.\d*)?[eE][+-]?\d{1,3}", re.ASCII)
Rows = Annotated[float | int, BeforeValidator(_rows), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
TimeBudget = Annotated[
    float | None, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": f"^{PATTERN}$"})
]
Yes = Annotated[Literal[True] | None, BeforeValidator(_only_true), WithJsonSchema({"const": True})]
Name = Annotated[str, Field(min_length=1)]
Columns = Annotated[
    Annotated[tuple[Name, ...], Field(min_length=1)] | None,
    BeforeValidator(_columns),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
Words = Annotated[
    str | None, BeforeValidator(_words), WithJsonSchema({"type": "string", "pattern": r"^\s*\S+(\s+\S+){2,}\s*$"})
]


EACH = "*"
"""In place of an entity's columns: each row is its own, whatever its keys lead to."""


class Section(BaseModel):
    """A part of the file; a key that is not named here is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class ColumnConfig(Section):
    """What is said about one column: at most one of these."""

    kind: Kind | None = None
    """Learn it, encoded in this way."""
    fake: Name | None = None
    """Never learn it; make it by this provider."""
    mint: Yes = None
    """Never learn it; make it as a key, or by the pattern of the original."""
    null: Yes = None
    """Leave it empty."""
    as_is: Yes = Field(default=None, alias="copy")
    """Publish real values, in an order of their own: only ever by an explicit word here."""

    @property
    def words(self) -> tuple[str, ...]:
        """Give the keys that are set."""
        return tuple(f.alias or name for name, f in type(self).model_fields.items() if getattr(self, name) is not None)


class ForeignKeyConfig(Section):
    """A reference that the database does not declare; orphans are allowed and keep their share."""

    columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    references: Name
    """The table that it points at."""
    ref_columns: tuple[Name, ...] | None = None
    """The columns there; the primary key, where this is left out."""


class TableConfig(Section):
    """What is said about one table; all else is as the defaults say, or the safe thing."""

    mode: Mode = "synthesize"
    """`copy` publishes the table as it is: for public reference data only."""
    model: Family | None = None
    rows: Rows | None = None
    """A ratio of the source's rows (1.0), or a count (10000)."""
    time_budget: TimeBudget = None
    """How long training may take at most: 90s, 5m, 1h30m."""
    key_offset: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 1
    """First value of minted integer keys."""
    entity: Columns = None
    """The column or columns that say whose a row is, such as customer_id, or "*" where each row is its own; else its
    parent does by a declared key, or it is its own."""
    public: Words = None
    """Why the rows are public, in a few words: then too few entities do not keep the table from being published."""
    target: Name | None = None
    """The column that models trained on the copy will predict: the gate sees whether they can."""
    columns: Annotated[dict[Name, Annotated[ColumnConfig, BeforeValidator(_empty)]], BeforeValidator(_empty)] = {}
    foreign_keys: Annotated[tuple[ForeignKeyConfig, ...], BeforeValidator(lambda v: v or ())] = ()


class DefaultsConfig(Section):
    """What holds for every table that does not say else."""

    model: Family = "vae"
    rows: Rows = 1.0
    time_budget: TimeBudget = None


class PrivacyConfig(Section):
    """The thresholds below which nothing is learned or shown."""

    rare_below: Annotated[int, Field(ge=1)] = Privacy().rare_below
    """Categories held by fewer entities than this are pooled before training."""
    holdout: Annotated[float, Field(ge=0, le=0.9)] = Privacy().holdout
    """Share of entities that no model sees, kept to measure against."""
    clip_extremes: bool = Privacy().clip_extremes
    """Pool the most extreme numbers and times."""
    epsilon: Annotated[float | None, Field(gt=0, le=100)] = None
    """Train with differential privacy: what one training of a table may cost in ε. The unit is one row."""
    delta: Annotated[float | None, Field(gt=0, le=1e-4), BeforeValidator(_scientific)] = None
    """The probability beside ε, for good: below one in the rows of the largest table, such as 1e-7."""
    epsilon_max: Annotated[float | None, Field(gt=0)] = None
    """What all trainings of a table may cost together; from there on, the last model is sampled again."""


class ReuseConfig(Section):
    """Below which drift a model is kept as it is."""

    novelty: Annotated[float, Field(ge=0, le=1)] = Policy().reuse_below.novelty
    """Share of a column's values that are new to the model; of the column with most. 0 to never keep it."""
    nats: Annotated[float, Field(ge=0)] = Policy().reuse_below.nats
    """Nats per learned column by which the rows surprise the model more or less than those it was made of."""


class RetrainConfig(Section):
    """Above which drift a model is begun anew."""

    novelty: Annotated[float, Field(ge=0, le=1)] = Policy().retrain_above.novelty
    """Share of a column's values that are new to the model; of the column with most."""
    nats: Annotated[float, Field(ge=0)] = Policy().retrain_above.nats
    """Nats per learned column by which the rows surprise the model more or less than those it was made of."""


class PolicyConfig(Section):
    """What is done to a model whose table has other rows than it saw; between the limits it is refreshed."""

    reuse_below: Annotated[ReuseConfig, BeforeValidator(_empty)] = ReuseConfig()
    retrain_above: Annotated[RetrainConfig, BeforeValidator(_empty)] = RetrainConfig()


class Config(Section):
    """A whole synth.yaml. Paths are absolute once it is loaded."""

    model_config = ConfigDict(
        title="synth.yaml",
        json_schema_extra={"$schema": "https://json-schema.org/draft/2020-12/schema"},
    )

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$")]
    """The set of related tables by one name: letters, digits, `_`, `-` and `.`."""
    source: Name
    """postgresql:// · duckdb:/// · sqlite:/// · mysql:// · parquet:FOLDER · csv:FOLDER; secrets by ${NAME} only."""
    publish: Name
    """A folder, or s3://, gs://, abfss://; secrets by ${NAME} only."""
    workspace: Annotated[Path, Field(strict=False)] = Path(".synth-ops")
    """The folder of the steps' files; beside this file, where it is not absolute."""
    expectations: Name = "expectations"
    """The folder whose subfolder of the dataset's name holds the suites."""
    defaults: Annotated[DefaultsConfig, BeforeValidator(_empty)] = DefaultsConfig()
    tables: Annotated[dict[Name, Annotated[TableConfig, BeforeValidator(_empty)]], BeforeValidator(_empty)] = {}
    privacy: Annotated[PrivacyConfig, BeforeValidator(_empty)] = PrivacyConfig()
    policy: Annotated[PolicyConfig, BeforeValidator(_empty)] = PolicyConfig()

    _marked: Marked = PrivateAttr(default_factory=lambda: Marked("synth.yaml", {}, {}))

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 — pydantic's own signature
        """Keep where each key stands, for `resolve` to name it."""
        if isinstance(context, Marked):
            self._marked = context

    @property
    def marked(self) -> Marked:
        """The file that this was read from."""
        return self._marked

    def where(self, *path: str | int) -> str:
        """Give the file and line of a key: ``/srv/shop/synth.yaml:12``."""
        return f"{self._marked.file}:{self._marked.line(path)}"


def load_config(path: Path | str, *, text: str | None = None) -> Config:
    """Read a synth.yaml; what is relative in it starts at the file's folder.

    Args:
        path: the file.
        text: what it says, where somebody has filled in a template.

    Raises:
        PlanError: the file cannot be read as a plan; the message lists every problem with its line.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 — a link to the file must not move what is beside it
    marked = read_marked(file, text)
    problems = secret_problems(marked.data)
    try:
        config = Config.model_validate(marked.data, context=marked)
    except ValidationError as exc:
        raise marked.refuse(problems + explain(exc, Config, marked.data)) from None
    if problems:
        raise marked.refuse(problems)
    return _absolute(config, file.parent)


def _absolute(config: Config, folder: Path) -> Config:
    """Give the configuration with every path absolute."""
    places: Mapping[str, object] = {
        "source": absolute_source(config.source, folder),
        "publish": absolute_folder(config.publish, folder),
        "workspace": Path(absolute_folder(str(config.workspace), folder)),
        "expectations": absolute_folder(config.expectations, folder),
    }
    return config.model_copy(update=places)
