"""Rows of one entity in the order of time: how far apart they are, and how one goes over into the next."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.arrow_types import parse
from synth_ops.measure.columns import compared_columns
from synth_ops.measure.draws import Draw, mean_and_high, some_rows
from synth_ops.measure.grid import Codes, bin_edges, bin_stack
from synth_ops.measure.marginals import total_variation
from synth_ops.measure.pairs import N_BINS, Pairs, measure_distances, summary
from synth_ops.measure.records import Measure
from synth_ops.measure.relations import ReadColumns, Sides, link
from synth_ops.measure.stack import stack_rows
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.schema import ForeignKey

MAX_ENTITIES = 20_000
MAX_STEPS = 50_000
N_DRAWS = 10
N_GAPS = 20
MIN_STEPS = 200
"""Fewer rows that follow another of their entity are no statistics."""
NEXT = "\0next"


@dataclass(frozen=True)
class Steps:
    """Each row that another of the same entity follows, and the one that follows: places among the read rows."""

    entity: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    gap: NDArray[np.float64]
    """Units of the time column between them."""


def time_of(plan: Plan, table: TablePlan) -> str | None:
    """Give the column that orders the table's rows: the first learned date or instant."""
    learned = compared_columns(plan, table)
    for name in learned:
        dtype = parse(table.table.column(name).arrow_type)
        if pa.types.is_timestamp(dtype) or pa.types.is_date(dtype):
            return name
    return None


def follows(plan: Plan, table: TablePlan, key: ForeignKey) -> bool:
    """Say whether the rows of one parent have an order in time."""
    return plan.table(key.ref_table).mode == "synthesize" and time_of(plan, table) is not None


def measure_sequences(
    plan: Plan, table: TablePlan, key: ForeignKey, sides: Sides, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give how the time between events is spread, and how a row's values go over into the next row's.

    The floor is one half of the real entities against the other.
    """
    time = time_of(plan, table)
    if time is None:
        return
    scales = compared_columns(plan, table)
    real, copy = (read(table.name, tuple(scales)) for read in (sides.real, sides.synthetic))
    there = _steps(table.name, key, sides.real, real.column(time), rng)
    here = _steps(table.name, key, sides.synthetic, copy.column(time), rng)
    n_least = min(len(there.gap) // 2, len(here.gap))
    if n_least < MIN_STEPS:
        reason = f"{n_least} rows on a side follow another of their parent; {MIN_STEPS} are needed"
        for name in ("time_between_events", "event_order"):
            yield Measure(table=table.name, name=name, foreign_key=key.name, error=reason)
        return
    draws = tuple(_halves(there, len(here.gap), rng) for _ in range(N_DRAWS))
    gaps = _gaps(np.concatenate([there.gap, here.gap]), len(there.gap), draws)
    codes = bin_stack(
        stack_rows(real, copy, scales, np.zeros(real.num_rows, dtype=bool)), N_BINS, N_BINS, plan.privacy.rare_below
    )
    steps, pairs = _beside_next(codes, there, here, real.num_rows)
    order = summary(table.name, "event_order", measure_distances(steps, pairs, draws, rng), draws[0].n)
    for measure in (gaps, order):
        yield measure.model_copy(update={"table": table.name, "foreign_key": key.name})


def _steps(table: str, key: ForeignKey, read: ReadColumns, times: pa.ChunkedArray, rng: np.random.Generator) -> Steps:
    found = link(table, key, read)
    values = _as_numbers(times)
    is_there = (found.position >= 0) & ~np.isnan(values[found.rows])
    rows, entity = found.rows[is_there], found.position[is_there]
    entities = np.unique(entity)
    if len(entities) > MAX_ENTITIES:
        kept = np.isin(entity, rng.choice(entities, MAX_ENTITIES, replace=False))
        rows, entity = rows[kept], entity[kept]
    order = np.lexsort((rows, values[rows], entity))
    rows, entity = rows[order], entity[order]
    follows = np.flatnonzero(entity[1:] == entity[:-1])
    if len(follows) > MAX_STEPS:
        follows = np.sort(rng.choice(follows, MAX_STEPS, replace=False))
    first, second = rows[follows], rows[follows + 1]
    return Steps(entity[follows], first, second, values[second] - values[first])


def _as_numbers(times: pa.ChunkedArray) -> NDArray[np.float64]:
    whole = times.cast(pa.int32() if pa.types.is_date32(times.type) else pa.int64())
    return np.asarray(whole.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _halves(there: Steps, n_here: int, rng: np.random.Generator) -> Draw:
    entities, whose = np.unique(there.entity, return_inverse=True)
    is_second = (rng.permutation(len(entities)) % 2).astype(bool)[whose]
    first, second = np.flatnonzero(~is_second), np.flatnonzero(is_second)
    synthetic = np.arange(n_here) + len(whose)
    n = max(min(len(first), len(second), n_here), 1)
    return Draw(*(some_rows(rows, n, rng) for rows in (first, second, synthetic)))


def _gaps(gaps: NDArray[np.float64], n_real: int, draws: tuple[Draw, ...]) -> Measure:
    edges = bin_edges(gaps[:n_real], N_GAPS)
    codes = np.searchsorted(edges, gaps, side="right")

    def shares(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(codes[rows], minlength=len(edges) + 1) / max(len(rows), 1)

    observed = [total_variation(shares(d.synthetic), shares(d.training)) for d in draws]
    mean, high = mean_and_high(np.asarray([total_variation(shares(d.holdout), shares(d.training)) for d in draws]))
    return Measure(
        table="",
        name="time_between_events",
        observed=float(np.mean(observed)),
        floor=float(mean),
        floor_high=float(high),
        n=draws[0].n,
    )


def _beside_next(codes: dict[str, Codes], there: Steps, here: Steps, n_real: int) -> tuple[dict[str, Codes], Pairs]:
    """Lay each row's codes beside those of the row that follows it."""
    first = np.concatenate([there.first, here.first + n_real])
    second = np.concatenate([there.second, here.second + n_real])
    steps = {name: c[first] for name, c in codes.items()} | {f"{name}{NEXT}": c[second] for name, c in codes.items()}
    return steps, [(name, f"{name}{NEXT}") for name in codes]
