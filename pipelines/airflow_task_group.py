"""The same night a task a step, and a DAG that runs on every snapshot of it, whichever of the two made it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from synth_ops.airflow import synth_refresh_task_group

SNAPSHOT = Asset("synthetic/nycflights13")

with DAG(
    "synth_refresh_by_step",
    schedule=None,  # beside synth_refresh, which makes the same nights
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
):
    synth_refresh_task_group(
        config=str(Path(__file__).resolve().parents[1] / "synth.yaml"),
        outlets=[SNAPSHOT],
        retries=2,
        retry_delay=timedelta(minutes=5),
    )

with DAG("synth_consumer", schedule=[SNAPSHOT], start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

    @task
    def look(triggering_asset_events: Any = None, **context: Any) -> dict[str, Any]:  # noqa: ANN401 — Airflow's own
        """Read the snapshot that this run is about: the event says which, and how many rows it has."""
        # Airflow 2 calls assets datasets.
        events = triggering_asset_events or context["triggering_dataset_events"]
        (newest,) = [events[key][-1] for key in events]
        snapshot: dict[str, Any] = newest.extra
        return {"path": snapshot["path"], "rows": snapshot["rows"]}

    look()
