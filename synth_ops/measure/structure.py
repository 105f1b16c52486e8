"""Whether the synthetic table has the columns and the number of rows that the plan says."""

from collections.abc import Iterator

import pyarrow as pa

from synth_ops.arrow_types import parse
from synth_ops.measure.records import Measure
from synth_ops.plan.plan import TablePlan


def measure_columns(table: TablePlan, schema: pa.Schema) -> Iterator[Measure]:
    """Count the columns that are missing, of another type, or not in the declared order."""
    declared = [(c.name, parse(c.arrow_type)) for c in table.table.columns]
    found = [(field.name, field.type) for field in schema]
    wrong = sum(a != b for a, b in zip(declared, found, strict=False)) + abs(len(declared) - len(found))
    yield Measure(table=table.name, name="undeclared_columns", observed=float(wrong), floor=0.0, n=len(declared))


def measure_rows(table: TablePlan, n_real: int, n_synthetic: int) -> Iterator[Measure]:
    """Give the rows of the copy as a ratio of those that the plan asks for."""
    wanted = expected_rows(table, n_real)
    ratio = n_synthetic / wanted if wanted else float(n_synthetic == 0)
    yield Measure(table=table.name, name="row_count_ratio", observed=ratio, floor=1.0, n=n_synthetic)


def expected_rows(table: TablePlan, n_real: int) -> int:
    """Give the rows that the plan asks for: a count, or a ratio of the source's."""
    if table.mode == "copy":
        return n_real
    return table.rows if isinstance(table.rows, int) else round(table.rows * n_real)
