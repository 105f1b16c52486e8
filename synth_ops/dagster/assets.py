"""The ops of a night: one reads, one a table trains, one samples, one holds the gate, one publishes."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from synth_ops.dagster import materialize
from synth_ops.dagster.checks import check_specs, granularity_of
from synth_ops.dagster.graph import Graph
from synth_ops.dagster.project import KnownTable
from synth_ops.dagster.translator import Role
from synth_ops.records import Step

Results = Iterator[dg.MaterializeResult[None]]
Take = Callable[[Graph, dg.AssetExecutionContext], Results]
STEPS: Mapping[Role, Step] = {"extract": "extract", "synthetic": "sample", "snapshot": "publish"}
"""The step that makes the assets of a role, for all tables at once."""


def build_assets(graph: Graph) -> list[dg.AssetsDefinition]:
    """Give the assets of a dataset, first to last."""
    return [
        _of_all_tables(graph, "extract", materialize.extract, "Read all tables in one consistent transaction."),
        *(_trained(graph, t) for t in graph.trained),
        _of_all_tables(
            graph, "synthetic", materialize.sample, "Sample a whole database from the models, keys and all."
        ),
        _of_all_tables(graph, "snapshot", materialize.publish, "Publish the whole copy, if the gate is open."),
    ]


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


def _of_all_tables(graph: Graph, role: Role, take: Take, description: str) -> dg.AssetsDefinition:
    options = graph.options
    on_gpu = role == "synthetic"

    @dg.multi_asset(
        name=f"{graph.project.group}_{STEPS[role]}",
        description=description,
        specs=[graph.spec(role, t) for t in graph.project.tables],
        can_subset=True,
        op_tags=options.train_tags if on_gpu else options.op_tags,
        pool=options.gpu_pool if on_gpu else None,
        retry_policy=options.retries,
    )
    def step(context: dg.AssetExecutionContext) -> Results:
        yield from take(graph, context)

    return step
