"""What each op does: take its step in a worker, and say of each table that was asked for what came of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, cast

import dagster as dg

from synth_ops.dagster import metadata
from synth_ops.dagster.checks import check_results
from synth_ops.dagster.execution import UNCHANGED_TAG
from synth_ops.dagster.graph import Graph
from synth_ops.dagster.project import KnownTable
from synth_ops.dagster.translator import Role
from synth_ops.plan.plan import Plan
from synth_ops.records import Extracted, Published, Record, Sampled, TrainedTable, Validated, blocking
from synth_ops.steps import StepCall
from synth_ops.unchanged import unchanged_since
from synth_ops.workspace import Workspace, make_salt, read_record

Results = Iterator[dg.MaterializeResult[None]]
R = TypeVar("R", bound=Record)


def extract(graph: Graph, context: dg.AssetExecutionContext) -> Results:
    """Read production; where nothing changed and the run is to skip then, let the last snapshot stand."""
    night = context.partition_key
    extracted = cast("Extracted", graph.execute(context, StepCall("extract", night)))
    workspace = graph.project.workspace(night)
    plan = _plan(workspace)
    if context.run.tags.get(UNCHANGED_TAG) == "skip" and (published := unchanged_since(workspace)):
        _confirm(graph, context, published, plan)
        return
    rows = {t.name: t for t in extracted.tables}
    salt = make_salt(workspace).key
    for table in _asked(graph, "extract", context.selected_asset_keys):
        if table.name in rows:
            yield dg.MaterializeResult(
                asset_key=graph.key("extract", table),
                metadata=metadata.of_extracted(plan, rows[table.name], graph.key("production", table)),
                data_version=metadata.private_version(rows[table.name].fingerprint, salt),
            )


def train(graph: Graph, context: dg.AssetExecutionContext, table: KnownTable) -> Results:
    """Train one table."""
    call = StepCall("train", context.partition_key, table=table.name)
    trained = cast("TrainedTable", graph.execute(context, call))
    context.log.info(f"{table.name}: {trained.decision}, for {trained.reason}")
    yield dg.MaterializeResult(
        asset_key=graph.key("model", table),
        metadata=metadata.of_trained(trained),
        data_version=dg.DataVersion(trained.model_id or trained.decision),
    )


def sample(graph: Graph, context: dg.AssetExecutionContext) -> Results:
    """Sample all tables, and say so of those asked for."""
    night = context.partition_key
    # No table is learned here but one that never was: a model is learned where its asset is materialised.
    sampled = cast("Sampled", graph.execute(context, StepCall("sample", night, tables=())))
    plan = _plan(graph.project.workspace(night))
    rows = {t.name: t for t in sampled.tables}
    for table in _asked(graph, "synthetic", context.selected_asset_keys):
        found = _found(rows, table)
        yield dg.MaterializeResult(
            asset_key=graph.key("synthetic", table),
            metadata=metadata.of_sampled(plan, found, graph.key("extract", table)),
            data_version=dg.DataVersion(found.sha256[:16]),
        )


def validate(graph: Graph, context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Measure the copy, and give the result of each check asked for; the log ends with those that failed."""
    night = context.partition_key if context.has_partition_key else _newest_sampled(graph)
    validated = cast("Validated", graph.execute(context, StepCall("validate", night, tables=())))
    if bad := blocking(validated.checks):
        lines = "\n".join(f"  {c.line}" for c in bad)
        context.log.error(
            f"The gate says {validated.verdict}: {len(bad)} critical expectations did not pass, and nothing will be"
            f" published. The report shows why: {validated.report}\n{lines}"
        )
    asked: dict[dg.AssetKey, set[str]] = {}
    for key in context.selected_asset_check_keys:
        asked.setdefault(key.asset_key, set()).add(key.name)
    for table in _asked(graph, "synthetic", asked):
        key = graph.key("synthetic", table)
        yield from check_results(table, key, validated, asked[key])


def publish(graph: Graph, context: dg.AssetExecutionContext) -> Results:
    """Publish the whole copy, and say so of the tables asked for."""
    night = context.partition_key
    published = cast("Published", graph.execute(context, StepCall("publish", night, tables=())))
    workspace = graph.project.workspace(night)
    plan, validated = _plan(workspace), read_record(workspace.record("validate"), Validated)
    for table in _asked(graph, "snapshot", context.selected_asset_keys):
        yield dg.MaterializeResult(
            asset_key=graph.key("snapshot", table),
            metadata={
                **metadata.of_published(plan, _present(published, table), published, graph.key("synthetic", table)),
                **(metadata.of_validated(validated, table.name, graph.options.report_url) if validated else {}),
            },
            data_version=dg.DataVersion(published.snapshot),
        )


def _confirm(graph: Graph, context: dg.AssetExecutionContext, published: Published, plan: Plan) -> None:
    """Say of every table that its snapshot is as fresh as production; nothing downstream is run."""
    context.log.info(
        f"Neither production nor the plan has changed since the night {published.night}: its snapshot"
        f" {published.snapshot} stands, and no new copy is made."
    )
    for table in graph.project.tables:
        if table.name in published.n_rows:
            key = graph.key("snapshot", table)
            shown = metadata.of_published(plan, table.name, published, graph.key("synthetic", table))
            context.log_event(
                dg.AssetMaterialization(
                    key,
                    description=f"Unchanged since {published.night}",
                    partition=context.partition_key,
                    metadata={**shown, "unchanged_since": published.night},
                    tags={"dagster/data_version": published.snapshot},
                )
            )


def _asked(graph: Graph, role: Role, keys: Iterable[dg.AssetKey]) -> list[KnownTable]:
    wanted = set(keys)
    return [t for t in graph.project.tables if graph.key(role, t) in wanted]


def _newest_sampled(graph: Graph) -> str:
    """Give the newest night that has a copy: a check that is run by itself has no partition."""
    for night in graph.project.nights():
        if night.record("sample").is_file():
            return night.night
    raise dg.Failure(
        f"There must be a copy of {graph.project.dataset!r} to check, however no night has been sampled yet."
        " Materialize the synthetic tables of a night first.",
        allow_retries=False,
    )


def _plan(workspace: Workspace) -> Plan:
    plan = read_record(workspace.plan, Plan)
    if plan is None:
        raise dg.Failure(
            f"The worker must leave its plan where the code location can read it, however there is no {workspace.plan}."
            " Both must see the same workspace: mount it in both, under the same path.",
            allow_retries=False,
        )
    return plan


def _found(rows: Mapping[str, R], table: KnownTable) -> R:
    """Give what came of a table that was asked for."""
    if table.name not in rows:
        raise _gone(table)
    return rows[table.name]


def _present(published: Published, table: KnownTable) -> str:
    if table.name not in published.n_rows:
        raise _gone(table)
    return table.name


def _gone(table: KnownTable) -> dg.Failure:
    return dg.Failure(
        f"Table {table.name!r} must be in the source, however tonight it is there no more, or is skipped."
        " Reload the code location: its asset goes with it.",
        allow_retries=False,
    )
