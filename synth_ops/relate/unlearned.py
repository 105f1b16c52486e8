"""Columns that no model makes: minted, faked, emptied, copied by explicit word, or following from others."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.derived import Derived, detect
from synth_ops.mint import Minter, fit_minter, mint
from synth_ops.plan.plan import TablePlan
from synth_ops.relate.draft import Draft, Scene, Taken
from synth_ops.relate.keys import KeySpec
from synth_ops.relate.order import TableRelations
from synth_ops.relate.spec import FkSpec
from synth_ops.seeds import seed_of

STRETCH = 1 << 20
"""Rows, a multiple of those in a chunk, that draw from one pool where made values repeat."""


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


def fit_minters(  # noqa: PLR0913 — what is looked at is positional, how by keyword
    table: TablePlan,
    rows: pa.Table,
    related: TableRelations,
    key: KeySpec,
    derived: AbstractSet[str],
    *,
    rare_below: int,
    firsts: NDArray[np.int64] | None = None,
) -> dict[str, Mapping[str, Any]]:
    """Look once at each column that is not learned, and at each key that may have orphans.

    `firsts` is one row of each entity, where some have more.
    """
    covered = {c for k in related.foreign_keys for c in k.columns}
    strays = {c for k in related.foreign_keys if k.soft for c in k.columns}
    otherwise = covered | key.unlearned | derived
    made = {c for c in table.table.column_names if c not in otherwise and not is_learned(table, c)}
    made |= set(key.minted) | strays
    told = rows if firsts is None else rows.select(sorted(made)).take(pa.array(firsts))
    return {c: _fit(table, rows, c, rare_below, told) for c in sorted(made) if table.column(c).fate != "copy"}


def is_whole(draft: Draft, column: str) -> bool:
    """Tell whether a column must be made at once: its values differ, and a row's number does not say how."""
    minter = _minter(draft, column)
    if minter is None or minter.kind == "null":
        return False
    if minter.kind == "step":
        return minter.distinct_share >= 1 or _must_differ(draft, column)
    return _must_differ(draft, column) and minter.kind not in ("integer", "uuid")


def mint_column(draft: Draft, column: str, scene: Scene) -> pa.Array:
    """Make a whole column that is not learned."""
    minter = Minter.model_validate(_spec_minters(draft)[column])
    unique = _must_differ(draft, column)
    avoid = scene.taken(draft.name, column) if minter.kind == "pattern" and unique else None
    dtype = draft.schema.field(column).type
    return mint(minter, draft.n_rows, arrow_type=dtype, seed=_seed(scene.rng), unique=unique, taken=avoid)


def mint_rows(draft: Draft, column: str, rows: range, *, seed: int, taken: Taken) -> pa.Array:
    """Make some rows of a column that is not learned, the same whatever other rows are made.

    Rows of a stretch of `STRETCH` repeat the same values, where values repeat.
    """
    minter, dtype = _minter(draft, column), draft.schema.field(column).type
    own_seed = seed_of(str(seed), column, str(rows.start))
    if minter is None:
        return _drawn(taken(draft.name, column), len(rows), dtype, np.random.default_rng(own_seed))
    unique = _must_differ(draft, column)
    if unique or minter.distinct_share >= 1:
        at = minter.model_copy(update={"offset": minter.offset + rows.start})
        return mint(at, len(rows), arrow_type=dtype, seed=own_seed, unique=unique)
    pool, rng = _pool(draft, minter, rows.start // STRETCH, seed), np.random.default_rng(own_seed)
    chosen = rng.integers(0, max(len(pool), 1), len(rows))
    return pool.take(pa.array(chosen, mask=rng.random(len(rows)) < minter.null_share))


def _pool(draft: Draft, minter: Minter, stretch: int, seed: int) -> pa.Array:
    """Give the different values that a stretch of rows repeats."""
    if (minter.column, stretch) not in draft.pools:
        n_before = round(STRETCH * minter.distinct_share) * stretch
        n = max(1, round(min(STRETCH, draft.n_rows - stretch * STRETCH) * minter.distinct_share))
        step = {"integer": n_before}.get(minter.kind, 0)
        apart = {"distinct_share": 1.0, "null_share": 0.0, "offset": minter.offset + step}
        own_seed = seed_of(str(seed), minter.column, "pool", str(stretch))
        dtype = draft.schema.field(minter.column).type
        pool = mint(minter.model_copy(update=apart), n, arrow_type=dtype, seed=own_seed, unique=False)
        draft.pools[minter.column, stretch] = pool
        draft.pools.pop((minter.column, stretch - 2), None)
    return draft.pools[minter.column, stretch]


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


def _fit(table: TablePlan, rows: pa.Table, name: str, rare_below: int, told: pa.Table) -> dict[str, Any]:
    planned = table.column(name)
    # A key that the plan has as learned is minted nevertheless: keys are never learned.
    planned = planned if planned.fate in ("fake", "mint", "null") else planned.model_copy(update={"fate": "mint"})
    minter = fit_minter(
        planned,
        table.table.column(name),
        rows.column(name),
        rare_below=rare_below,
        offset=table.key_offset,
        told=told.column(name),
    )
    return minter.model_dump(mode="json")


def _drawn(real: pa.ChunkedArray | None, n: int, dtype: pa.DataType, rng: np.random.Generator) -> pa.Array:
    """Draw real values at random: of a column that the plan says to copy."""
    if real is None or len(real) == 0:
        return pa.nulls(n, dtype)
    drawn = real.take(pa.array(rng.integers(0, len(real), n)))
    return drawn.combine_chunks() if isinstance(drawn, pa.ChunkedArray) else drawn


def _must_differ(draft: Draft, column: str) -> bool:
    return is_unique(draft.plan, column) or column in (draft.spec.key.minted if draft.spec else ())


def _minter(draft: Draft, column: str) -> Minter | None:
    """Give how a column is made; None where its values are drawn from the real ones."""
    found = _spec_minters(draft).get(column)
    return None if found is None else Minter.model_validate(found)


def _spec_minters(draft: Draft) -> Mapping[str, Mapping[str, Any]]:
    return draft.spec.minters if draft.spec else {}


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31))
