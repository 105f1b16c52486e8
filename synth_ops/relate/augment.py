"""From related tables to one flat table that a model can learn, and back again later by its spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.derived import Derived
from synth_ops.joints import keeps_joint
from synth_ops.owners import Owners
from synth_ops.plan.plan import Kind, Plan, TablePlan
from synth_ops.relate.clusters import ClusterSpec
from synth_ops.relate.flat import (
    LINK,
    PARENT_DEGREE,
    degree_name,
    describes,
    flat_name,
    label_name,
    parent_name,
    table_of,
    take_or_null,
)
from synth_ops.relate.keys import KeySpec, key_spec
from synth_ops.relate.links import ParentSide, count_children, fk_spec, link_labels, main_spec, pointers
from synth_ops.relate.match import Column
from synth_ops.relate.order import Relations, TableRelations
from synth_ops.relate.spec import FkSpec, TableSpec
from synth_ops.relate.unlearned import derive, fit_minters, is_learned
from synth_ops.schema import ForeignKey

Real = Mapping[str, pa.Table]
"""The real rows of each table by its name."""
Labels = NDArray[np.object_]


@dataclass(frozen=True)
class Augmented:
    """One table as its model sees it."""

    table: pa.Table
    """The flat table, context columns first."""
    kinds: Mapping[str, Kind]
    """How each flat column is to be encoded."""
    context: tuple[str, ...]
    """Columns that are given when sampling."""
    spec: TableSpec


@dataclass(frozen=True)
class Whole:
    """All rows of a table that is learned from a sample of them: what is counted must be counted on these."""

    table: str
    keys: pa.Table
    """The key columns of all rows."""
    chosen: NDArray[np.int64]
    """Which of them are the sample, in its order."""


def augment(  # noqa: PLR0913 — what is given is positional, how to look at it by keyword
    plan: Plan,
    table_name: str,
    real: Real,
    relations: Relations,
    *,
    keep: NDArray[np.bool_] | None = None,
    previous: TableSpec | None = None,
    whole: Whole | None = None,
    ids: NDArray[np.uint64] | None = None,
) -> Augmented:
    """Make the flat table of one table: its own learned columns beside what its relatives say of each row.

    `real` must hold the table itself, its parents and its children. `keep` marks the rows to learn from; keys are
    read of all rows, or children would be counted short. Where `real` holds a sample of the table's rows only,
    `whole` says of which; the table must not refer to itself then. `previous` is the spec of a model to be
    warm-started: what its labels meant, tonight's mean. `ids` is whose each of the table's rows is; without it, each
    row is an entity of its own.
    """
    clusters = {k.name: k.clusters for k in previous.others} if previous else {}
    subject = _Subject(plan, table_name, real, relations, clusters, whole, ids)
    flat = _Flat()
    main, parent_columns = _add_parent(flat, subject)
    labels = {k.name: _label(subject, k) for k in subject.related.others}
    lattice = subject.key.lattice
    for foreign_key in subject.related.others:
        if lattice and lattice.label == label_name(foreign_key):
            flat.add_labels(lattice.label, labels[foreign_key.name][1])
    _add_lattice(flat, subject)
    context = tuple(flat.columns)
    _add_own(flat, subject)
    for foreign_key in subject.related.others:
        if label_name(foreign_key) not in context:
            flat.add_labels(label_name(foreign_key), labels[foreign_key.name][1])
    _add_degrees(flat, subject)
    spec = TableSpec(
        table=table_name,
        n_rows=subject.keys.num_rows,
        columns=tuple(flat.columns),
        context=context,
        parent_columns=parent_columns,
        main=main,
        others=tuple(spec for spec, _ in labels.values()),
        key=subject.key,
        minters=subject.minters,
        derived=subject.derived,
    )
    return Augmented(table=flat.table(keep), kinds=flat.kinds, context=context, spec=spec)


@dataclass(frozen=True)
class _Subject:
    """One table among its relatives, and what its columns are found to be."""

    plan: Plan
    name: str
    real: Real
    relations: Relations
    clusters: Mapping[str, ClusterSpec | None] = field(default_factory=dict)
    """Clusters of an earlier night that labels stay with, by the key's name."""
    whole: Whole | None = None
    """All rows of the table of which `real` has a sample."""
    ids: NDArray[np.uint64] | None = None
    """Whose each of `rows` is."""

    @property
    def table(self) -> TablePlan:
        return self.plan.table(self.name)

    @property
    def rows(self) -> pa.Table:
        return self.real[self.name]

    @property
    def keys(self) -> pa.Table:
        """All rows, of which the key columns at least."""
        return self.keys_of(self.name)

    def keys_of(self, name: str) -> pa.Table:
        """Give all rows of a table, of which the key columns at least."""
        return self.whole.keys if self.whole and self.whole.table == name else self.real[name]

    def of_rows(self, values: NDArray[Any]) -> NDArray[Any]:
        """Give what belongs to `rows` of something that was found for all."""
        return values[self.whole.chosen] if self.whole and self.whole.table == self.name else values

    @property
    def related(self) -> TableRelations:
        return self.relations.table(self.name)

    @property
    def rare_below(self) -> int:
        return self.plan.privacy.rare_below

    @cached_property
    def key(self) -> KeySpec:
        copied = {k.name: label_name(k) for k in self.related.others if self.is_copied(k)}
        return key_spec(self.table, self.keys, self.related, copied, rare_below=self.rare_below)

    @cached_property
    def derived(self) -> tuple[Derived, ...]:
        return derive(self.table, self.rows, self.related)

    @cached_property
    def own_columns(self) -> tuple[str, ...]:
        """Source columns that the table's model learns."""
        left_out = {c for k in self.related.foreign_keys for c in k.columns} | self.key.unlearned
        left_out |= {d.column for d in self.derived}
        return tuple(c for c in self.table.table.column_names if c not in left_out and is_learned(self.table, c))

    @property
    def minters(self) -> Mapping[str, Mapping[str, object]]:
        derived = {d.column for d in self.derived}
        firsts = None if self.ids is None else Owners.of(self.ids).firsts()
        return fit_minters(
            self.table, self.rows, self.related, self.key, derived, rare_below=self.rare_below, firsts=firsts
        )

    def is_copied(self, key: ForeignKey) -> bool:
        return self.plan.table(key.ref_table).mode == "copy"

    def relative(self, name: str) -> "_Subject":
        return self if name == self.name else _Subject(self.plan, name, self.real, self.relations, {}, self.whole)


