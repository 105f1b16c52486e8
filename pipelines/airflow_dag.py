"""This repository's Airflow DAG: the demo's nightly refresh, in one task."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, Asset

from synth_ops.airflow import SynthRefreshOperator

with DAG(
    "synth_refresh", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1
):
    SynthRefreshOperator(
        task_id="refresh",
        config=str(Path(__file__).resolve().parents[1] / "synth.yaml"),
        outlets=[Asset("synthetic/nycflights13")],
        retries=2,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=6),
    )
