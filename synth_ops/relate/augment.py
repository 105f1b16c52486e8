"""From related tables to one flat table that a model can learn, and back again later by its spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.plan.plan import Kind, Plan, TablePlan
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
from synth_ops.relate.links import count_children, fk_spec, link_labels, main_spec, pointers
from synth_ops.relate.order import Relations, TableRelations
from synth_ops.relate.spec import FkSpec, TableSpec
from synth_ops.relate.unlearned import derive, fit_minters, is_learned
from synth_ops.schema import ForeignKey

Real = Mapping[str, pa.Table]
"""The real rows of each table by its name."""


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


@dataclass
class _Flat:
    """A flat table in the making."""

    columns: dict[str, pa.Array | pa.ChunkedArray] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)

    def add(self, name: str, values: pa.Array | pa.ChunkedArray, kind: Kind) -> None:
        self.columns[name] = values
        self.kinds[name] = kind

    def add_labels(self, name: str, labels: NDArray[np.object_]) -> None:
        self.add(name, pa.array(labels, pa.string()), "categorical")

    def add_counts(self, name: str, counts: NDArray[np.int64]) -> None:
        self.add(name, pa.array(counts, pa.int64()), "numeric")


def augment(
    plan: Plan, table_name: str, real: Real, relations: Relations, *, keep: NDArray[np.bool_] | None = None
) -> Augmented:
    """Make the flat table of one table: its own learned columns beside what its relatives say of each row.

    `real` must hold the table itself, its parents and its children. `keep` marks the rows to learn from; keys are
    read of all rows, or children would be counted short.
    """
    table, rows, related = plan.table(table_name), real[table_name], relations.table(table_name)
    rare_below = plan.privacy.rare_below
    key = _key_spec(plan, table, rows, related)
    derived, derived_json = derive(table, rows, related, key)
    flat = _Flat()
    main, parent_columns = _add_parent(flat, plan, real, relations, related)
    labels = {k.name: _fk(plan, table_name, k, real, relations) for k in related.others}
    if key.lattice and key.lattice.label:
        _move_label(flat, key.lattice.label, related, labels)
    if key.lattice:
        flat.add(flat_name(key.lattice.column), rows.column(key.lattice.column), table.column(key.lattice.column).kind)
    context = tuple(flat.columns)
    _add_own(flat, table, rows, related, key, derived)
    for foreign_key in related.others:
        if label_name(foreign_key) not in flat.columns:
            flat.add_labels(label_name(foreign_key), labels[foreign_key.name][1])
    _add_degrees(flat, rows, related, real)
    spec = TableSpec(
        table=table_name,
        n_rows=rows.num_rows,
        columns=tuple(flat.columns),
        context=context,
        parent_columns=parent_columns,
        main=main,
        others=tuple(labels[k.name][0] for k in related.others),
        key=key,
        minters=fit_minters(table, rows, related, key, derived, rare_below),
        derived=derived_json,
    )
    flat_table = table_of(flat.columns)
    if keep is not None and flat_table.num_columns:
        flat_table = flat_table.filter(pa.array(keep))
    return Augmented(table=flat_table, kinds=flat.kinds, context=context, spec=spec)


def describe_rows(plan: Plan, name: str, real: Real, relations: Relations) -> tuple[pa.Table, Mapping[str, Kind]]:
    """Give the flat columns of a table that tell its children something, and their kinds."""
    table, rows, related = plan.table(name), real[name], relations.table(name)
    key = _key_spec(plan, table, rows, related)
    derived, _ = derive(table, rows, related, key)
    flat = _Flat()
    if key.lattice:
        flat.add(flat_name(key.lattice.column), rows.column(key.lattice.column), table.column(key.lattice.column).kind)
    _add_own(flat, table, rows, related, key, derived)
    told = [c for c in flat.columns if describes(pa.chunked_array(flat.columns[c]), flat.kinds[c])]
    for foreign_key in related.others:
        if plan.table(foreign_key.ref_table).mode == "copy":
            flat.add_labels(label_name(foreign_key), _fk(plan, name, foreign_key, real, relations)[1])
            told.append(label_name(foreign_key))
    return table_of({c: flat.columns[c] for c in told}), {c: flat.kinds[c] for c in told}


def _key_spec(plan: Plan, table: TablePlan, rows: pa.Table, related: TableRelations) -> KeySpec:
    copied = {k.name: label_name(k) for k in related.others if plan.table(k.ref_table).mode == "copy"}
    return key_spec(table, rows, related, copied, rare_below=plan.privacy.rare_below)


def _add_parent(
    flat: _Flat, plan: Plan, real: Real, relations: Relations, related: TableRelations
) -> tuple[FkSpec | None, tuple[str, ...]]:
    """Add what the main parent says of each row, and give the key's spec and the parent's columns."""
    if related.main is None:
        return None, ()
    parent, kinds = describe_rows(plan, related.main.ref_table, real, relations)
    parent_keys = real[related.main.ref_table]
    rows = pointers(real[related.name], related.main, parent_keys)
    flat.add_labels(LINK, link_labels(real[related.name], related.main, rows))
    joined = take_or_null(parent, rows)
    for name in joined.column_names:
        flat.add(parent_name(name), joined.column(name), kinds[name])
    degrees = count_children(rows, parent_keys.num_rows, to_itself=False)
    flat.add(PARENT_DEGREE, pa.array(degrees).take(pa.array(rows, mask=rows < 0)), "numeric")
    spec = main_spec(real[related.name], related.main, rows, parent_keys.num_rows, plan.privacy.rare_below)
    return spec, tuple(joined.column_names)


def _fk(
    plan: Plan, name: str, key: ForeignKey, real: Real, relations: Relations
) -> tuple[FkSpec, NDArray[np.object_]]:
    copied = plan.table(key.ref_table).mode == "copy"
    features = None if copied else _features(plan, key.ref_table, real, relations)
    own = key.ref_table == name
    return fk_spec(real[name], key, real[key.ref_table], features, rare_below=plan.privacy.rare_below, own=own)


def _features(plan: Plan, name: str, real: Real, relations: Relations) -> pa.Table:
    """Give what clusters of a table's rows are made of: what describes them, and how many children they have.

    Labels are left out, for a row's own parents may be clustered by what is sampled after it.
    """
    flat = _Flat()
    table, rows, related = plan.table(name), real[name], relations.table(name)
    key = _key_spec(plan, table, rows, related)
    derived, _ = derive(table, rows, related, key)
    _add_own(flat, table, rows, related, key, derived)
    _add_degrees(flat, rows, related, real)
    if not flat.columns:
        return pa.table({"@row": pa.nulls(rows.num_rows)})
    return table_of(flat.columns)


def _move_label(
    flat: _Flat, label: str, related: TableRelations, labels: Mapping[str, tuple[FkSpec, NDArray[np.object_]]]
) -> None:
    """Put a label among the context columns, since the lattice is laid within it."""
    key = next(k for k in related.others if label_name(k) == label)
    flat.add_labels(label, labels[key.name][1])


def _add_own(
    flat: _Flat, table: TablePlan, rows: pa.Table, related: TableRelations, key: KeySpec, derived: frozenset[str]
) -> None:
    covered = {c for k in related.foreign_keys for c in k.columns}
    for name in table.table.column_names:
        if name in covered or name in key.unlearned or name in derived or flat_name(name) in flat.columns:
            continue
        if is_learned(table, name):
            flat.add(flat_name(name), rows.column(name), table.column(name).kind)


def _add_degrees(flat: _Flat, rows: pa.Table, related: TableRelations, real: Real) -> None:
    for child in related.children:
        counts = count_children(
            pointers(real[child.table], child.foreign_key, rows), rows.num_rows, to_itself=child.table == related.name
        )
        flat.add_counts(degree_name(child.table, child.foreign_key), counts)
