"""The job of a whole night, and the schedule that starts it."""

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from synth_ops.dagster.execution import UNCHANGED_TAG
from synth_ops.dagster.graph import Graph

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

DATASET_TAG = "synth_ops/dataset"
"""Of every run of the job: a limit of one for each value keeps the nights of a backfill in order."""


def build_job(graph: Graph) -> "Job":
    """Give the job that takes every step of a night."""
    ours = [spec.key for (role, _), spec in graph.specs.items() if role != "production"]
    return dg.define_asset_job(
        f"refresh_{graph.project.group}",
        selection=dg.AssetSelection.assets(*ours),
        description=f"Make tonight's snapshot of {graph.project.dataset}: extract, train, sample, validate, publish.",
        tags={DATASET_TAG: graph.project.group},
    )


def build_schedule(graph: Graph, job: "Job", cron: str, *, skip_unchanged: bool) -> dg.ScheduleDefinition:
    """Give the schedule; it runs as soon as it is loaded. A night is named after the day on which it begins to run."""
    zone = graph.options.nights.timezone

    @dg.schedule(
        name=f"nightly_{graph.project.group}",
        job=job,
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"A snapshot of {graph.project.dataset} every night.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        night = _night_of(context.scheduled_execution_time, zone)
        tags = {UNCHANGED_TAG: "skip"} if skip_unchanged else {}
        return dg.RunRequest(run_key=night, partition_key=night, tags=tags)

    return nightly


def _night_of(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()
