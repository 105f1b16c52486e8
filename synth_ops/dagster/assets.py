"""The ops of a night: one reads, one a table trains, one samples, one holds the gate, one publishes."""

from collections.abc import Iterator

import dagster as dg

from synth_ops.dagster import materialize
from synth_ops.dagster.checks import check_specs, granularity_of
from synth_ops.dagster.graph import Graph
from synth_ops.dagster.project import KnownTable

Results = Iterator[dg.MaterializeResult[None]]


def build_assets(graph: Graph) -> list[dg.AssetsDefinition]:
    """Give the assets of a dataset, first to last."""
    return [_extracted(graph), *(_trained(graph, t) for t in graph.trained), _sampled(graph), _published(graph)]


def build_gate(graph: Graph) -> dg.AssetChecksDefinition:
    """Give the gate: it stands between sampling and publishing, and is run by itself where a suite was edited."""

    @dg.multi_asset_check(
        name=f"{graph.project.group}_validate",
        description="Measure the copy in a worker, and assert the suites.",
        specs=_check_specs(graph),
        can_subset=True,
        op_tags=graph.options.op_tags,
        retry_policy=graph.options.retries,
    )
    def validate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        yield from materialize.validate(graph, context)

    return validate


def _check_specs(graph: Graph) -> list[dg.AssetCheckSpec]:
    tables = graph.project.tables
    granularity = granularity_of(tables)
    return [spec for t in tables for spec in check_specs(t, graph.key("synthetic", t), granularity)]


def _extracted(graph: Graph) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{graph.project.group}_extract",
        description="Read all tables in one consistent transaction.",
        specs=[graph.spec("extract", t) for t in graph.project.tables],
        can_subset=True,
        op_tags=graph.options.op_tags,
        retry_policy=graph.options.retries,
    )
    def extract(context: dg.AssetExecutionContext) -> Results:
        yield from materialize.extract(graph, context)

    return extract


def _trained(graph: Graph, table: KnownTable) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{graph.project.group}_train_{table.word}",
        description=f"Reuse, refresh or train the model of {table.name}.",
        specs=[graph.spec("model", table)],
        op_tags=graph.options.train_tags,
        pool=graph.options.gpu_pool,
        retry_policy=graph.options.retries,
    )
    def train(context: dg.AssetExecutionContext) -> Results:
        yield from materialize.train(graph, context, table)

    return train


def _sampled(graph: Graph) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{graph.project.group}_sample",
        description="Sample a whole database from the models, keys and all.",
        specs=[graph.spec("synthetic", t) for t in graph.project.tables],
        can_subset=True,
        op_tags=graph.options.train_tags,
        pool=graph.options.gpu_pool,
        retry_policy=graph.options.retries,
    )
    def sample(context: dg.AssetExecutionContext) -> Results:
        yield from materialize.sample(graph, context)

    return sample


def _published(graph: Graph) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{graph.project.group}_publish",
        description="Publish the whole copy as one immutable snapshot, if the gate is open.",
        specs=[graph.spec("snapshot", t) for t in graph.project.tables],
        can_subset=True,
        op_tags=graph.options.op_tags,
        retry_policy=graph.options.retries,
    )
    def publish(context: dg.AssetExecutionContext) -> Results:
        yield from materialize.publish(graph, context)

    return publish
