"""Whole tables are measured whatever they hold, and what cannot be measured says why."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.arrow_types import text
from synth_ops.holdout import look_whose
from synth_ops.measure import Learned, Measure, Sides, Subject, compared_columns, measure_table
from synth_ops.plan.plan import ColumnPlan, Entity, Kind, Plan, Privacy, TablePlan
from synth_ops.schema import Column, ForeignKey, Table
from synth_ops.workspace.salt import NO_SALT

N = 1000


def plan_of(rows: pa.Table, **change: Any) -> Plan:
    """Give the plan that learns every column."""
    columns = tuple(Column(name=f.name, source_type="any", arrow_type=text(f.type)) for f in rows.schema)
    fates = tuple(ColumnPlan(name=c.name, fate="learn", reason="a test") for c in columns)
    table = TablePlan(name="t", columns=fates, table=Table(name="t", columns=columns)).model_copy(update=change)
    return Plan(dataset="d", source="", publish="", expectations="", tables=(table,))


def measure(real: pa.Table, copy: pa.Table, **change: Any) -> dict[tuple[str, str], Measure]:
    plan = plan_of(real, **change)
    sides = Sides(real=lambda _name, _columns: real, synthetic=lambda _name, _columns: copy)
    whose = look_whose(plan, "t", real, sides.real, NO_SALT)
    subject = Subject(plan, plan.tables[0], real, copy, whose.held_out, ids=whose.ids)
    return {(m.name, m.subject): m for m in measure_table(subject, sides, 0)}


KINDS: dict[str, Any] = {
    "bool": pa.array([True, False, None, True] * 250),
    "int64 extremes": pa.array([-(2**63), 2**63 - 1, 0, None] * 250),
    "uint64": pa.array([2**64 - 1, 0] * 500, pa.uint64()),
    "infinities": pa.array([float("inf"), float("-inf"), float("nan"), 1.0] * 250),
    "decimal": pa.array([Decimal("1.25"), None] * 500, pa.decimal128(12, 2)),
    "date": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)] * 500),
    "time": pa.array([dt.time(1), dt.time(23)] * 500),
    "timestamp": pa.array([dt.datetime(1, 1, 1, tzinfo=dt.UTC), None] * 500, pa.timestamp("us", "UTC")),
    "duration": pa.array([dt.timedelta(1), dt.timedelta(2)] * 500),
    "binary": pa.array([b"\xff", b""] * 500),
    "emoji": pa.array(["🙂", ""] * 500),
    "dictionary": pa.array(["a", "b"] * 500).dictionary_encode().cast(pa.string()),
    "all null": pa.nulls(N, pa.string()),
    "constant": pa.array([7] * N),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_measured(kind: str) -> None:
    rows = pa.table({"x": KINDS[kind], "y": pa.array(range(N))})

    found = measure(rows, rows, public="it is a test's")

    assert [m for m in found.values() if m.error is not None] == []
    assert found["column_shape", "x"].observed == pytest.approx(0, abs=0.1)


def test_nested_columns_are_not_compared() -> None:
    rows = pa.table({"x": [[1, 2]] * N})

    assert compared_columns(plan_of(rows), plan_of(rows).tables[0]) == {}


def test_free_text_is_not_compared() -> None:
    rows = pa.table({"x": ["words"] * N})
    kind: Kind = "text"
    column = ColumnPlan(name="x", fate="learn", kind=kind, reason="declared")

    assert compared_columns(plan_of(rows), plan_of(rows, columns=(column,)).tables[0]) == {}


def test_a_key_to_a_copied_table_is_a_category_and_to_a_synthesised_one_is_not_compared() -> None:
    rows = pa.table({"x": [1] * N})
    key = ForeignKey(columns=("x",), ref_table="parent", ref_columns=("id",))
    plan = plan_of(rows, foreign_keys=(key,))
    columns = (Column(name="id", source_type="int", arrow_type="int64"),)
    fates = (ColumnPlan(name="id", fate="mint", reason="primary key"),)
    parent = TablePlan(name="parent", columns=fates, table=Table(name="parent", columns=columns, primary_key=("id",)))

    scales = [
        compared_columns(plan.model_copy(update={"tables": (*plan.tables, p)}), plan.tables[0])
        for p in (parent, parent.model_copy(update={"mode": "copy"}))
    ]

    assert scales == [{}, {"x": "label"}]


def test_orphans_of_a_soft_key_are_alike_whatever_they_are_called() -> None:
    """One in ten refers to an airport that the copied table lacks; the copy's own are made up."""
    rng = np.random.default_rng(0)

    def draw(orphan: list[str]) -> pa.Table:
        port = np.where(rng.random(N) < 0.1, rng.choice(orphan, N), rng.choice(["a", "b"], N))
        return pa.table({"x": port, "y": rng.integers(0, 9, N)})

    rows, copy = draw(["sju"]), draw(["q1", "q2", "q3"])
    key = ForeignKey(columns=("x",), ref_table="ports", ref_columns=("id",), soft=True)
    columns = (Column(name="id", source_type="text", arrow_type="string"),)
    fates = (ColumnPlan(name="id", fate="mint", reason="primary key"),)
    ports = TablePlan(name="ports", mode="copy", columns=fates, table=Table(name="ports", columns=columns))
    plan = plan_of(rows, foreign_keys=(key,), public="it is a test's")
    plan = plan.model_copy(update={"tables": (*plan.tables, ports)})
    there = {"t": rows, "ports": pa.table({"id": ["a", "b", "c"]})}
    sides = Sides(real=lambda name, _columns: there[name], synthetic=lambda name, _columns: (there | {"t": copy})[name])
    subject = Subject(plan, plan.tables[0], rows, copy, np.arange(N) % 2 == 0)

    found = {(m.name, m.subject): m for m in measure_table(subject, sides, 0)}

    assert (found["implausible_rows", ""].observed or 0) < 0.05
    assert (found["column_shape", "x"].observed or 1) < 0.06


