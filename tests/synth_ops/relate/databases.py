"""Small related databases, and a stand-in for their models: real rows drawn again, numbers shaken a little."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from synth_ops.plan.plan import ColumnPlan, Mode, Plan, Privacy, TablePlan
from synth_ops.relate import Draft, Relations, Scene, augment, close, complete, sampling_order, start
from synth_ops.relate.match import any_null, find_rows, key_of
from synth_ops.schema import Column, ForeignKey, Table

Real = Mapping[str, pa.Table]


def key(columns: str, parent: str, ref: str | None = None, *, soft: bool = False) -> ForeignKey:
    """Give a foreign key of columns written with commas."""
    there = tuple((ref or columns).split(","))
    return ForeignKey(columns=tuple(columns.split(",")), ref_table=parent, ref_columns=there, soft=soft)


def table(
    name: str,
    rows: pa.Table,
    pk: str = "",
    keys: Sequence[ForeignKey] = (),
    *,
    mode: Mode = "synthesize",
    n: float = 1.0,
    unique: Sequence[tuple[str, ...]] = (),
) -> TablePlan:
    """Plan a table: keys are minted, all else is learned; nullable is what has nulls."""
    primary = tuple(pk.split(",")) if pk else ()
    in_key = {*primary, *(c for k in keys for c in k.columns)}
    declared = tuple(
        Column(name=f.name, source_type=str(f.type), arrow_type=str(f.type), nullable=f.nullable) for f in rows.schema
    )
    columns = tuple(
        ColumnPlan(name=f.name, fate="mint" if f.name in in_key else "learn", reason="test") for f in rows.schema
    )
    source = Table(name=name, columns=declared, primary_key=primary, foreign_keys=tuple(keys), unique=tuple(unique))
    return TablePlan(name=name, mode=mode, rows=n, foreign_keys=tuple(keys), columns=columns, table=source)


def plan_of(*tables: TablePlan, rare_below: int = 10) -> Plan:
    """Plan a database."""
    privacy = Privacy(rare_below=rare_below)
    return Plan(dataset="test", source="", publish="", expectations="", privacy=privacy, tables=tables)


def rows_of(required: str = "", **columns: object) -> pa.Table:
    """Make real rows; the required columns, written with commas, are not nullable."""
    made = pa.table(columns)
    fields = [f.with_nullable(f.name not in required.split(",")) for f in made.schema]
    return pa.Table.from_arrays(made.columns, schema=pa.schema(fields))


def copy_database(plan: Plan, real: Real, seed: int = 0) -> dict[str, pa.Table]:
    """Do as `sample` does, with rows drawn again in the model's place."""
    relations = Relations.of(plan, {name: rows.num_rows for name, rows in real.items()})
    drafts: dict[str, Draft] = {}
    rng = np.random.default_rng(seed)
    scene = Scene(drafts=drafts, taken=lambda t, c: real[t].column(c), rng=rng)
    for name in sampling_order(relations):
        drafts[name] = _draft(plan, name, real, relations, scene)
    return {name: d.finished() if plan.table(name).mode == "copy" else close(d, scene) for name, d in drafts.items()}


def _draft(plan: Plan, name: str, real: Real, relations: Relations, scene: Scene) -> Draft:
    planned = plan.table(name)
    if planned.mode == "copy":
        return Draft.copied(planned, real[name])
    augmented = augment(plan, name, real, relations)
    frame = start(planned, augmented.spec, real[name].schema, scene.drafts, scene.rng)
    assert tuple(frame.context.column_names) == augmented.context
    draft = Draft(plan=planned, schema=real[name].schema, n_rows=frame.n_rows, spec=augmented.spec)
    own = [c for c in augmented.spec.columns if c not in augmented.context]
    source = scene.rng.integers(0, max(augmented.table.num_rows, 1), frame.n_rows)
    sampled = augmented.table.select(own).take(pa.array(source)) if own else pa.table({})
    complete(draft, frame, sampled, scene)
    return draft


def n_broken(made: Real, child: str, foreign_key: ForeignKey) -> int:
    """Count the rows whose key is not null and finds no parent."""
    mine = key_of(made[child], foreign_key.columns)
    found = find_rows(mine, key_of(made[foreign_key.ref_table], foreign_key.ref_columns))
    return int(((found < 0) & ~any_null(mine)).sum())


def degrees(rows: Real, child: str, foreign_key: ForeignKey) -> np.ndarray:
    """Count each parent's children."""
    parent = rows[foreign_key.ref_table]
    found = find_rows(key_of(rows[child], foreign_key.columns), key_of(parent, foreign_key.ref_columns))
    return np.bincount(found[found >= 0], minlength=parent.num_rows)


def is_distinct(rows: pa.Table, columns: str) -> bool:
    """Tell whether the tuples of columns written with commas all differ."""
    names = columns.split(",")
    return bool(rows.select(names).group_by(names).aggregate([]).num_rows == rows.num_rows)
