"""A small shop, drawn from one law as often as wanted: users and their orders."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synth_ops.expectations import run_suites, write_suites
from synth_ops.holdout import look_whose
from synth_ops.measure import Measured, Sides, Subject, measure_table
from synth_ops.measure.support import common_range
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.records import Check
from synth_ops.schema import Column, ForeignKey, Table
from synth_ops.workspace.salt import NO_SALT

Shop = dict[str, pa.Table]

USERS = Table(
    name="users",
    columns=(
        Column(name="id", source_type="bigint", arrow_type="int64", nullable=False),
        Column(name="tier", source_type="text", arrow_type="string", nullable=False),
        Column(name="age", source_type="int", arrow_type="int64"),
    ),
    primary_key=("id",),
)
ORDERS = Table(
    name="orders",
    columns=(
        Column(name="id", source_type="bigint", arrow_type="int64", nullable=False),
        Column(name="user_id", source_type="bigint", arrow_type="int64", nullable=False),
        Column(name="status", source_type="text", arrow_type="string", nullable=False),
        Column(name="amount", source_type="float8", arrow_type="double"),
        Column(name="items", source_type="int", arrow_type="int64"),
        Column(name="paid_at", source_type="timestamp", arrow_type="timestamp[us]"),
    ),
    primary_key=("id",),
    foreign_keys=(ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",)),),
)
STATUSES = ("new", "paid", "sent", "lost")


def shop_plan(folder: Path, public: str | None = "this shop is drawn by a test") -> Plan:
    """Give the plan of the shop, whose suites lie in the folder. Attacks on public rows are left out: it is quick."""
    tables = tuple(_table_plan(t).model_copy(update={"public": public}) for t in (USERS, ORDERS))
    return Plan(dataset="shop", source="", publish="", expectations=str(folder), tables=tables)


def _table_plan(table: Table) -> TablePlan:
    keys = {*table.primary_key, *(c for k in table.foreign_keys for c in k.columns)}
    columns = tuple(
        ColumnPlan(name=n, fate="mint" if n in keys else "learn", reason="a test") for n in table.column_names
    )
    return TablePlan(name=table.name, columns=columns, foreign_keys=table.foreign_keys, table=table)


def draw_shop(seed: int, n_users: int = 2500) -> Shop:
    """Draw a shop: spending goes with age and items, payment with status."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n_users) + 1 + 10_000 * seed
    ages = np.clip(rng.normal(40, 12, n_users), 18, 80).round().astype(np.int64)
    tiers = np.where(ages > 45, "gold", rng.choice(["free", "basic"], n_users))
    owner = np.repeat(np.arange(n_users), rng.poisson(2, n_users))
    n = len(owner)
    items = rng.geometric(0.3, n).clip(1, 12)
    status = rng.choice(STATUSES, n, p=[0.2, 0.2, 0.4, 0.2])
    amount = (items * rng.lognormal(2, 0.3, n) * (1 + ages[owner] / 40)).clip(8, 400).round(2)
    paid = np.datetime64("2025-01-01", "us") + (rng.random(n) * 365 * 86400).astype("timedelta64[s]")
    users = {"id": ids, "tier": tiers, "age": pa.array(ages, mask=rng.random(n_users) < 0.1)}
    orders = {
        "id": np.arange(n) + 1 + 10_000 * seed,
        "user_id": ids[owner],
        "status": status,
        "amount": pa.array(amount, mask=rng.random(n) < 0.05),
        "items": items,
        "paid_at": pa.array(paid, pa.timestamp("us"), mask=status == "new"),
    }
    return {"users": pa.table(users), "orders": pa.table(orders)}


def honest_copy(real: Shop, seed: int = 2) -> Shop:
    """Draw another shop from the same law, its extremes clipped as an encoder clips them."""
    copy = draw_shop(seed)
    for table, column in (("users", "age"), ("orders", "amount"), ("orders", "items"), ("orders", "paid_at")):
        copy[table] = with_column(copy[table], column, _clipped(copy[table][column], real[table][column]))
    return copy


def with_column(table: pa.Table, name: str, values: "pa.ChunkedArray[Any]") -> pa.Table:
    """Give the table with one column replaced."""
    return table.set_column(table.column_names.index(name), name, values)


def judge(plan: Plan, real: Shop, copy: Shop) -> tuple[Check, ...]:
    """Measure the copy and assert the suites that `init` would write, or those that already lie there."""
    write_suites(Path(plan.expectations), plan, {name: rows.num_rows for name, rows in real.items()})
    sides = Sides(real=partial(_read, real), synthetic=partial(_read, copy))
    subjects = [_subject(plan, t, real[t.name], copy[t.name], sides) for t in plan.tables]
    measures = [m for subject in subjects for m in measure_table(subject, sides, seed=0)]
    measured = Measured(night="2026-01-31", inputs="", measures=tuple(measures), seconds=0)
    return run_suites(plan, measured, sides.synthetic)


def _subject(plan: Plan, table: TablePlan, real: pa.Table, copy: pa.Table, sides: Sides) -> Subject:
    whose = look_whose(plan, table.name, real, sides.real, NO_SALT)
    return Subject(plan, table, real, copy, whose.held_out, ids=whose.ids)


def _read(shop: Shop, name: str, columns: tuple[str, ...] | None) -> pa.Table:
    return shop[name].select([c for c in shop[name].column_names if columns is None or c in columns])


def refusals(checks: tuple[Check, ...]) -> set[str]:
    """Give the names of the checks that block."""
    return {f"{c.table}: {c.name}" for c in checks if c.verdict != "PASS" and c.severity == "critical"}


def _clipped(values: "pa.ChunkedArray[Any]", real: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    dtype = values.type
    plain = pa.int64() if pa.types.is_temporal(dtype) else dtype
    low, high = common_range(real.cast(plain).cast(pa.float64()).to_numpy(), 20)
    frame = values.cast(plain).to_pandas(integer_object_nulls=True)
    clipped = [None if v is None or v != v else min(max(v, low), high) for v in frame]  # noqa: PLR0124 — NaN
    return pa.chunked_array([pa.array(clipped, pa.float64()).cast(plain).cast(dtype)])
