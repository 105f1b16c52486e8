"""A night that is ready to publish: two small related tables, one with a hostile name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.records import Check, Extracted, Sampled, SampledTable, Trained, TrainedTable, Validated
from synth_ops.schema import Column, ForeignKey, Table
from synth_ops.workspace import Workspace, sha256_of, write_record

HOSTILE = 'order"s; drop table x ☃/../'
USERS = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("plan", pa.string())])
ORDERS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("user_id", pa.int64()),
        pa.field("paid", pa.decimal128(12, 2)),
        pa.field("at", pa.timestamp("us", tz="UTC")),
    ]
)


def check(verdict: str = "PASS", **fields: object) -> Check:
    return Check.model_validate(
        {"table": "users", "name": "pair_error", "verdict": verdict, "prose": "Pairs stray little.", **fields}
    )


def make_night(
    root: Path, publish: str, night: str = "2026-01-31", *, rows: int = 50, checks: tuple[Check, ...] | None = None
) -> Workspace:
    """Leave what the steps before `publish` leave."""
    workspace = Workspace(root, "shop", night).prepare()
    _write_tables(workspace, rows)
    _write_records(workspace, _plan(publish), checks)
    return workspace


def _tables(rows: int) -> dict[str, pa.Table]:
    ids = list(range(1, rows + 1))
    users = pa.table({"id": ids, "plan": [("free", "pro", None)[i % 3] for i in ids]}, schema=USERS)
    orders = pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "user_id": pa.array([1 + i % rows for i in ids], pa.int64()),
            "paid": pa.array(ids, pa.decimal128(12, 0)).cast(pa.decimal128(12, 2)),
            "at": pa.array([i * 10**6 for i in ids], pa.timestamp("us", tz="UTC")),
        },
        schema=ORDERS,
    )
    return {"users": users, HOSTILE: orders}


def _write_tables(workspace: Workspace, rows: int) -> None:
    for name, table in _tables(rows).items():
        pq.write_table(table, workspace.synthetic(name))


def _plan(publish: str) -> Plan:
    reference = ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",))
    return Plan(
        dataset="shop",
        source="${PROD_URL}",
        publish=publish,
        expectations="/nowhere/private/expectations",
        tables=(_table_plan("users", USERS, ()), _table_plan(HOSTILE, ORDERS, (reference,))),
    )


def _table_plan(name: str, schema: pa.Schema, references: tuple[ForeignKey, ...]) -> TablePlan:
    columns = tuple(
        Column(name=f.name, source_type="bigint", arrow_type=str(f.type), nullable=f.nullable) for f in schema
    )
    table = Table(name=name, columns=columns, primary_key=("id",), foreign_keys=references)
    fates = tuple(ColumnPlan(name=f.name, fate="learn", reason="the default") for f in schema)
    return TablePlan(name=name, columns=fates, foreign_keys=references, table=table)


def _write_records(workspace: Workspace, plan: Plan, checks: tuple[Check, ...] | None) -> None:
    checks = (check(),) if checks is None else checks
    night, names = workspace.night, [t.name for t in plan.tables]
    verdict = next((c.verdict for c in checks if c.verdict != "PASS" and c.severity == "critical"), "PASS")
    trained = tuple(TrainedTable(name=n, decision="retrain", reason="no model yet", model_id="ab12") for n in names)
    write_record(workspace.plan, plan)
    write_record(workspace.record("extract"), Extracted(night=night, tables=(), fingerprint="f" * 64, seconds=1.0))
    write_record(workspace.record("train"), Trained(night=night, tables=trained, seconds=2.0))
    write_record(workspace.record("sample"), Sampled(night=night, tables=_sampled(workspace, names), seconds=3.0))
    validated = Validated(
        night=night,
        verdict=verdict,
        checks=checks,
        fidelity={"users": {"observed": 0.02, "floor": 0.01}},
        report=str(workspace.report),
        seconds=4.0,
    )
    write_record(workspace.record("validate"), validated)


def _sampled(workspace: Workspace, names: list[str]) -> tuple[SampledTable, ...]:
    paths = {n: workspace.synthetic(n) for n in names}
    return tuple(
        SampledTable(name=n, path=str(p), n_rows=pq.read_metadata(p).num_rows, sha256=sha256_of(p))
        for n, p in paths.items()
    )
