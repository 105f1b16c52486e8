"""Whose each table's rows are, by what synth.yaml says and by the keys that the schema declares.

It never depends on rows: what a table holds changes overnight, and on which side of the holdout a row is must not.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from synth_ops.plan.config import EACH, Config
from synth_ops.plan.personal import personal_data, snake_case
from synth_ops.plan.plan import Entity, TablePlan
from synth_ops.schema import ForeignKey

Chosen = Mapping[str, Entity]
_IMPERSONAL = frozenset({"free text", "a URL", "a secret"})
"""What products and shops have too."""
_SUBJECT = re.compile(
    "account|borrower|buyer|citizen|client|consumer|contact|customer|donor|guest|holder|household|"
    "individual|insured|lead|learner|member|passenger|patient|payer|people|person|player|policyholder|"
    "pupil|resident|respondent|rider|student|subscriber|taxpayer|tenant|traveler|traveller|user|visitor|"
    "voter"
)
"""What a row is called that is someone whose data it is; those who serve them are not, where both are there."""
_NOBODY = 2


def with_entities(config: Config, tables: Sequence[TablePlan]) -> tuple[TablePlan, ...]:
    """Give the plans, each with whose its rows are.

    What synth.yaml names comes first; else a row belongs to the entity of its parent by a key that the database
    declares. Of several such keys, those to a table whose rows are data subjects by its name, or that leads to one,
    come first, then those to a table that speaks of persons, or leads to one, then those that hold no null, then the
    first that is declared. Data subjects are their own, unless their keys lead to others: a customer is no part of the
    clerk who looks after it. Copied and skipped tables are nobody's, a table is never its own parent, and of keys in a
    circle the first table by name, which keeps what synth.yaml says, follows its own.
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
    if said == (EACH,):
        return Entity(reason="each row is its own, as synth.yaml says")
    if said:
        through = next((k for k in open_keys if set(k.columns) == set(said)), None)
        columns = through.columns if through else tuple(dict.fromkeys(said))
        return Entity(columns=columns, through=through, reason="declared in synth.yaml")
    declared = [k for k in open_keys if not k.soft]
    if not declared:
        return Entity()
    tables = tuple(by_name.values())
    through = min(declared, key=lambda k: (_distance(k.ref_table, tables), _may_be_null(table, k)))
    if are_subjects(table.name) and _distance(through.ref_table, tables) > 0:
        return Entity(reason="each row is its own, by the table's name")
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


def are_subjects(name: str) -> bool:
    """Tell whether a table's name says that each row is someone whose data it is: by its last word, in any number.

    >>> [n for n in ("customers", "dim_Customer", "People", "customer_types", "staff") if are_subjects(n)]
    ['customers', 'dim_Customer', 'People']
    """
    words = [w for w in snake_case(name).split("_") if not w.isdigit()]
    last = words[-1] if words else ""
    singulars = {last, last.removesuffix("s"), last.removesuffix("es"), f"{last.removesuffix('ies')}y"}
    return any(_SUBJECT.fullmatch(word) for word in singulars)


def leads_to_persons(name: str, tables: Sequence[TablePlan]) -> bool:
    """Tell whether a table, or one that its declared keys lead to, holds persons by its name or by a column's."""
    return _distance(name, tables) < _NOBODY


def _distance(name: str, tables: Sequence[TablePlan]) -> int:
    """Tell what a table, or one that its declared keys lead to, is at best: 0 subjects, 1 of persons, 2 neither."""
    found = [0 if are_subjects(t.name) else 1 if _speaks_of_persons(t) else _NOBODY for t in _reached(name, tables)]
    return min(found)


def _reached(name: str, tables: Sequence[TablePlan]) -> Iterator[TablePlan]:
    """Give a table, and those that its declared keys lead to."""
    by_name = {t.name: t for t in tables}
    seen, waiting = {name}, [name]
    while waiting:
        table = by_name[waiting.pop()]
        yield table
        further = {k.ref_table for k in table.foreign_keys if not k.soft} & by_name.keys() - seen
        seen |= further
        waiting += further


def _speaks_of_persons(table: TablePlan) -> bool:
    names = table.table.column_names
    found = (personal_data(name, names) for name in names)
    return any(kind is not None and kind.looks_like not in _IMPERSONAL for kind in found)