@pytest.mark.parametrize("n_rows", [0, 1, 50])
def test_few_rows_are_no_statistics(n_rows: int) -> None:
    rows = pa.table({"x": pa.array(range(n_rows), pa.int64()), "y": pa.array(["a"] * n_rows, pa.string())})

    found = measure(rows, rows)

    assert found["row_count_ratio", ""].observed == 1
    assert found["undeclared_columns", ""].observed == 0
    assert found["mean_pair_error", ""].observed is None
    assert found["mean_pair_error", ""].error or found["mean_pair_error", ""].waived == "there are no rows"


def test_the_entities_of_a_table_are_counted_and_not_its_rows() -> None:
    rows = pa.table({"x": pa.array(range(N)), "owner": pa.array([i % 30 for i in range(N)])})

    by_owner = measure(rows, rows, entity=Entity(columns=("owner",)))
    by_row = measure(rows, rows)

    assert (by_owner["entities", ""].observed, by_row["entities", ""].observed) == (30, N)
    assert by_owner["entities", ""].n == N


def test_a_copied_table_has_no_entities() -> None:
    rows = pa.table({"x": pa.array(range(N))})

    assert ("entities", "") not in measure(rows, rows, mode="copy")


@pytest.mark.parametrize(("epsilon", "ratio"), [(None, 0.5), (1.0, 1.0)])
def test_rows_are_held_against_those_that_a_budget_counted(epsilon: float | None, ratio: float) -> None:
    """A table grows, and a model whose budget is spent goes on making the rows of its own night."""
    rows = pa.table({"x": pa.array(range(N))})
    plan = plan_of(rows).model_copy(update={"privacy": Privacy(epsilon=epsilon, delta=epsilon and 1e-6)})
    held_out = np.zeros(N, dtype=bool)
    subject = Subject(plan, plan.tables[0], rows, rows.slice(0, N // 2), held_out, learned=Learned(n_rows=N // 2))
    sides = Sides(real=lambda _name, _columns: rows, synthetic=lambda _name, _columns: rows)

    found = {m.name: m for m in measure_table(subject, sides, 0)}

    assert found["row_count_ratio"].observed == ratio


def test_an_empty_copy_of_many_rows_is_measured_as_such() -> None:
    rows = pa.table({"x": pa.array(range(N)), "y": ["a"] * N})

    found = measure(rows, rows.slice(0, 0))

    assert found["row_count_ratio", ""].observed == 0
    assert found["column_shape", ""].error is not None


def test_a_column_of_another_type_is_counted() -> None:
    real = pa.table({"x": pa.array(range(N)), "y": ["a"] * N})
    copy = pa.table({"x": ["not a number"] * N, "y": ["a"] * N})

    found = measure(real, copy)

    assert found["undeclared_columns", ""].observed == 1
    assert found["column_shape", ""].error == "columns cannot be laid over the source's (ArrowInvalid)"


def test_the_same_seed_gives_the_same_figures() -> None:
    rows = pa.table({"x": pa.array(range(N)), "y": ["a", "b"] * (N // 2)})

    assert measure(rows, rows) == measure(rows, rows)
