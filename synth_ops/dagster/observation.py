"""Production's tables, observed: their data versions, and a sensor for the day on which much has changed."""

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from synth_ops.dagster.graph import Graph
from synth_ops.errors import SynthOpsError
from synth_ops.records import Observed, ObservedTable, Published
from synth_ops.steps import observe_spec
from synth_ops.worker import run_job
from synth_ops.workspace import read_record

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

SENSOR_SECONDS = 900


def build_observation(graph: Graph, python: str) -> list[dg.AssetsDefinition]:
    """Give production's tables as source assets; to observe them reads no rows.

    Tables whose key was chosen are left out: they are assets of yours, and yours to observe.
    """
    tables = [t for t in graph.project.tables if not graph.is_yours(t)]

    def observe(context: dg.AssetExecutionContext) -> Iterator[dg.ObserveResult]:
        seen = {t.name: t for t in _look(graph, python).tables}
        for table in tables:
            key = graph.key("production", table)
            if key in context.selected_asset_keys and table.name in seen:
                found = seen[table.name]
                yield dg.ObserveResult(
                    asset_key=key, data_version=dg.DataVersion(found.version), metadata=_shown(found)
                )

    if not tables:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # the decorator is in beta, and there is no other
        observed = dg.multi_observable_source_asset(
            name=f"{graph.project.group}_observe",
            description="Look at whether production's tables have changed; no row is read.",
            specs=[graph.spec("production", t) for t in tables],
            can_subset=True,
        )
        return [observed(observe)]


def build_sensor(graph: Graph, job: "Job", *, changed_share: float, python: str) -> dg.SensorDefinition:
    """Give the sensor that asks for tonight's snapshot when much of production has changed; off until switched on."""

    @dg.sensor(
        name=f"{graph.project.group}_changed",
        job=job,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Refresh when {changed_share:.0%} of a table has changed since the last snapshot.",
    )
    def changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            seen = _look(graph, python)
        except SynthOpsError as exc:
            return dg.SkipReason(str(exc))
        published = _last_published(graph)
        before = json.loads(context.cursor) if context.cursor else {}
        if before.get("snapshot") != published:  # from a new snapshot on, changes are counted anew
            cursor = json.dumps({"snapshot": published, "tables": {t.name: t.model_dump() for t in seen.tables}})
            return dg.SensorResult(skip_reason=f"Changes are counted from the snapshot {published} on.", cursor=cursor)
        then = {name: ObservedTable.model_validate(facts) for name, facts in before["tables"].items()}
        shares = {t.name: share_changed(t, then) for t in seen.tables}
        most = max(shares, key=lambda name: shares[name], default="")
        if not most or shares[most] < changed_share:
            return dg.SkipReason(f"At most {shares.get(most, 0):.1%} of a table has changed since the last snapshot.")
        night = graph.options.nights.get_last_partition_key()
        key = f"{night}-{published}"
        return dg.SensorResult([dg.RunRequest(run_key=key, partition_key=night, tags={"synth_ops/changed": most})])

    return changed


def _look(graph: Graph, python: str) -> Observed:
    spec = observe_spec(graph.project.config, graph.project.path)
    spec.workspace.prepare()
    return Observed.model_validate(run_job(spec, still_holds=lambda _: False, python=python))


def _last_published(graph: Graph) -> str | None:
    for night in graph.project.nights():
        published = read_record(night.record("publish"), Published)
        if published is not None:
            return published.snapshot
    return None


def share_changed(now: ObservedTable, before: Mapping[str, ObservedTable]) -> float:
    """Give which share of a table has changed: by the server's own count of writes, else by its number of rows.

    A table that is new has changed wholly; so has one of which only its version is known, and that is another, and one
    whose writes are counted anew.
    """
    then = before.get(now.name)
    if then is None:
        return 1.0
    if now.version == then.version:
        return 0.0
    if now.n_written is not None and then.n_written is not None:
        n_rows = max(now.n_rows or 0, then.n_rows or 0, 1)
        return 1.0 if now.n_written < then.n_written else (now.n_written - then.n_written) / n_rows
    if now.n_rows is not None and then.n_rows is not None:
        return abs(now.n_rows - then.n_rows) / max(now.n_rows, then.n_rows, 1)
    return 1.0


def _shown(table: ObservedTable) -> dict[str, int]:
    return {} if table.n_rows is None else {"dagster/row_count": table.n_rows}
