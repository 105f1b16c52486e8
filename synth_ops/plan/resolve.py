"""Resolving a configuration against the schema that was found: every table and column gets a fate and a reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synth_ops.plan.config import EACH, ColumnConfig, Config, ForeignKeyConfig, TableConfig
from synth_ops.plan.entities import with_entities
from synth_ops.plan.fates import Case, fate_of
from synth_ops.plan.finding import Finding
from synth_ops.plan.plan import Plan, Policy, Privacy, TablePlan
from synth_ops.plan.private import budget_problems, budgeted
from synth_ops.plan.problems import KeyPath, Problem, unknown
from synth_ops.plan.types import comparable, fitting_kinds
from synth_ops.schema import Column, Database, ForeignKey, Table

Findings = Mapping[str, Mapping[str, Finding]]
"""By table and column."""


def resolve(config: Config, database: Database, seen: Findings | None = None) -> Plan:
    """Give the plan of every table and column. It is pure data, and no secret is in it.

    `seen` is what values say of persons, for `init` to write down: a night's plan depends on no night's values.

    Raises:
        PlanError: synth.yaml names what the schema does not have, or asks for what a type does not allow.
    """
    problems = list(_problems(config, database))
    if problems:
        raise config.marked.refuse(problems)
    return Plan(
        dataset=config.dataset,
        source=config.source,
        publish=config.publish,
        expectations=str(Path(config.expectations) / config.dataset),
        privacy=Privacy.model_validate(config.privacy.model_dump()),
        policy=Policy.model_validate(config.policy.model_dump()),
        tables=with_entities(
            config, [_table(config, t, database, (seen or {}).get(t.name, {})) for t in database.tables]
        ),
    )


def _table(config: Config, table: Table, database: Database, seen: Mapping[str, Finding]) -> TablePlan:
    said, defaults = config.tables.get(table.name, TableConfig()), config.defaults
    keys = _all_keys(table, said, database)
    columns = tuple(fate_of(Case(table, c, said, keys, seen.get(c.name))) for c in table.columns)
    if config.privacy.epsilon is not None and said.mode == "synthesize":
        columns = tuple(budgeted(column, keys) for column in columns)
    return TablePlan(
        name=table.name,
        mode=said.mode,
        model=said.model or defaults.model,
        rows=defaults.rows if said.rows is None else said.rows,
        time_budget_seconds=said.time_budget or defaults.time_budget,
        key_offset=said.key_offset,
        target=said.target,
        foreign_keys=keys,
        public=said.public,
        columns=columns,
        table=table,
    )


def _all_keys(table: Table, said: TableConfig, database: Database) -> tuple[ForeignKey, ...]:
    """Give the declared keys, and those soft ones that say nothing that is declared."""
    declared = {(k.columns, k.ref_table, k.ref_columns) for k in table.foreign_keys}
    soft = (_soft_key(k, database) for k in said.foreign_keys)
    added = (k for k in dict.fromkeys(soft) if (k.columns, k.ref_table, k.ref_columns) not in declared)
    return (*table.foreign_keys, *added)


def _soft_key(key: ForeignKeyConfig, database: Database) -> ForeignKey:
    referred = key.ref_columns or _default_ref_columns(key, database.table(key.references))
    return ForeignKey(columns=key.columns, ref_table=key.references, ref_columns=referred, soft=True)


def _default_ref_columns(key: ForeignKeyConfig, parent: Table) -> tuple[str, ...]:
    """Give columns of the same names where the key has just those, or the primary key in its order."""
    same_names = set(key.columns) == set(parent.primary_key) or not parent.primary_key
    return key.columns if same_names else parent.primary_key


def _problems(config: Config, database: Database) -> Iterator[Problem]:
    yield from budget_problems(config, database)
    names = [t.name for t in database.tables]
    for name, said in config.tables.items():
        if name not in names:
            yield Problem(("tables", name), unknown(name, names, "table of the source"))
        else:
            yield from _Asked(("tables", name), said, database.table(name), database).problems()


@dataclass(frozen=True)
class _Asked:
    """What synth.yaml asks of one table that exists."""

    path: KeyPath
    said: TableConfig
    table: Table
    database: Database

    def problems(self) -> Iterator[Problem]:
        for name, column in self.said.columns.items():
            here = (*self.path, "columns", name)
            if name in self.table.column_names:
                yield from _column_problems(here, column, self.table, self.table.column(name))
            else:
                yield Problem(here, self._unknown_column(name, self.table))
        if self.said.target is not None and self.said.target not in self.table.column_names:
            yield Problem((*self.path, "target"), self._unknown_column(self.said.target, self.table))
        for position, name in enumerate(() if self.said.entity in (None, (EACH,)) else self.said.entity):
            if name not in self.table.column_names:
                yield Problem((*self.path, "entity", position), self._unknown_column(name, self.table))
        for position, key in enumerate(self.said.foreign_keys):
            yield from self._key_problems((*self.path, "foreign_keys", position), key)

    def _key_problems(self, here: KeyPath, key: ForeignKeyConfig) -> Iterator[Problem]:
        tables = [t.name for t in self.database.tables]
        missing = [c for c in key.columns if c not in self.table.column_names]
        yield from (Problem((*here, "columns"), self._unknown_column(c, self.table)) for c in missing)
        if key.references not in tables:
            yield Problem((*here, "references"), unknown(key.references, tables, "table of the source"))
            return
        parent = self.database.table(key.references)
        referred = key.ref_columns or _default_ref_columns(key, parent)
        absent = [c for c in referred if c not in parent.column_names]
        yield from (Problem((*here, "ref_columns"), self._unknown_column(c, parent)) for c in absent)
        if not missing and not absent:
            yield from self._mismatches(here, key, referred, parent)

    def _mismatches(
        self, here: KeyPath, key: ForeignKeyConfig, referred: tuple[str, ...], parent: Table
    ) -> Iterator[Problem]:
        if len(key.columns) != len(referred):
            what = f"must refer to as many columns as it has, {len(key.columns)}, however to {', '.join(referred)}"
            yield Problem(here, f"{what}; name them: ref_columns: [...]")
            return
        for name, ref_name in zip(key.columns, referred, strict=True):
            one, other = self.table.column(name), parent.column(ref_name)
            if not comparable(one, other):
                what = f"must join columns of one type, however {name!r} is {one.source_type}"
                yield Problem(here, f"{what}, and {ref_name!r} of {parent.name!r} is {other.source_type}")

    def _unknown_column(self, name: str, table: Table) -> str:
        return unknown(name, table.column_names, f"column of table {table.name!r}")


def _column_problems(here: KeyPath, said: ColumnConfig, table: Table, column: Column) -> Iterator[Problem]:
    if len(said.words) > 1:
        yield Problem(here, f"must have one fate, however it has {len(said.words)}: {', '.join(said.words)}")
        return
    if said.kind and said.kind not in fitting_kinds(column):
        fitting = " or ".join(fitting_kinds(column)) or "left out, for no model learns it; use mint or null"
        what = f"of a {column.source_type} column must be {fitting}, however: {said.kind!r}"
        yield Problem((*here, "kind"), what)
    if said.fake:
        yield from _fake_problems((*here, "fake"), said.fake, column)
    if said.null and (not column.nullable or column.name in table.primary_key):
        what = "must be left out, however the source declares the column not null; use fake or mint"
        yield Problem((*here, "null"), what)
    if said.as_is and (column.name in table.primary_key or (column.name,) in table.unique):
        yield Problem((*here, "copy"), "must be left out, however the column is a key; keys are minted, never copied")


def _fake_problems(here: KeyPath, provider: str, column: Column) -> Iterator[Problem]:
    from synth_ops.mint.providers import PROVIDERS  # its package loads Arrow, which most plans do not need here

    if provider not in PROVIDERS:
        yield Problem(here, unknown(provider, PROVIDERS, "provider"))
    if column.arrow_type != "string" or column.enum is not None:
        yield Problem(here, f"must stand at a text column, however it is {column.source_type}; use mint or null")
