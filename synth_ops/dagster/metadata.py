"""What Dagster shows of a record: figures that it plots night after night, columns, lineage, links."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from synth_ops.dagster.charts import bars_chart, loss_chart
from synth_ops.names import file_stem
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.records import ExtractedTable, Published, SampledTable, TrainedTable, Validated

Shown = dict[str, Any]


def of_extracted(plan: Plan, table: ExtractedTable, source: dg.AssetKey) -> Shown:
    """Show a read; exact counts of rows under a privacy budget stay private."""
    counts = {"dagster/row_count": table.n_rows} if plan.privacy.epsilon is None else {}
    lineage = {c.name: [dg.TableColumnDep(source, c.name)] for c in plan.table(table.name).columns}
    return {**counts, "dagster/column_schema": _schema(plan.table(table.name)), **_lineage(lineage)}


def private_version(fingerprint: str, key: bytes) -> dg.DataVersion:
    """Give a version of rows by which nobody can tell that a guess of all of them is right.

    Args:
        fingerprint: of the rows.
        key: the workspace's salt.
    """
    return dg.DataVersion(hashlib.blake2b(fingerprint.encode(), key=key, digest_size=8, person=b"version").hexdigest())


def of_trained(table: TrainedTable) -> Shown:
    """Show a training: what was decided and why, and how the loss went."""
    shown: Shown = {"decision": table.decision, "reason": table.reason, "seconds": table.seconds}
    if table.model_id:
        shown |= {"model": table.model_id, "n_epochs": table.n_epochs, "rows_learned": table.n_rows}
    if table.parent_id:
        shown["parent_model"] = table.parent_id
    if table.loss is not None:
        shown["loss"] = table.loss
    if chart := loss_chart([p.validation for p in table.losses]):
        shown["losses"] = dg.MetadataValue.md(chart)
    if table.drift:
        shown |= {"drift_nats": table.drift.nats, "drift_novelty": table.drift.novelty}
    if table.spent:
        shown |= {"epsilon": table.spent.epsilon, "epsilon_total": table.spent.total}
    return shown


def of_sampled(plan: Plan, table: SampledTable, extract: dg.AssetKey) -> Shown:
    """Show synthetic rows, and which of their columns were learned from production's."""
    learned = [c for c in plan.table(table.name).columns if c.fate in ("learn", "copy")]
    return {
        "dagster/row_count": table.n_rows,
        "dagster/uri": table.path,
        "dagster/column_schema": _schema(plan.table(table.name)),
        **_lineage({c.name: [dg.TableColumnDep(extract, c.name)] for c in learned}),
    }


def of_published(plan: Plan, table: str, published: Published, synthetic: dg.AssetKey) -> Shown:
    """Show a table of a snapshot."""
    columns = plan.table(table).columns
    return {
        "dagster/row_count": published.n_rows[table],
        "dagster/uri": f"{published.path.rstrip('/')}/{file_stem(table)}",
        "snapshot": published.snapshot,
        "dagster/column_schema": _schema(plan.table(table)),
        **_lineage({c.name: [dg.TableColumnDep(synthetic, c.name)] for c in columns}),
    }


def of_validated(validated: Validated, table: str, report_url: str | None) -> Shown:
    """Show how faithful the table is, and where the report of the night is."""
    figures = validated.fidelity.get(table, {})
    shown: Shown = {"verdict": validated.verdict, "report": _report(validated.report, report_url)}
    if "observed" in figures and "floor" in figures:
        shown |= {"pair_error": figures["observed"], "pair_error_floor": figures["floor"]}
        shown["pair_error_beside_floor"] = dg.MetadataValue.md(bars_chart(figures["observed"], figures["floor"]))
    return shown


def _report(path: str, url: str | None) -> dg.MetadataValue:
    """Give a link where the reports are served, else the path."""
    if url is None:
        return dg.MetadataValue.path(path)
    night = Path(path).parent.name
    return dg.MetadataValue.url(f"{url.rstrip('/')}/{night}/{Path(path).name}")


def _lineage(columns: Mapping[str, list[dg.TableColumnDep]]) -> Shown:
    return {"dagster/column_lineage": dg.TableColumnLineage(deps_by_column=columns)}


def _schema(table: TablePlan) -> dg.TableSchema:
    """Give the columns as the source declares them, with what becomes of each."""
    fates: Mapping[str, ColumnPlan] = {c.name: c for c in table.columns}
    unique = {u[0] for u in (table.table.primary_key, *table.table.unique) if len(u) == 1}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                c.name,
                type=c.source_type,
                description=f"{fates[c.name].fate}: {fates[c.name].reason}",
                constraints=dg.TableColumnConstraints(nullable=c.nullable, unique=c.name in unique),
                tags={"fate": fates[c.name].fate},
            )
            for c in table.table.columns
            if c.name in fates
        ]
    )
