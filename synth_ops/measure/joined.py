"""Whether children still go with their own parents: what a foreign key that was dealt out anew has lost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.measure.columns import Scale, compared_columns, published_columns
from synth_ops.measure.draws import Draw, some_rows
from synth_ops.measure.grid import bin_stack
from synth_ops.measure.pairs import N_BINS, Pairs, measure_distances, summary
from synth_ops.measure.records import Measure
from synth_ops.measure.relations import Link, ReadColumns, Sides, link
from synth_ops.measure.stack import stack_rows
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.schema import ForeignKey

MAX_ROWS = 50_000
MAX_PAIRS = 300
N_DRAWS = 10
MIN_ROWS = 200
"""Fewer rows that refer to a parent are no statistics."""
OF_PARENT = "\0parent"


@dataclass(frozen=True)
class Joined:
    """One side's child rows, each beside its parent's."""

    rows: pa.Table
    child: NDArray[np.int64]
    """Which row of the child's table each is; likewise below."""
    parent: NDArray[np.int64]


def relates(plan: Plan, table: TablePlan, key: ForeignKey) -> bool:
    """Say whether both sides of a foreign key have columns that can go together."""
    of_child, of_parent = compared_on_both(plan, table, key)
    return bool(of_child) and bool(of_parent)


def measure_across(
    plan: Plan, table: TablePlan, key: ForeignKey, sides: Sides, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give how far pairs of a child's and its parent's columns are from production, and the share that was lost."""
    of_child, of_parent = compared_on_both(plan, table, key)
    pairs = _pairs(tuple(of_child), tuple(of_parent), rng)
    if not pairs:
        return
    names = (tuple(of_child), tuple(of_parent))
    real = join(table.name, key, sides.real, names, rng)
    copy = join(table.name, key, sides.synthetic, names, rng)
    n_least = min(real.rows.num_rows // 2, copy.rows.num_rows)
    if n_least < MIN_ROWS:
        yield _unmeasured(table.name, key, f"{n_least} rows on a side refer to a parent; {MIN_ROWS} are needed")
        return
    scales = joined_scales(of_child, of_parent)
    stack = stack_rows(real.rows, copy.rows, scales, np.zeros(real.rows.num_rows, dtype=bool))
    codes = bin_stack(stack, N_BINS, N_BINS, plan.privacy.rare_below)
    draws = tuple(_halves(real, len(stack.training), stack.synthetic, rng) for _ in range(N_DRAWS))
    found = measure_distances(codes, pairs, draws, rng)
    n = min(draw.n for draw in draws)
    yield summary(table.name, "relation_error", found, n).model_copy(update={"foreign_key": key.name})
    lost, floor, high = found.lost(np.arange(len(pairs)))
    yield Measure(
        table=table.name,
        name="relation_lost",
        foreign_key=key.name,
        observed=lost,
        floor=floor,
        floor_high=high,
        independent=1.0,
        n=n,
    )


def compared_on_both(plan: Plan, table: TablePlan, key: ForeignKey) -> tuple[dict[str, Scale], dict[str, Scale]]:
    """Give the compared columns of the child, without the key itself, and those of the parent."""
    parent = plan.table(key.ref_table)
    of_parent = published_columns(parent) if parent.mode == "copy" else compared_columns(plan, parent)
    of_child = {c: scale for c, scale in compared_columns(plan, table).items() if c not in key.columns}
    return of_child, {c: scale for c, scale in of_parent.items() if c not in key.ref_columns}


def joined_scales(of_child: Mapping[str, Scale], of_parent: Mapping[str, Scale]) -> dict[str, Scale]:
    """Give the columns of joined rows."""
    return {**of_child, **{f"{c}{OF_PARENT}": scale for c, scale in of_parent.items()}}


def _pairs(child: tuple[str, ...], parent: tuple[str, ...], rng: np.random.Generator) -> Pairs:
    pairs = [(a, f"{b}{OF_PARENT}") for a in child for b in parent]
    if len(pairs) <= MAX_PAIRS:
        return pairs
    return [pairs[i] for i in np.sort(rng.choice(len(pairs), MAX_PAIRS, replace=False))]


def join(
    table: str,
    key: ForeignKey,
    read: ReadColumns,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    rng: np.random.Generator,
) -> Joined:
    """Give those columns of children, and of their parents beside them; of many rows a sample."""
    found = link(table, key, read)
    rows, position = _resolved(found, rng)
    child = read(table, names[0]).take(pa.array(rows))
    parent = read(key.ref_table, names[1]).take(pa.array(position))
    columns = dict(zip(child.column_names, child.columns, strict=True))
    columns |= {f"{c}{OF_PARENT}": parent.column(c) for c in parent.column_names}
    return Joined(pa.table(columns), rows, position)


def _resolved(found: Link, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    there = np.flatnonzero(found.position >= 0)
    if len(there) > MAX_ROWS:
        there = np.sort(rng.choice(there, MAX_ROWS, replace=False))
    return found.rows[there], found.position[there]


def _halves(real: Joined, n_real: int, synthetic: NDArray[np.int64], rng: np.random.Generator) -> Draw:
    """Cut the real rows in two by their parents, for children of one parent are alike."""
    parents, whose = np.unique(real.parent, return_inverse=True)
    is_second = (rng.permutation(len(parents)) % 2).astype(bool)[whose]
    first, second = np.arange(n_real)[~is_second], np.arange(n_real)[is_second]
    n = max(min(len(first), len(second), len(synthetic)), 1)
    return Draw(*(some_rows(rows, n, rng) for rows in (first, second, synthetic)))


def _unmeasured(table: str, key: ForeignKey, reason: str) -> Measure:
    return Measure(table=table, name="relation_lost", foreign_key=key.name, error=reason)
