"""What measuring a large table costs: wall time and peak memory of every figure of fidelity."""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from synth_ops.arrow_types import text
from synth_ops.measure import Sides, Subject, measure_table
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.schema import Column, Table

N_FACTORS = 6
HOLDOUT = 0.2


def draw_table(n_rows: int, n_columns: int, seed: int) -> pa.Table:
    """Draw columns of numbers, whole and with decimals, and of labels, that go together by a few factors; some null."""
    rng = np.random.default_rng(seed)
    law = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, N_FACTORS)).astype(np.float32)
    columns = {}
    for i in range(n_columns):
        values = factors @ law.normal(size=N_FACTORS).astype(np.float32) + rng.normal(size=n_rows).astype(np.float32)
        null = rng.random(n_rows) < (0.1 if i % 5 == 0 else 0.0)
        columns[f"c{i:03d}"] = _column(i, values.astype(np.float64), null)
    return pa.table(columns)


def _column(i: int, values: np.ndarray, null: np.ndarray) -> pa.Array:
    if i % 3 == 0:
        words = pa.array([f"label {k}" for k in range(40)])
        codes = np.clip((values * 4 + 20).astype(np.int32), 0, 39)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=null), words).cast(pa.string())
    if i % 3 == 1:
        return pa.array(np.round(values * 100).astype(np.int64), mask=null)
    return pa.array(np.round(values, 2), mask=null)


def cost_table(n_rows: int, n_columns: int) -> Iterator[str]:
    """Measure in a process of its own, and give what it took."""
    yield "| rows x columns | figures | seconds | peak GB |"
    yield "|---|---|---|---|"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        n_figures, seconds, peak = pool.apply(_measure, (n_rows, n_columns))
    yield f"| {n_rows:,} x {n_columns} | {n_figures:,} | {seconds:.1f} | {peak:.2f} |"


def _measure(n_rows: int, n_columns: int) -> tuple[int, float, float]:
    real, copy = draw_table(n_rows, n_columns, 1), draw_table(n_rows, n_columns, 2)
    columns = tuple(Column(name=f.name, source_type="any", arrow_type=text(f.type)) for f in real.schema)
    fates = tuple(ColumnPlan(name=c.name, fate="learn", reason="a benchmark") for c in columns)
    # Its rows are public, so that fidelity alone is measured.
    table = TablePlan(name="t", public="drawn by a benchmark", columns=fates, table=Table(name="t", columns=columns))
    plan = Plan(dataset="d", source="", publish="", expectations="", tables=(table,))
    held_out = np.random.default_rng(0).random(n_rows) < HOLDOUT
    sides = Sides(partial(_columns, real), partial(_columns, copy))
    began = time.monotonic()
    measures = measure_table(Subject(plan, table, real, copy, held_out), sides, 0)
    seconds = time.monotonic() - began
    failed = [m for m in measures if m.error is not None]
    if failed:
        raise RuntimeError(f"{failed[0].name}: {failed[0].error}")
    return len(measures), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _columns(rows: pa.Table, _table: str, columns: tuple[str, ...] | None) -> pa.Table:
    return rows.select(list(columns or rows.column_names))
