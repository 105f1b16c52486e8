"""Columns that no model makes: minted, faked, emptied, copied by explicit word, or following from others."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pyarrow as pa

from synth_ops.derived import Derived, apply, detect
from synth_ops.mint import Minter, fit_minter, mint
from synth_ops.plan.plan import TablePlan
from synth_ops.relate.draft import Draft, Scene
from synth_ops.relate.keys import KeySpec
from synth_ops.relate.order import TableRelations
from synth_ops.relate.spec import FkSpec


def is_learned(table: TablePlan, column: str) -> bool:
    """Tell whether a column that no key makes is learned: as planned, or as a part of a composite key."""
    fate = table.column(column).fate
    composite = len(table.table.primary_key) > 1 and column in table.table.primary_key
    return fate == "learn" or (fate == "mint" and composite)


def derive(table: TablePlan, rows: pa.Table, related: TableRelations) -> tuple[Derived, ...]:
    """Find the learned columns, apart from keys, that follow from others."""
    keys = {c for k in (table.table.primary_key, *table.table.unique) for c in k}
    keys |= {c for k in related.foreign_keys for c in k.columns}
    keys |= {c for child in related.children for c in child.foreign_key.ref_columns}
    candidates = [c.name for c in table.columns if c.fate == "learn" and c.name not in keys]
    return detect(rows, candidates=candidates)


def apply_derived(draft: Draft, derived: Sequence[Derived]) -> None:
    """Fill in the columns that follow from others."""
    if not derived:
        return
    sources = sorted({s for d in derived for s in d.sources})
    made = apply(pa.table({s: draft.columns[s] for s in sources}), derived)
    for relation in derived:
        draft.put(relation.column, made.column(relation.column))


def fit_minters(
    table: TablePlan,
    rows: pa.Table,
    related: TableRelations,
    key: KeySpec,
    derived: AbstractSet[str],
    *,
    rare_below: int,
) -> dict[str, Mapping[str, Any]]:
    """Look once at each column that is not learned, and at each key that may have orphans."""
    covered = {c for k in related.foreign_keys for c in k.columns}
    strays = {c for k in related.foreign_keys if k.soft for c in k.columns}
    otherwise = covered | key.unlearned | derived
    made = {c for c in table.table.column_names if c not in otherwise and not is_learned(table, c)}
    made |= set(key.minted) | strays
    return {c: _fit(table, rows, c, rare_below) for c in sorted(made) if table.column(c).fate != "copy"}


def mint_column(draft: Draft, column: str, scene: Scene) -> pa.Array:
    """Make a column that is not learned."""
    if column not in _spec_minters(draft):
        return _drawn(draft, column, scene)
    minter = Minter.model_validate(_spec_minters(draft)[column])
    unique = is_unique(draft.plan, column) or column in (draft.spec.key.minted if draft.spec else ())
    avoid = scene.taken(draft.name, column) if minter.kind in ("pattern", "uuid") and unique else None
    dtype = draft.schema.field(column).type
    return mint(minter, draft.n_rows, arrow_type=dtype, seed=_seed(scene.rng), unique=unique, taken=avoid)


def mint_orphans(draft: Draft, key: FkSpec, column: str, n: int, avoid: pa.Array, scene: Scene) -> pa.Array:
    """Make key values that no parent has, repeated as often as the real orphans are."""
    minter = Minter.model_validate(_spec_minters(draft)[column])
    dtype = draft.schema.field(column).type
    real = scene.taken(draft.name, column) if minter.kind == "pattern" else None
    known = pa.concat_arrays([avoid.cast(dtype), *(c.cast(dtype) for c in (real.chunks if real is not None else []))])
    n_distinct = max(1, min(n, round(n * key.orphan_repeat)))
    pool = mint(minter, n_distinct, arrow_type=dtype, seed=_seed(scene.rng), unique=True, taken=known)
    return pool.take(pa.array(scene.rng.integers(0, len(pool), n)))


def is_unique(table: TablePlan, column: str) -> bool:
    """Tell whether a column alone must never repeat."""
    return (column,) in (table.table.primary_key, *table.table.unique)


def _fit(table: TablePlan, rows: pa.Table, name: str, rare_below: int) -> dict[str, Any]:
    planned = table.column(name)
    # A key that the plan has as learned is minted nevertheless: keys are never learned.
    planned = planned if planned.fate in ("fake", "mint", "null") else planned.model_copy(update={"fate": "mint"})
    minter = fit_minter(
        planned, table.table.column(name), rows.column(name), rare_below=rare_below, offset=table.key_offset
    )
    return minter.model_dump(mode="json")


def _drawn(draft: Draft, column: str, scene: Scene) -> pa.Array:
    """Draw real values at random: of a column that the plan says to copy."""
    real = scene.taken(draft.name, column)
    dtype = draft.schema.field(column).type
    if real is None or len(real) == 0:
        return pa.nulls(draft.n_rows, dtype)
    return real.take(pa.array(scene.rng.integers(0, len(real), draft.n_rows))).combine_chunks()


def _spec_minters(draft: Draft) -> Mapping[str, Mapping[str, Any]]:
    return draft.spec.minters if draft.spec else {}


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31))
