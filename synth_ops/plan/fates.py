"""What becomes of each column, and why: the first rule that has something to say decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synth_ops.plan.config import ColumnConfig, TableConfig
from synth_ops.plan.finding import Finding
from synth_ops.plan.personal import MIN_LENGTH, personal_data
from synth_ops.plan.plan import ColumnPlan
from synth_ops.plan.types import is_text, is_uuid, kind_of, max_length, network_provider
from synth_ops.schema import Column, ForeignKey, Table


@dataclass(frozen=True)
class Case:
    """One column, and what bears on its fate."""

    table: Table
    column: Column
    config: TableConfig
    foreign_keys: tuple[ForeignKey, ...]
    """Declared and soft."""
    seen: Finding | None = None
    """What its values say of persons, where they were looked at."""

    @property
    def declared(self) -> ColumnConfig:
        """What synth.yaml says of the column."""
        return self.config.columns.get(self.column.name, ColumnConfig())

    @property
    def sole_key(self) -> str | None:
        """Say which key the column is by itself, if any."""
        if self.table.primary_key == (self.column.name,):
            return "primary key"
        return "unique" if (self.column.name,) in self.table.unique else None


Rule = Callable[[Case], ColumnPlan | None]


def fate_of(case: Case) -> ColumnPlan:
    """Give the column's fate, kind, provider and reason."""
    for rule in RULES:
        planned = rule(case)
        if planned is not None:
            return planned
    return _plan(case, "learn", f"{case.column.source_type} column")


def _by_table_mode(case: Case) -> ColumnPlan | None:
    if case.config.mode == "copy":
        return _plan(case, "copy", "the whole table is copied, as synth.yaml says")
    return _plan(case, "null", "the table is skipped, as synth.yaml says") if case.config.mode == "skip" else None


def _by_word(case: Case) -> ColumnPlan | None:
    said = case.declared
    if not said.words:
        return None
    fate = {"kind": "learn", "fake": "fake", "mint": "mint", "null": "null", "copy": "copy"}[said.words[0]]
    planned = _plan(case, fate, "declared in synth.yaml")
    return planned.model_copy(update={"kind": said.kind or planned.kind, "provider": said.fake})


def _by_foreign_key(case: Case) -> ColumnPlan | None:
    """A reference is drawn among the parent's new keys; part of one may be of several."""
    parents = [k.ref_table for k in case.foreign_keys if case.column.name in k.columns]
    return _plan(case, "learn", f"foreign key to {' and '.join(dict.fromkeys(parents))}") if parents else None


def _by_personal_name(case: Case) -> ColumnPlan | None:
    """A name that speaks of persons comes before being a key: a model must never see what it holds."""
    column = case.column
    if not is_text(column) or (max_length(column) or MIN_LENGTH) < MIN_LENGTH:
        return None
    found = personal_data(column.name, case.table.column_names)
    if found is None:
        return None
    planned = _plan(case, "fake" if found.provider else "mint", f"looks like {found.looks_like}")
    return planned.model_copy(update={"provider": found.provider})


def _by_personal_values(case: Case) -> ColumnPlan | None:
    """What a name does not tell, values may; a key is minted anyway, and by its own pattern."""
    found = case.seen
    if found is None or (case.sole_key and found.provider is None):
        return None
    return _plan(case, found.fate, found.reason).model_copy(update={"provider": found.provider})


def _by_network_type(case: Case) -> ColumnPlan | None:
    provider = network_provider(case.column)
    if provider is None:
        return None
    return _plan(case, "fake", f"{case.column.source_type} is a network address").model_copy(
        update={"provider": provider}
    )


def _by_key(case: Case) -> ColumnPlan | None:
    if case.sole_key:
        return _plan(case, "mint", case.sole_key)
    if case.column.name not in case.table.primary_key:
        return None
    named = is_uuid(case.column) or is_text(case.column) or "int" in case.column.arrow_type
    return _plan(case, "mint" if named else "learn", "part of the primary key")


def _by_identity(case: Case) -> ColumnPlan | None:
    return _plan(case, "mint", "filled by the database") if case.column.identity else None


def _by_type(case: Case) -> ColumnPlan | None:
    column = case.column
    if is_uuid(column):
        return _plan(case, "mint", "random identifier")
    if kind_of(column) is None:
        why = column.note or f"{column.source_type} is not learned"
        return _plan(case, "null" if column.nullable else "mint", why)
    if column.generated is not None:
        return _plan(case, "learn", "generated in the source; learned as any other column")
    return _plan(case, "learn", "enumerated type") if column.enum else None


def _plan(case: Case, fate: str, reason: str) -> ColumnPlan:
    kind = kind_of(case.column) or "auto"
    return ColumnPlan.model_validate({"name": case.column.name, "fate": fate, "kind": kind, "reason": reason})


RULES: tuple[Rule, ...] = (
    _by_table_mode,
    _by_word,
    _by_foreign_key,
    _by_personal_name,
    _by_personal_values,
    _by_network_type,
    _by_key,
    _by_identity,
    _by_type,
)

FATES: Mapping[str, str] = {
    "learn": "learned by the model",
    "fake": "replaced by made-up values",
    "mint": "made anew as keys or by pattern",
    "null": "left empty",
    "copy": "published as it is",
}
"""Each fate in words."""
