"""The component: a few lines of YAML that refresh a dataset every night."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import Field

from synth_ops.dagster.definitions import EVERY_NIGHT, FIRST_NIGHT, FRESH_HOURS, SynthOptions, definitions_of
from synth_ops.dagster.execution import Context, Runner
from synth_ops.dagster.graph import Graph
from synth_ops.dagster.project import read_project
from synth_ops.dagster.scaffolder import SynthRefreshScaffolder
from synth_ops.dagster.translator import SynthAsset, SynthTranslator
from synth_ops.records import Record
from synth_ops.steps import StepCall


def _words_for_translation(asset: SynthAsset) -> Mapping[str, Any]:
    return {"role": asset.role, "table": asset.table, "dataset": asset.project.dataset, "asset": asset}


@dg.scaffold_with(SynthRefreshScaffolder)
class SynthRefreshComponent(dg.Component, dg.Resolvable, dg.Model):
    """Keeps a synthetic copy of a production database fresh: extract, train, sample, validate and publish every night.

    One group of assets for the dataset, one partition for each night, one asset check for each expectation, a
    schedule that runs, and a sensor for days on which much has changed.
    """

    config: Annotated[
        str, Field(description="Path of synth.yaml, from the folder of this file.", examples=["../../../synth.yaml"])
    ]
    first_night: Annotated[str, Field(description="The first partition, an ISO date.")] = FIRST_NIGHT
    timezone: Annotated[str, Field(description="Where nights begin, such as Europe/Berlin.")] = "UTC"
    schedule: Annotated[str | None, Field(description="A cron line in that time zone; null for no schedule.")] = (
        EVERY_NIGHT
    )
    skip_unchanged: Annotated[
        bool, Field(description="Let a scheduled night keep the last snapshot where nothing has changed.")
    ] = True
    fresh_hours: Annotated[
        float | None, Field(description="After how many hours a published table is stale; null for no policy.", gt=0)
    ] = FRESH_HOURS
    changed_share: Annotated[
        float, Field(description="How much of a table must have changed for the sensor to refresh.", gt=0)
    ] = 0.2
    max_retries: Annotated[
        int, Field(description="How often a step is taken again that the outside world failed.", ge=0)
    ] = 2
    retry_delay_seconds: Annotated[
        float, Field(description="Before the first of these; twice as long before each that follows.", ge=0)
    ] = 60.0
    python: Annotated[
        str | None,
        Field(description="The interpreter that has torch and Great Expectations; Dagster's own by default."),
    ] = None
    device: Annotated[str, Field(description="Where models compute: auto, cpu, cuda.")] = "auto"
    gpu_pool: Annotated[str | None, Field(description="The concurrency pool of what computes on a GPU.")] = "gpu"
    train_tags: Annotated[
        Mapping[str, Any], Field(description="Op tags of what computes on a GPU, such as dagster-k8s/config.")
    ] = {}
    op_tags: Annotated[Mapping[str, Any], Field(description="Op tags of all else.")] = {}
    owners: Annotated[Sequence[str], Field(description="E-mail addresses, and teams as team:data.")] = ()
    tags: Annotated[Mapping[str, str], Field(description="Tags of all assets but production's.")] = {}
    group: Annotated[str | None, Field(description="The assets' group; the dataset's name by default.")] = None
    source_keys: Annotated[
        Mapping[str, str],
        Field(
            description="Keys that production's tables have in your graph already.", examples=[{"users": "prod/users"}]
        ),
    ] = {}
    report_url: Annotated[
        str | None, Field(description="Where reports are served, as <report_url>/<night>/report.html.")
    ] = None
    translation: Annotated[
        TranslationFn[SynthAsset] | None,
        TranslationFnResolver[SynthAsset](_words_for_translation),
    ] = None

    def get_asset_spec(self, asset: SynthAsset) -> dg.AssetSpec:
        """Give the spec of one asset. Override it to choose keys, groups, owners, tags, kinds or metadata."""
        keys = {table: dg.AssetKey.from_user_string(key).path for table, key in self.source_keys.items()}
        spec = SynthTranslator(self.owners, self.tags, self.group, keys).get_asset_spec(asset)
        return self.translation(spec, asset) if self.translation else spec

    def execute(self, context: Context, call: StepCall, runner: Runner) -> Record:
        """Take one step of a night. Override it to do something before or after, or to run it elsewhere."""
        return runner.run(context, call)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Give the definitions of the dataset."""
        options = self._options()
        project = read_project(Path(context.path) / self.config)
        runner = options.runner(project)
        graph = Graph(
            project,
            self.get_asset_spec,
            lambda step_context, call: self.execute(step_context, call, runner),
            options.graph_options(),
        )
        return definitions_of(graph, options)

    def _options(self) -> SynthOptions:
        return SynthOptions(
            first_night=self.first_night,
            timezone=self.timezone,
            schedule=self.schedule,
            skip_unchanged=self.skip_unchanged,
            fresh_hours=self.fresh_hours,
            changed_share=self.changed_share,
            retries=dg.RetryPolicy(self.max_retries, self.retry_delay_seconds, dg.Backoff.EXPONENTIAL),
            python=self.python or sys.executable,
            device=self.device,
            gpu_pool=self.gpu_pool,
            train_tags=self.train_tags,
            op_tags=self.op_tags,
            report_url=self.report_url,
        )
