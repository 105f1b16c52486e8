"""The Pythonic door: one call gives the assets, the gate, the job and the schedule of a dataset."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from synth_ops.dagster.assets import build_assets, build_gate
from synth_ops.dagster.automation import build_job, build_schedule
from synth_ops.dagster.execution import RETRIES, Runner
from synth_ops.dagster.graph import Execute, Graph, GraphOptions
from synth_ops.dagster.observation import build_observation, build_sensor
from synth_ops.dagster.project import Project, read_project
from synth_ops.dagster.translator import SynthTranslator

FIRST_NIGHT = "2026-01-01"
EVERY_NIGHT = "0 2 * * *"
FRESH_HOURS = 26.0
"""A night late by two hours is late."""


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """How a dataset is refreshed by Dagster."""

    first_night: str = FIRST_NIGHT
    """The first partition."""
    timezone: str = "UTC"
    """Where nights begin."""
    schedule: str | None = EVERY_NIGHT
    """A cron line in that time zone, or None for no schedule; it runs from the first day on."""
    skip_unchanged: bool = True
    """Whether a scheduled night makes no new copy where neither production nor the plan has changed."""
    fresh_hours: float | None = FRESH_HOURS
    """After how many hours a published table is stale; None for no freshness policy."""
    changed_share: float = 0.2
    """The sensor asks for a refresh when so much of a table has changed since the last published night."""
    python: str = sys.executable
    """The interpreter that has torch and Great Expectations; the worker's, not Dagster's."""
    device: str = "auto"
    pipes_client: dg.PipesClient | None = None
    """Starts the workers, such as Dagster's for Kubernetes; None starts them on this machine."""
    gpu_pool: str | None = "gpu"
    """The concurrency pool of the ops that compute on a GPU."""
    train_tags: Mapping[str, Any] = field(default_factory=dict)
    """Tags of those ops, such as ``dagster-k8s/config``."""
    op_tags: Mapping[str, Any] = field(default_factory=dict)
    """Tags of all other ops."""
    retries: dg.RetryPolicy = RETRIES
    """For what the outside world did; a refused gate and a wrong plan are not retried."""
    report_url: str | None = None
    """Where reports are served, as ``<report_url>/<night>/report.html``; None shows their path."""

    def runner(self, project: Project) -> Runner:
        """Give what runs the steps."""
        return Runner(project, self.python, self.device, self.pipes_client)

    def graph_options(self) -> GraphOptions:
        """Give what concerns the assets."""
        fresh = self.fresh_hours
        return GraphOptions(
            nights=dg.DailyPartitionsDefinition(start_date=self.first_night, timezone=self.timezone, end_offset=1),
            gpu_pool=self.gpu_pool,
            train_tags=self.train_tags,
            op_tags=self.op_tags,
            retries=self.retries,
            freshness=None if fresh is None else dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=fresh)),
            report_url=self.report_url,
        )


def build_synth_assets(
    config: str | Path,
    *,
    options: SynthOptions = SynthOptions(),
    translator: SynthTranslator | None = None,
    execute: Execute | None = None,
) -> dg.Definitions:
    """Give the definitions that refresh the dataset of a synth.yaml, a night a partition.

    Reads the file, the suites beside it and what the last night left: neither the source nor torch is touched before
    an asset is materialised.

    Args:
        config: path of synth.yaml.
        options: nights, schedule, workers.
        translator: gives keys, groups, owners and tags.
        execute: takes a step, in place of running it in a worker of this machine.

    Raises:
        PlanError: the file cannot be read as a plan.
    """
    project = read_project(config)
    runner = options.runner(project)
    get_spec = (translator or SynthTranslator()).get_asset_spec
    return definitions_of(Graph(project, get_spec, execute or runner.run, options.graph_options()), options)


def definitions_of(graph: Graph, options: SynthOptions) -> dg.Definitions:
    """Give the definitions of a graph."""
    job = build_job(graph)
    schedules = (
        [build_schedule(graph, job, options.schedule, skip_unchanged=options.skip_unchanged)]
        if options.schedule
        else []
    )
    return dg.Definitions(
        assets=[*build_observation(graph, options.python), *build_assets(graph)],
        asset_checks=[build_gate(graph)],
        jobs=[job],
        schedules=schedules,
        sensors=[build_sensor(graph, job, changed_share=options.changed_share, python=options.python)],
    )
