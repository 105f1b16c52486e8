"""Whose each table's rows are, by what synth.yaml says and by the keys that the schema declares.

It never depends on rows: what a table holds changes overnight, and on which side of the holdout a row is must not.
"""

from collections.abc import Iterator, Mapping, Sequence

from synth_ops.plan.config import Config
from synth_ops.plan.personal import personal_data
from synth_ops.plan.plan import Entity, TablePlan
from synth_ops.schema import ForeignKey

Chosen = Mapping[str, Entity]
_IMPERSONAL = frozenset({"free text", "a URL", "a secret"})
"""What products and shops have too."""


def with_entities(config: Config, tables: Sequence[TablePlan]) -> tuple[TablePlan, ...]:
    """Give the plans, each with whose its rows are.

    What synth.yaml names comes first; else a row belongs to the entity of its parent by a key that the database
    declares. Of several such keys, those to a table that speaks of persons, or leads to one, come first, then those
    that hold no null, then the first that is declared. Copied and skipped tables are nobody's, a table is never its
    own parent, and of keys in a circle the first table by name, which keeps what synth.yaml says, follows its own.
    """
    by_name = {t.name: t for t in tables}
    said = {name: t.entity for name, t in config.tables.items() if t.entity}
    chosen: dict[str, Entity] = {}
    for name in sorted(by_name, key=lambda n: (n not in said, n)):
        if by_name[name].mode == "synthesize":
            chosen[name] = _entity(by_name[name], said.get(name, ()), by_name, chosen)
    return tuple(t.model_copy(update={"entity": chosen.get(t.name, Entity())}) for t in tables)


def _entity(table: TablePlan, said: tuple[str, ...], by_name: Mapping[str, TablePlan], chosen: Chosen) -> Entity:
    open_keys = [k for k in table.foreign_keys if _is_open(k, table.name, by_name, chosen)]
    if said:
        through = next((k for k in open_keys if set(k.columns) == set(said)), None)
        columns = through.columns if through else tuple(dict.fromkeys(said))
        return Entity(columns=columns, through=through, reason="declared in synth.yaml")
    declared = [k for k in open_keys if not k.soft]
    if not declared:
        return Entity()
    tables = tuple(by_name.values())
    through = min(declared, key=lambda k: (not leads_to_persons(k.ref_table, tables), _may_be_null(table, k)))
    return Entity(columns=through.columns, through=through, reason=f"foreign key to {through.ref_table}")


def _is_open(key: ForeignKey, name: str, by_name: Mapping[str, TablePlan], chosen: Chosen) -> bool:
    """Tell whether a key leads to a table that is learned, and not back."""
    if key.ref_table not in by_name or by_name[key.ref_table].mode != "synthesize":
        return False
    return name not in _followed(key.ref_table, chosen)


def _followed(name: str, chosen: Chosen) -> Iterator[str]:
    """Give a table, and those that its rows' entities are told by as far as that is settled."""
    here: str | None = name
    while here is not None:
        yield here
        through = chosen[here].through if here in chosen else None
        here = through.ref_table if through else None


def _may_be_null(table: TablePlan, key: ForeignKey) -> bool:
    return any(table.table.column(name).nullable for name in key.columns)


def leads_to_persons(name: str, tables: Sequence[TablePlan]) -> bool:
    """Tell whether a table, or one that its declared keys lead to, has a column whose name speaks of persons."""
    by_name = {t.name: t for t in tables}
    seen, waiting = {name}, [name]
    while waiting:
        table = by_name[waiting.pop()]
        if _speaks_of_persons(table):
            return True
        further = {k.ref_table for k in table.foreign_keys if not k.soft} & by_name.keys() - seen
        seen |= further
        waiting += further
    return False


def _speaks_of_persons(table: TablePlan) -> bool:
    names = table.table.column_names
    found = (personal_data(name, names) for name in names)
    return any(kind is not None and kind.looks_like not in _IMPERSONAL for kind in found)
