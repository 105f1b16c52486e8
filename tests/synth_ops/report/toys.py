"""A plan and two tables, real and synthetic, whose rare values are known to the test."""

from typing import Any

import numpy as np
import pyarrow as pa

from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.records import Check
from synth_ops.schema import Column, Table

RARE = "rare-canary"
EXTREME = 987654321.0
N = 2000


def real(seed: int = 0, *, rare: bool = True) -> pa.Table:
    rng = np.random.default_rng(seed)
    plan = rng.choice(["free", "pro", "team"], N).tolist()
    amount = rng.lognormal(3, 1, N)
    if rare:
        plan[:5] = [RARE] * 5
        amount[0] = EXTREME
    return pa.table(
        {
            "id": pa.array(range(N), pa.int64()),
            "plan": pa.array(plan),
            "amount": pa.array(amount),
            "score": pa.array(rng.integers(0, 5, N), pa.int64()),
            "at": pa.array(rng.integers(0, 10**7, N), pa.timestamp("s")),
            "day": pa.array(rng.integers(0, 700, N), pa.int32()).cast(pa.date32()),
            "clock": pa.array(rng.integers(0, 86_400, N), pa.int32()).cast(pa.time32("s")),
            "paid": pa.array([None if i % 7 == 0 else i % 900 for i in range(N)], pa.decimal128(12, 0)),
            "active": pa.array(rng.random(N) < 0.3),
            "note": pa.array([f"note-canary-{i}" for i in range(N)]),
            "email": pa.array([f"mail-canary-{i}" for i in range(N)]),
            "blob": pa.array([b"x"] * N),
            "tags": pa.array([["tag-canary"]] * N),
        }
    )


def table_plan(table: pa.Table, name: str = "users", **fates: str) -> TablePlan:
    fates = {"id": "mint", "email": "fake"} | fates
    columns = tuple(
        ColumnPlan.model_validate({"name": n, "fate": fates.get(n, "learn"), "reason": "-"}) for n in table.column_names
    )
    declared = tuple(Column(name=f.name, source_type="-", arrow_type=str(f.type)) for f in table.schema)
    return TablePlan(name=name, columns=columns, table=Table(name=name, columns=declared, primary_key=("id",)))


def plan_of(*tables: TablePlan) -> Plan:
    return Plan(dataset="shop", source="${URL}", publish="/p", expectations="/e", tables=tables)


def check(verdict: str = "PASS", **fields: Any) -> Check:
    base = {"table": "users", "name": "expect_pairs", "verdict": verdict, "prose": "Pairs must stray little."}
    return Check.model_validate(base | fields)
