"""From sampled flat tables to a database whose keys resolve.

`start` says how many rows a table has and what its model is given of each; its columns are then made chunk by chunk
(`chunks.py`). Once what is kept of them is there, `complete` finds the parents that have keys already, and `close`
those that came later, itself among them.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.errors import PlanError
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


@dataclass(frozen=True)
class Frame:
    """What is known of a table's rows before its model is asked."""

    n_rows: int
    spec: TableSpec
    dtypes: pa.Schema
    """The source's types."""
    main_rows: Rows
    """The main parent's row, per row; empty where there is no main parent."""
    sizes: NDArray[np.int64]
    """Children of each row of the main parent."""
    parent: Draft | None
    labels: NDArray[np.int32]
    """Position in `lattice_labels` of the group that each row's lattice belongs to; empty where it is the parent's."""
    points: NDArray[np.int64]
    """Each row's lattice point; empty where there is no lattice."""

    def context(self, rows: range) -> pa.Table:
        """Give the flat table's context columns of these rows."""
        columns = _from_parent(self, self.main_rows[rows.start : rows.stop])
        lattice = self.spec.key.lattice
        if lattice and lattice.label:
            names = np.array(lattice_labels(lattice, self.n_rows)[0], dtype=object)
            columns[lattice.label] = pa.array(names[self.labels[rows.start : rows.stop]], pa.string())
        if lattice:
            dtype = self.dtypes.field(lattice.column).type
            columns[flat_name(lattice.column)] = lattice.values(self.points[rows.start : rows.stop], dtype)
        return table_of({c: columns[c] for c in self.spec.context})


def start(plan: TablePlan, spec: TableSpec, schema: pa.Schema, drafts: Drafts, rng: np.random.Generator) -> Frame:
    """Say how many rows a table shall have, under which parents, and what its model is given of each."""
    n_rows = wanted_rows(plan, spec)
    main_rows, sizes, labels = _NO_ROWS, _NO_ROWS, _NO_ROWS
    if spec.main:
        main_rows, sizes = _place(plan, spec.main, n_rows, drafts, rng)
        n_rows = len(main_rows)
        groups = np.append(sizes, np.ones(n_rows - sizes.sum(), dtype=np.int64))
    else:
        groups = _label_sizes(spec, n_rows)
        labels = np.repeat(np.arange(len(groups)), groups)
    return Frame(
        n_rows=n_rows,
        spec=spec,
        dtypes=schema,
        main_rows=main_rows,
        sizes=sizes,
        parent=drafts[spec.main.foreign_key.ref_table] if spec.main else None,
        labels=labels.astype(np.int32),
        points=lattice_points(spec.key.lattice, groups, rng) if spec.key.lattice else _NO_ROWS,
    )


_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


def _label_sizes(spec: TableSpec, n_rows: int) -> NDArray[np.int64]:
    """Give the number of rows of each group that a lattice belongs to, where that is a copied parent."""
    lattice = spec.key.lattice
    return _NO_ROWS if lattice is None or lattice.label is None else lattice_labels(lattice, n_rows)[1]


def wanted_rows(plan: TablePlan, spec: TableSpec) -> int:
    """Give the number of rows that the plan asks for."""
    return round(plan.rows * spec.n_rows) if isinstance(plan.rows, float) else plan.rows


def complete(draft: Draft, scene: Scene) -> None:
    """Find every parent that is there already, keep composite keys distinct, and number rows through."""
    spec = known_spec(draft)
    find_parents(draft, [k for k in spec.foreign_keys if k.foreign_key.ref_table in scene.drafts], scene)
    fill_required(draft, scene)  # before keys are made distinct, for a null is equal to no other
    draft.main_rows = _NO_ROWS
    for key in spec.key.distinct:
        if not (spec.key.sequence and spec.key.sequence.column in key):
            make_distinct(draft, key, scene.rng)
    _number_through(draft)


def close(draft: Draft, scene: Scene) -> None:
    """Find the parents that came later."""
    spec = known_spec(draft)
    find_parents(draft, [k for k in spec.foreign_keys if k.name not in draft.resolved], scene)
    fill_required(draft, scene)


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


def _from_parent(frame: Frame, main_rows: Rows) -> dict[str, Column]:
    """Give what the model is told of each row's main parent."""
    if frame.parent is None:
        return {}
    words = np.where(main_rows >= 0, PRESENT, np.where(main_rows == ORPHAN_ROW, ORPHAN, NULL))
    context: dict[str, Column] = {LINK: pa.array(words.astype(object), pa.string())}
    known = [c for c in frame.spec.parent_columns if c in frame.parent.flat.column_names]
    joined = take_or_null(frame.parent.flat.select(known), main_rows)
    for name in frame.spec.parent_columns:
        there = name in known
        context[parent_name(name)] = joined.column(name) if there else pa.nulls(len(main_rows))
    context[PARENT_DEGREE] = pa.array(frame.sizes).take(pa.array(main_rows, mask=main_rows < 0))
    return context


def _number_through(draft: Draft) -> None:
    """Number the rows of each group, for a key that counts."""
    sequence = known_spec(draft).key.sequence
    if sequence:
        ranks = group_ranks(tuple_codes(draft.key(sequence.by))[0]) if draft.n_rows else np.zeros(0, dtype=np.int64)
        draft.put(sequence.column, pa.array(ranks + sequence.start))


def known_spec(draft: Draft) -> TableSpec:
    """Give the spec of a synthesised table.

    Raises:
        PlanError: the table is copied.
    """
    if draft.spec is None:
        raise PlanError(f"Table {draft.name!r} must be synthesised to be resolved, however it is copied.")
    return draft.spec