@dataclass
class _Flat:
    """A flat table in the making."""

    columns: dict[str, Column] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    """Columns that hold no null, and for which none may be sampled."""

    def add(self, name: str, values: Column, kind: Kind, *, required: bool = False) -> None:
        self.columns[name] = values
        self.kinds[name] = kind
        if required:
            self.required.add(name)

    def add_labels(self, name: str, labels: Labels) -> None:
        self.add(name, pa.array(labels, pa.string()), "categorical", required=True)

    def add_counts(self, name: str, counts: NDArray[np.int64]) -> None:
        self.add(name, pa.array(counts), "numeric", required=True)

    def table(self, keep: NDArray[np.bool_] | None = None) -> pa.Table:
        table = table_of(self.columns)
        fields = [f.with_nullable(f.name not in self.required) for f in table.schema]
        table = table.cast(pa.schema(fields)) if fields else table
        return table if keep is None or not table.num_columns else table.filter(pa.array(keep))


def _add_parent(flat: _Flat, subject: _Subject) -> tuple[FkSpec | None, tuple[str, ...]]:
    """Add what the main parent says of each row, and give the key's spec and the parent's columns."""
    main = subject.related.main
    if main is None:
        return None, ()
    described = _describe(subject.relative(main.ref_table)) if _is_whole(subject, main) else _Flat()
    parent_keys = subject.real[main.ref_table]
    all_rows = pointers(subject.keys, main, parent_keys)
    rows = subject.of_rows(all_rows)
    flat.add_labels(LINK, subject.of_rows(link_labels(subject.keys, main, all_rows)))
    joined = take_or_null(described.table(), rows)
    for name in joined.column_names:
        flat.add(parent_name(name), joined.column(name), described.kinds[name])
    degrees = count_children(all_rows, parent_keys.num_rows, to_itself=False)
    flat.add(PARENT_DEGREE, pa.array(degrees).take(pa.array(rows, mask=rows < 0)), "numeric")
    spec = main_spec(subject.keys, main, all_rows, parent_keys.num_rows, subject.rare_below)
    return spec, tuple(joined.column_names)


def _is_whole(subject: _Subject, key: ForeignKey) -> bool:
    """Tell whether a synthetic parent will be one that production could have, and so say something of its children.

    Of few parents each column is made by itself, the number of children too: a model that is told of them would be
    asked of parents that it has never seen, and give all their children what the rarest had.
    """
    return keeps_joint(subject.real[key.ref_table].num_rows, subject.plan.privacy.holdout)


def _describe(parent: _Subject) -> _Flat:
    """Give the flat columns of a table that tell its children something."""
    flat = _Flat()
    _add_lattice(flat, parent)
    _add_own(flat, parent)
    told = _Flat()
    for name, values in flat.columns.items():
        if describes(values, flat.kinds[name]):
            told.add(name, values, flat.kinds[name])
    for foreign_key in parent.related.others:
        if parent.is_copied(foreign_key):
            told.add_labels(label_name(foreign_key), _label(parent, foreign_key)[1])
    return told


def _label(subject: _Subject, key: ForeignKey) -> tuple[FkSpec, Labels]:
    """Describe a key that is not main, and give each row's label by it."""
    parent = subject.relative(key.ref_table)
    side = ParentSide(
        rows=parent.rows,
        features=None if subject.is_copied(key) else _features(parent),
        own=parent is subject,
        clusters=subject.clusters.get(key.name),
    )
    spec, labels = fk_spec(subject.keys, key, side, rare_below=subject.rare_below)
    return spec, subject.of_rows(labels)


def _features(parent: _Subject) -> pa.Table:
    """Give what clusters of a table's rows are made of: what it learns of itself, and how many children each has.

    Labels are left out, for a row's own parents may be clustered by what is sampled after it.
    """
    flat = _Flat()
    _add_own(flat, parent)
    _add_degrees(flat, parent)
    return flat.table()


def _add_lattice(flat: _Flat, subject: _Subject) -> None:
    if subject.key.lattice:
        _add_column(flat, subject, subject.key.lattice.column)


def _add_own(flat: _Flat, subject: _Subject) -> None:
    for name in subject.own_columns:
        if flat_name(name) not in flat.columns:
            _add_column(flat, subject, name)


def _add_column(flat: _Flat, subject: _Subject, name: str) -> None:
    required = not subject.table.table.column(name).nullable
    flat.add(flat_name(name), subject.rows.column(name), subject.table.column(name).kind, required=required)


def _add_degrees(flat: _Flat, subject: _Subject) -> None:
    for child in subject.related.children:
        rows = pointers(subject.keys_of(child.table), child.foreign_key, subject.rows)
        counts = count_children(rows, subject.rows.num_rows, to_itself=child.table == subject.name)
        flat.add_counts(degree_name(child.table, child.foreign_key), counts)
