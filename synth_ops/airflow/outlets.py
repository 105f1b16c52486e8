"""Assets that a published snapshot is an event of, with its facts in the event's extra."""

from collections.abc import Iterable, Mapping
from typing import Any

from synth_ops.airflow.compat import Asset, AssetAlias
from synth_ops.records import Published, Record, Refreshed, Validated


def asset_name(dataset: str) -> str:
    """Give the name of the asset that every snapshot of a dataset updates: ``synthetic/shop``."""
    return f"synthetic/{dataset}"


def facts(dataset: str, record: Record, validated: Validated | None) -> dict[str, Any] | None:
    """Give what an event says of a snapshot; None where nothing was published.

    Small, JSON, and nothing of production: names, counts of synthetic rows, and the gate's verdict.
    """
    if isinstance(record, Refreshed):
        rows = {t.name: t.n_rows for t in record.tables if t.decision != "skip"}
        return _facts(dataset, record.night, record.snapshot, record.path, rows, validated)
    if isinstance(record, Published):
        return _facts(dataset, record.night, record.snapshot, record.path, record.n_rows, validated)
    return None


def announce_snapshot(outlets: Iterable[Any], events: Any, said: Mapping[str, Any]) -> None:  # noqa: ANN401 — Airflow's
    """Put the facts into the event of every outlet.

    A mapped task has no outlets but those of ``partial``, and may not know its dataset when the DAG is read: there an
    alias stands for the asset, which is named here.

    Args:
        outlets: the task's.
        events: ``context["outlet_events"]``.
        said: the facts.
    """
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            events[outlet].add(Asset(asset_name(said["dataset"])), extra=dict(said))
        elif isinstance(outlet, Asset):
            events[outlet].extra = {**said, **_of_table(outlet, said)}


def _of_table(outlet: Any, said: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 — a Dataset in Airflow 2
    """Give the table's own facts where an asset is called after one: ``synthetic/shop/users``."""
    name = str(getattr(outlet, "name", None) or outlet.uri)
    table = name.rpartition("/")[2]
    if name == asset_name(said["dataset"]) or table not in said["rows"]:
        return {}
    return {"table": table, "n_rows": said["rows"][table]}


def _facts(
    dataset: str, night: str, snapshot: str, path: str, rows: Mapping[str, int], validated: Validated | None
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "night": night,
        "snapshot": snapshot,
        "path": path,
        "rows": dict(rows),
        "n_rows": sum(rows.values()),
        "verdict": validated.verdict if validated else None,
        "report": validated.report if validated else None,
    }
