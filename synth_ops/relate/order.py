"""Which parent a table is sampled under, and in what order the tables come."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from synth_ops.errors import PlanError
from synth_ops.plan.plan import Mode, Plan, TablePlan
from synth_ops.records import Record
from synth_ops.schema import ForeignKey


class ChildKey(Record):
    """A foreign key, seen from the table that it points at."""

    table: str
    """The table that holds the key."""
    foreign_key: ForeignKey


class TableRelations(Record):
    """How one table hangs together with the others."""

    name: str
    mode: Mode
    main: ForeignKey | None = None
    """The key whose parent row the table's rows are conditioned on."""
    others: tuple[ForeignKey, ...] = ()
    """All other keys to tables that are not skipped, in the order they are resolved."""
    children: tuple[ChildKey, ...] = ()
    """Keys that point here from synthesised tables, this one too."""

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """All keys, the main one first."""
        return ((self.main,) if self.main else ()) + self.others


class Relations(Record):
    """How all tables of a plan hang together; skipped tables are absent."""

    tables: tuple[TableRelations, ...]

    def table(self, name: str) -> TableRelations:
        """Give the relations of the table of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @classmethod
    def of(cls, plan: Plan, n_rows: Mapping[str, int], *, mains: Mapping[str, str | None] | None = None) -> "Relations":
        """Choose every table's main key: its entity's, or that to the largest synthesised parent; no cycle arises.

        `mains` overrules the choice by the key's name, for tables whose model already stands on one.

        Raises:
            PlanError: a copied table refers to one that is not, so that its keys could not resolve.
        """
        present = {t.name: t for t in plan.tables if t.mode != "skip"}
        _check_copied(present)
        chosen: dict[str, ForeignKey] = {}
        for name in sorted(present, key=lambda t: (t not in (mains or {}), -n_rows.get(t, 0), t)):
            candidates = _candidates(present[name], present, n_rows, (mains or {}).get(name, ""))
            main = next((k for k in candidates if not _leads_to(k.ref_table, name, chosen)), None)
            if main:
                chosen[name] = main
        return cls(tables=tuple(_table(t, present, chosen.get(t.name)) for t in present.values()))

    @cached_property
    def _by_name(self) -> Mapping[str, TableRelations]:
        return {t.name: t for t in self.tables}


def sampling_order(relations: Relations) -> tuple[str, ...]:
    """Give the tables, copied ones first, so that each main parent precedes its children.

    Other parents precede too wherever the keys form no cycle; where they do, a key that the primary key needs is
    kept before one that it does not need.
    """
    done = [t.name for t in relations.tables if t.mode == "copy"]
    waiting = [t for t in relations.tables if t.mode != "copy"]
    while waiting:
        ready = [t for t in waiting if not t.main or t.main.ref_table in done]
        first = min(ready, key=lambda t: len(_missing(t, done)))
        done.append(first.name)
        waiting.remove(first)
    return tuple(done)


def _check_copied(present: Mapping[str, TablePlan]) -> None:
    for table in present.values():
        for key in _present_keys(table, present):
            if table.mode == "copy" and present[key.ref_table].mode == "synthesize" and not key.soft:
                raise PlanError(
                    f"The parents of a copied table must be copied too, however {table.name!r} has mode: copy and"
                    f" refers to {key.ref_table!r}, which has mode: synthesize. Give both the same mode."
                )


def _missing(table: TableRelations, done: Sequence[str]) -> set[str]:
    return {k.ref_table for k in table.others} - set(done) - {table.name}


def _candidates(
    table: TablePlan, present: Mapping[str, TablePlan], n_rows: Mapping[str, int], wanted: str | None
) -> Iterable[ForeignKey]:
    """Give the keys that may be main, best first; only the wanted one where a model stands on it already.

    The key that tells whose a row is comes first, so that a row and its parent are held out together.
    """
    if table.mode != "synthesize":
        return ()
    keys = [
        k
        for k in _present_keys(table, present)
        if k.ref_table != table.name and present[k.ref_table].mode == "synthesize" and wanted in ("", k.name)
    ]
    through = table.entity.through
    return sorted(keys, key=lambda k: (k != through, -n_rows.get(k.ref_table, 0), -len(k.columns), k.name))


def _leads_to(start: str, goal: str, chosen: Mapping[str, ForeignKey]) -> bool:
    here: str | None = start
    while here is not None and here != goal:
        here = chosen[here].ref_table if here in chosen else None
    return here == goal


def _present_keys(table: TablePlan, present: Mapping[str, TablePlan]) -> list[ForeignKey]:
    return [k for k in dict.fromkeys(table.foreign_keys) if k.ref_table in present]


def _table(table: TablePlan, present: Mapping[str, TablePlan], main: ForeignKey | None) -> TableRelations:
    if table.mode == "copy":
        keys = []
    else:
        keys = sorted((k for k in _present_keys(table, present) if k != main), key=lambda k: (-len(k.columns), k.name))
    children = tuple(
        ChildKey(table=child.name, foreign_key=key)
        for child in present.values()
        if child.mode == "synthesize" and table.mode == "synthesize"
        for key in _present_keys(child, present)
        if key.ref_table == table.name
    )
    return TableRelations(name=table.name, mode=table.mode, main=main, others=tuple(keys), children=children)
