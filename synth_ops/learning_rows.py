"""What training reads: the rows that a table is learned from, and no more of its relatives than is needed.

A table of more rows than `MOST_ROWS` is learned from a uniform sample of them, read row group by row group, so that
memory does not grow with the table. Its key columns alone are read of all rows, for children must be counted in full.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth_ops.entities import ReadColumns
from synth_ops.plan import Plan, TablePlan
from synth_ops.relate import Relations, Whole
from synth_ops.workspace import Workspace

MOST_ROWS = 1_000_000
"""Rows of a table that are looked at in full: more cost memory, and tell a model little that these do not."""
ROWS_PER_SECOND, FEWEST_ROWS = 2_000, 20_000
"""Rows a second of a time budget, or encoding alone would spend it; and how many are looked at however short it is."""


@dataclass(frozen=True)
class LearningRows:
    """A table and its relatives, as far as its model needs them."""

    real: Mapping[str, pa.Table]
    """The table's rows or a sample of them, its parents' rows, and of other tables the key columns."""
    whole: Whole | None
    """All rows of the table, where `real` has a sample."""


def count_rows(workspace: Workspace, plan: Plan) -> dict[str, int]:
    """Give the rows of every extracted table, as its file's footer says."""
    names = [t.name for t in plan.tables if t.mode != "skip"]
    return {name: int(pq.read_metadata(workspace.real(name)).num_rows) for name in names}


def rows_worth(time_budget_seconds: float | None) -> int:
    """Give how many rows are looked at in full: a pure function of the plan, and not of the machine.

    >>> rows_worth(None), rows_worth(90.0)
    (1000000, 180000)
    """
    if time_budget_seconds is None:
        return MOST_ROWS
    return min(MOST_ROWS, max(FEWEST_ROWS, round(time_budget_seconds * ROWS_PER_SECOND)))


def read_learning_rows(workspace: Workspace, plan: Plan, name: str, relations: Relations, *, seed: int) -> LearningRows:
    """Read what the model of one table learns from; the sample is a pure function of rows, plan and seed."""
    most = rows_worth(plan.table(name).time_budget_seconds)
    parents = {k.ref_table for k in relations.table(name).foreign_keys}
    others = [t.name for t in plan.tables if t.mode != "skip" and t.name not in parents | {name}]
    real = {n: pq.read_table(workspace.real(n)) for n in parents - {name}}
    real |= {n: read_keys(workspace, plan, plan.table(n)) for n in others}
    path = workspace.real(name)
    n_rows = int(pq.read_metadata(path).num_rows)
    if n_rows <= most or name in parents:
        return LearningRows({**real, name: pq.read_table(path)}, None)
    chosen = np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False))
    whole = Whole(table=name, keys=read_keys(workspace, plan, plan.table(name)), chosen=chosen)
    return LearningRows({**real, name: read_rows(path, chosen)}, whole)


def reader_of(workspace: Workspace, real: Mapping[str, pa.Table]) -> ReadColumns:
    """Give what reads some columns of a table's rows: of those at hand where they are there, else from its file."""

    def read(name: str, columns: tuple[str, ...] | None) -> pa.Table:
        path, wanted = workspace.real(name), None if columns is None else list(columns)
        if wanted is not None and name in real and set(wanted) <= set(real[name].column_names):
            return real[name].select(wanted)
        return pq.read_table(path, columns=wanted)

    return read


def read_keys(workspace: Workspace, plan: Plan, table: TablePlan) -> pa.Table:
    """Read of all rows the columns of every key that the table has, or that another's key points at."""
    keys = [table.table.primary_key, *table.table.unique, *(k.columns for k in table.foreign_keys)]
    keys += [k.ref_columns for t in plan.tables for k in t.foreign_keys if k.ref_table == table.name]
    columns = dict.fromkeys(c for key in keys for c in key)
    return pq.read_table(workspace.real(table.name), columns=list(columns))


def read_rows(path: Path, chosen: NDArray[np.int64]) -> pa.Table:
    """Read the rows of those ascending numbers, one row group in memory at a time."""
    with pq.ParquetFile(path) as file:
        return pa.concat_tables(_taken(file, chosen)) if file.num_row_groups else file.read()


def _taken(file: pq.ParquetFile, chosen: NDArray[np.int64]) -> Iterator[pa.Table]:
    start = 0
    for i in range(file.num_row_groups):
        stop = start + file.metadata.row_group(i).num_rows
        here = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, stop)]
        yield file.read_row_group(i).take(pa.array(here - start))
        start = stop
