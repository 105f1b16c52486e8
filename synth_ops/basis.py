"""What of a plan shapes a table's model, and what changes of it a model survives."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synth_ops.entities import entity_chain, naming_columns
from synth_ops.plan.plan import ColumnPlan, Fate, Kind, Plan, TablePlan
from synth_ops.records import Record
from synth_ops.schema import Column, ForeignKey

MOST_CHANGED = 0.5
"""Share of the learned columns that may come, go or change before a model is better begun anew."""


class ColumnBasis(Record):
    """What decides how a column is encoded, or made."""

    of_parent: bool = False
    fate: Fate
    kind: Kind
    provider: str | None
    type: str
    """JSON: Arrow's type, the source's, whether it may be null, and its declared labels."""

    @property
    def is_learned(self) -> bool:
        """Tell whether a model sees its values; of texts it sees only whether they are there."""
        return self.fate == "learn" and self.kind != "text"


class Basis(Record):
    """What of a plan shapes a table's model: the table, its parents, its children's keys, the privacy thresholds."""

    privacy: str
    salt: str = ""
    """The name of the salt that rows were held out by."""
    entity: str = ""
    """JSON: what tells whose a row is, table by table up to the one that names the entity."""
    keys: str
    """The table's own keys, and what they refer to."""
    has_key: bool
    """Whether rows are held out by a key or an entity, and not by all that they hold."""
    children: str
    columns: Mapping[str, ColumnBasis]
    """By name; those of a parent as ``parent.column``."""


class Changes(Record):
    """What differs between two bases, in words; each is empty where nothing does."""

    forcing: str = ""
    """What no model survives."""
    surviving: str = ""
    """What a warm start takes in its stride."""


def basis_of(plan: Plan, table: TablePlan, *, salt: str) -> Basis:
    """Give what shapes the model of one table, under the salt of that name; reasons, prose and places do not."""
    by_name = {t.name: t for t in plan.tables}
    parents = [by_name[k.ref_table] for k in table.foreign_keys if k.ref_table in by_name]
    columns = {c.name: _column(c, table.table.column(c.name)) for c in table.columns}
    for parent in parents:
        told = {c.name: _column(c, parent.table.column(c.name)) for c in parent.columns}
        columns |= {f"{parent.name}.{n}": c.model_copy(update={"of_parent": True}) for n, c in told.items()}
    keys = [table.table.primary_key, table.table.unique, table.key_offset, [_key(k) for k in table.foreign_keys]]
    return Basis(
        privacy=plan.privacy.model_dump_json(exclude={"epsilon_max"}, exclude_none=True),
        salt=salt,
        entity=json.dumps([_entity(t) for t in entity_chain(plan, table)]),
        keys=json.dumps([table.mode, *keys, [[p.name, p.mode] for p in parents]]),
        children=json.dumps(sorted(_children(plan, table), key=json.dumps)),
        has_key=bool(table.table.primary_key) or len(naming_columns(table)) < len(table.columns),
        columns=columns,
    )


def changes_between(before: Basis, now: Basis) -> Changes:
    """Tell what changed, by names of columns and never by values."""
    forcing = next(_forcing(before, now), "")
    return Changes(forcing=forcing, surviving="" if forcing else "; ".join(_surviving(before, now)))


def _forcing(before: Basis, now: Basis) -> Iterator[str]:
    if before.privacy != now.privacy:
        yield "the privacy section of synth.yaml changed"
    if before.salt != now.salt:
        yield "rows are held out by another salt than when it was trained, so it has seen some that are held out now"
    if before.entity != now.entity:
        yield "whose its rows are changed, and with it which rows are held out"
    if before.keys != now.keys:
        yield "the keys of the table, or what they refer to, changed"
    if before.children != now.children:
        yield "the tables that refer to it, or their keys, changed"
    if not now.has_key and _own(before) != _own(now):
        yield "its columns changed, by all of which the rows of a table without a primary key are held out"
    forgotten = [n for n, c in now.columns.items() if n in before.columns and _is_forgotten(before.columns[n], c)]
    if forgotten:
        yield f"{_named(forgotten)} must not be learned any more"
    touched, n_learned = _n_touched(before, now), sum(c.is_learned for c in before.columns.values())
    if touched > MOST_CHANGED * n_learned:
        yield f"{touched} columns came, went or changed, of {n_learned} that were learned"


def _entity(table: TablePlan) -> list[Any]:
    """Give what tells whose a row is; without a word on it, the primary key does, or all columns do."""
    through = table.entity.through
    return [table.name, table.entity.columns or table.table.primary_key, _key(through) if through else None]


def _own(basis: Basis) -> dict[str, str]:
    return {name: column.type for name, column in basis.columns.items() if not column.of_parent}


def _is_forgotten(before: ColumnBasis, now: ColumnBasis) -> bool:
    return before.is_learned and not now.is_learned


def _n_touched(before: Basis, now: Basis) -> int:
    """Count what differs among the columns that are learned now, or were."""
    names = before.columns.keys() | now.columns.keys()
    pairs = [(before.columns.get(n), now.columns.get(n)) for n in names]
    return sum(one != other and any(c is not None and c.is_learned for c in (one, other)) for one, other in pairs)


def _surviving(before: Basis, now: Basis) -> Iterator[str]:
    came = [n for n in now.columns if n not in before.columns]
    went = [n for n in before.columns if n not in now.columns]
    both = [n for n in now.columns if n in before.columns]
    retyped = [n for n in both if before.columns[n].type != now.columns[n].type]
    other = [n for n in both if n not in retyped and before.columns[n] != now.columns[n]]
    said = {"came": came, "went": went, "changed type": retyped, "changed by synth.yaml": other}
    yield from (f"{_named(names)} {what}" for what, names in said.items() if names)


def _named(names: Sequence[str]) -> str:
    quoted = ", ".join(repr(n) for n in names)
    return f"column{'s' if len(names) > 1 else ''} {quoted}"


def _children(plan: Plan, table: TablePlan) -> Iterator[list[Any]]:
    for child in plan.tables:
        yield from ([child.name, child.mode, _key(k)] for k in child.foreign_keys if k.ref_table == table.name)


def _column(column: ColumnPlan, source: Column) -> ColumnBasis:
    types = json.dumps([source.arrow_type, source.source_type, source.nullable, source.enum])
    return ColumnBasis(fate=column.fate, kind=column.kind, provider=column.provider, type=types)


def _key(key: ForeignKey) -> list[Any]:
    return [key.columns, key.ref_table, key.ref_columns, key.soft]
