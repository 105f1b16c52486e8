"""What a task answers with: a small JSON XCom, whatever its step left."""

from collections.abc import Mapping
from typing import Any

from synth_ops.plan.plan import Plan
from synth_ops.records import Extracted, Record, Sampled, Trained, TrainedTable, Validated, blocking

_TRAINED = {"losses", "drift", "spent"}


def answer(record: Record, plan: Plan | None) -> dict[str, Any] | list[str]:
    """Give the record as JSON, less what is long or of the rows themselves.

    Figures that are counted on real rows, and hashes of them, stay in the workspace. Of a read, give the tables that
    have a model: Airflow maps tasks over nothing but what a task returns.
    """
    if isinstance(record, Extracted):
        modes: Mapping[str, str] = {t.name: t.mode for t in plan.tables} if plan else {}
        return [t.name for t in record.tables if modes.get(t.name, "synthesize") == "synthesize"]
    if isinstance(record, TrainedTable):
        return record.model_dump(mode="json", exclude=_TRAINED)
    if isinstance(record, Trained):
        return record.model_dump(mode="json", exclude={"salt": True, "tables": {"__all__": _TRAINED}})
    if isinstance(record, Sampled):
        return {"night": record.night, "rows": {t.name: t.n_rows for t in record.tables}, "seconds": record.seconds}
    if isinstance(record, Validated):
        return {
            **record.model_dump(mode="json", exclude={"checks", "fidelity"}),
            "n_checks": len(record.checks),
            "failed": [f"{c.table}: {c.name}" for c in blocking(record.checks)],
        }
    return record.model_dump(mode="json")
