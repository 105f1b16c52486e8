"""From sampled flat tables to a database whose keys resolve.

A table goes through three steps: `start` says how many rows it has and what its model is given of each; `complete`
mints its keys and finds the parents that are there already; `close` finds those that came later, itself among them,
and puts the columns in their final order and types.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.plan.plan import TablePlan
from synth_ops.relate.degrees import DegreeSpec, calibrate
from synth_ops.relate.distinct import make_distinct
from synth_ops.relate.draft import NULL_ROW, ORPHAN_ROW, Draft, Drafts, Rows, Scene
from synth_ops.relate.flat import LINK, PARENT_DEGREE, flat_name, parent_name, table_of, take_or_null
from synth_ops.relate.keys import lattice_labels, lattice_points
from synth_ops.relate.links import NULL, ORPHAN, PRESENT
from synth_ops.relate.match import Column, group_ranks, tuple_codes
from synth_ops.relate.parents import fill_required, find_parents
from synth_ops.relate.spec import FkSpec, TableSpec
from synth_ops.relate.unlearned import apply_derived, mint_column


@dataclass(frozen=True)
class Frame:
    """What is known of a table's rows before its model is asked."""

    n_rows: int
    context: pa.Table
    """The flat table's context columns."""
    main_rows: Rows
    """The main parent's row, per row; empty where there is no main parent."""


def start(plan: TablePlan, spec: TableSpec, schema: pa.Schema, drafts: Drafts, rng: np.random.Generator) -> Frame:
    """Say how many rows a table shall have, under which parents, and what its model is given of each."""
    n_rows = wanted_rows(plan, spec)
    if spec.main:
        main_rows, sizes = _place(plan, spec.main, n_rows, drafts, rng)
        context = _from_parent(spec, main_rows, sizes, drafts[spec.main.foreign_key.ref_table])
        groups = np.append(sizes, np.ones(len(main_rows) - sizes.sum(), dtype=np.int64))
    else:
        context, groups = _by_label(spec, n_rows)
        main_rows = np.zeros(0, dtype=np.int64)
    if spec.key.lattice:
        column = spec.key.lattice.column
        points = lattice_points(spec.key.lattice, groups, rng)
        context[flat_name(column)] = spec.key.lattice.values(points, schema.field(column).type)
    context_table = table_of({c: context[c] for c in spec.context})
    return Frame(n_rows=len(main_rows) if spec.main else n_rows, context=context_table, main_rows=main_rows)


def _by_label(spec: TableSpec, n_rows: int) -> tuple[dict[str, Column], NDArray[np.int64]]:
    """Give the label of the group that each row's lattice belongs to, where that is a copied parent."""
    lattice = spec.key.lattice
    if lattice is None or lattice.label is None:
        return {}, np.zeros(0, dtype=np.int64)
    labels, groups = lattice_labels(lattice, n_rows)
    return {lattice.label: pa.array(np.repeat(np.array(labels, dtype=object), groups), pa.string())}, groups


def wanted_rows(plan: TablePlan, spec: TableSpec) -> int:
    """Give the number of rows that the plan asks for."""
    return round(plan.rows * spec.n_rows) if isinstance(plan.rows, float) else plan.rows


def complete(draft: Draft, frame: Frame, sampled: pa.Table, scene: Scene) -> None:
    """Take in what the model sampled, mint the keys, and find every parent that is there already."""
    spec = _spec(draft)
    _take_in(draft, frame, sampled)
    left_out = {c for k in spec.foreign_keys for c in k.foreign_key.columns} - set(spec.key.minted)
    left_out |= {d.column for d in spec.derived} | ({spec.key.sequence.column} if spec.key.sequence else set())
    for name in draft.plan.table.column_names:
        values = draft.sampled(name)
        if values is not None:
            draft.put(name, values if draft.nullable(name) else _not_null(values, scene.rng))
        elif name not in left_out:
            draft.put(name, mint_column(draft, name, scene))
    here = [k for k in spec.foreign_keys if k.foreign_key.ref_table in scene.drafts]
    find_parents(draft, here, scene)
    for key in spec.key.distinct:
        if not (spec.key.sequence and spec.key.sequence.column in key):
            make_distinct(draft, key, scene.rng)
    _number_through(draft)


