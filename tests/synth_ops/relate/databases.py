"""Small related databases, and a stand-in for their models: real rows drawn again, numbers shaken a little."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from synth_ops.plan.plan import ColumnPlan, Mode, Plan, Privacy, TablePlan
from synth_ops.relate import (
    Augmented,
    Chunk,
    Draft,
    Frame,
    Relations,
    Scene,
    augment,
    close,
    complete,
    finished,
    keep,
    kept_of,
    make_chunk,
    mint_whole,
    sampling_order,
    start,
)
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


def copy_database(plan: Plan, real: Real, seed: int = 0, *, n_chunk: int = 128) -> dict[str, pa.Table]:
    """Do as `sample` does, with rows drawn again in the model's place, in small chunks."""
    relations = Relations.of(plan, {name: rows.num_rows for name, rows in real.items()})
    seen = {t.name: augment(plan, t.name, real, relations) for t in relations.tables if t.mode == "synthesize"}
    drafts: dict[str, Draft] = {}
    chunks: dict[str, list[Chunk]] = {}
    scene = Scene(drafts=drafts, taken=lambda t, c: real[t].column(c), rng=np.random.default_rng(seed))
    for name in sampling_order(relations):
        planned = plan.table(name)
        if planned.mode == "copy":
            drafts[name] = Draft.copied(planned, real[name], real[name].schema)
            continue
        kept = kept_of(name, {n: a.spec for n, a in seen.items()})
        frame = start(planned, seen[name].spec, real[name].schema, drafts, scene.rng)
        draft = Draft(planned, real[name].schema, frame.n_rows, seen[name].spec, kept, main_rows=frame.main_rows)
        mint_whole(draft, scene)
        chunks[name] = [_chunk(draft, frame, seen[name], rows, scene) for rows in _cut(frame.n_rows, n_chunk)]
        keep(draft, chunks[name], scene.rng)
        complete(draft, scene)
        drafts[name] = draft
    for name in chunks:
        close(drafts[name], scene)
    return {name: _whole(drafts[name], chunks[name]) if name in chunks else real[name] for name in drafts}


def _cut(n_rows: int, n_chunk: int) -> list[range]:
    return [range(a, min(a + n_chunk, n_rows)) for a in range(0, max(n_rows, 1), n_chunk)]


def _chunk(draft: Draft, frame: Frame, seen: Augmented, rows: range, scene: Scene) -> Chunk:
    assert tuple(frame.context(rows).column_names) == seen.context
    own = [c for c in seen.spec.columns if c not in seen.context]
    source = scene.rng.integers(0, max(seen.table.num_rows, 1), len(rows))
    sampled = seen.table.select(own).take(pa.array(source)) if own else pa.table({})
    return make_chunk(draft, frame, rows, sampled, seed=7, taken=scene.taken)


def _whole(draft: Draft, chunks: Sequence[Chunk]) -> pa.Table:
    rest = {c: pa.chunked_array([k.rest[c] for k in chunks]) for c in chunks[0].rest}
    left = rest if draft.left is None else {c: v.filter(pa.array(draft.left)) for c, v in rest.items()}
    return finished(draft, 0, draft.n_rows, {c: v.combine_chunks() for c, v in left.items()})


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