def close(draft: Draft, scene: Scene) -> pa.Table:
    """Find the parents that came later, compute what follows from other columns, and give the final table."""
    spec = _spec(draft)
    find_parents(draft, [k for k in spec.foreign_keys if k.name not in draft.resolved], scene)
    fill_required(draft, scene)
    draft.key(draft.plan.table.column_names)
    apply_derived(draft, spec.derived)
    return draft.finished()


def _place(
    plan: TablePlan, main: FkSpec, n_rows: int, drafts: Drafts, rng: np.random.Generator
) -> tuple[Rows, NDArray[np.int64]]:
    """Give each row's main parent, and each parent's number of children; rows without a parent come last."""
    parent = drafts[main.foreign_key.ref_table]
    n_orphans = round(main.orphan_share * n_rows)
    n_null = round(main.null_share * n_rows)
    n_linked = n_rows - n_orphans - n_null
    there = parent.with_key(main.foreign_key.ref_columns)
    if len(there) == 0 and n_linked:
        _require_optional(plan, main)
        n_null, n_linked = n_null + n_linked, 0
    sizes = np.zeros(parent.n_rows, dtype=np.int64)
    degrees = main.degrees or DegreeSpec(groups=())
    sizes[there] = calibrate(degrees, parent.degree_scores(plan.name, main)[there], n_linked, rng)
    alone = np.repeat([NULL_ROW, ORPHAN_ROW], [n_null, n_orphans])
    return np.concatenate([np.repeat(np.arange(parent.n_rows), sizes), alone]), sizes


def _require_optional(plan: TablePlan, main: FkSpec) -> None:
    key = main.foreign_key
    if not all(plan.table.column(c).nullable for c in key.columns):
        raise PlanError(
            f"Rows of table {plan.name!r} must have a parent by {key.name}, however the synthetic {key.ref_table!r}"
            f" has no rows. Ask for rows of it under tables.{key.ref_table}.rows, or for none of {plan.name!r}."
        )


def _from_parent(spec: TableSpec, main_rows: Rows, sizes: NDArray[np.int64], parent: Draft) -> dict[str, Column]:
    """Give what the model is told of each row's main parent."""
    words = np.where(main_rows >= 0, PRESENT, np.where(main_rows == ORPHAN_ROW, ORPHAN, NULL))
    context: dict[str, Column] = {LINK: pa.array(words.astype(object), pa.string())}
    known = [c for c in spec.parent_columns if c in parent.flat.column_names]
    joined = take_or_null(parent.flat.select(known), main_rows)
    for name in spec.parent_columns:
        there = name in known
        context[parent_name(name)] = joined.column(name) if there else pa.nulls(len(main_rows))
    context[PARENT_DEGREE] = pa.array(sizes).take(pa.array(main_rows, mask=main_rows < 0))
    return context


def _take_in(draft: Draft, frame: Frame, sampled: pa.Table) -> None:
    known = [c for c in frame.context.column_names if c != LINK and not c.startswith("@parent:")]
    columns = {c: frame.context.column(c) for c in known} | {c: sampled.column(c) for c in sampled.column_names}
    draft.flat, draft.main_rows = table_of(columns), frame.main_rows


def _number_through(draft: Draft) -> None:
    """Number the rows of each group, for a key that counts."""
    sequence = _spec(draft).key.sequence
    if sequence:
        ranks = group_ranks(tuple_codes(draft.key(sequence.by))[0]) if draft.n_rows else np.zeros(0, dtype=np.int64)
        draft.put(sequence.column, pa.array(ranks + sequence.start))


def _not_null(values: pa.ChunkedArray, rng: np.random.Generator) -> pa.ChunkedArray:
    """Put another row's value where a required one is missing."""
    if values.null_count == 0:
        return values
    known = np.flatnonzero(values.is_valid().to_numpy())
    if len(known) == 0:
        raise CorruptArtifact(
            "A column that may not be null must be sampled as values, however its model gives none."
            " Delete the table's model folder and run again: it will be trained anew."
        )
    source = np.arange(len(values))
    missing = np.flatnonzero(values.is_null().to_numpy())
    source[missing] = rng.choice(known, len(missing))
    return values.take(pa.array(source))


def _spec(draft: Draft) -> TableSpec:
    if draft.spec is None:
        raise PlanError(f"Table {draft.name!r} must be synthesised to be resolved, however it is copied.")
    return draft.spec
