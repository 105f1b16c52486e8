"""OpenLineage of a night: which tables came from which, column by column, and what was asserted of the copy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synth_ops.names import file_stem
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check, Published, Validated
from synth_ops.settings import SECRET
from synth_ops.workspace import read_record

if TYPE_CHECKING:
    from synth_ops.airflow.job import Job

PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306}
NAMES: Mapping[str, str] = {"postgresql": "postgres", "mysql": "mysql"}
"""How OpenLineage calls them."""


def lineage_of(job: "Job") -> Any:  # noqa: ANN401 — of a package that may not be there
    """Give an OperatorLineage of what the night has come to; None where its tables were not read yet."""
    from airflow.providers.common.compat.openlineage.facet import Dataset, InputDataset, OutputDataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    plan = read_record(job.workspace.plan, Plan)
    if plan is None:
        return None
    tables = [t for t in plan.tables if t.mode != "skip"]
    source = _source(plan.source, job.env)
    inputs: list[Any] = []
    outputs: list[Any] = []
    if job.call.step in ("refresh", "extract"):
        inputs = [Dataset(*_production(plan, t, source), facets={"schema": _schema(t)}) for t in tables]
    validated = read_record(job.workspace.record("validate"), Validated)
    if job.call.step in ("refresh", "validate") and validated is not None:
        inputs += [
            InputDataset(*_synthetic(job, t), inputFacets={"dataQualityAssertions": _assertions(validated, t.name)})
            for t in tables
        ]
    published = read_record(job.workspace.record("publish"), Published)
    if job.call.step in ("refresh", "publish") and published is not None:
        outputs = [
            OutputDataset(
                *_snapshot(published, plan, t),
                facets={"schema": _schema(t), "columnLineage": _columns(t, _production(plan, t, source))},
                outputFacets={"outputStatistics": _statistics(published, t.name)},
            )
            for t in tables
        ]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _source(source: str, env: Mapping[str, str]) -> str:
    """Give production's URL with the variables that this task knows."""
    return SECRET.sub(lambda m: env.get(m[1], m[0]), source)


def _production(plan: Plan, table: TablePlan, source: str) -> tuple[str, str]:
    """Give the namespace and the name of a table of production, without user and password."""
    if "${" in source:
        return "synth-ops", f"{plan.dataset}.production.{table.name}"
    parts = urlsplit(source)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in NAMES:
        return "file", f"/{source.partition(':')[2].lstrip('/')}#{table.name}"
    place = f"{parts.hostname or 'localhost'}:{parts.port or PORTS[scheme]}"
    names = (parts.path.strip("/"), table.table.namespace, table.name)
    return f"{NAMES[scheme]}://{place}", ".".join(filter(None, names))


def _synthetic(job: "Job", table: TablePlan) -> tuple[str, str]:
    return "file", str(job.workspace.synthetic(table.name))


def _snapshot(published: Published, plan: Plan, table: TablePlan) -> tuple[str, str]:
    """Name the dataset's table, not the night's folder: each night is a version of it."""
    if "://" in published.path:
        scheme, _, rest = published.path.partition("://")
        bucket, _, key = rest.partition("/")
        return f"{scheme}://{bucket}", f"{key.rpartition('/')[0]}/{file_stem(table.name)}"
    return "file", f"{plan.publish.rstrip('/')}/{plan.dataset}/{file_stem(table.name)}"


def _schema(table: TablePlan) -> Any:  # noqa: ANN401 — of a package that may not be there; likewise below
    from airflow.providers.common.compat.openlineage.facet import SchemaDatasetFacet, SchemaDatasetFacetFields

    fates = {c.name: c for c in table.columns}
    return SchemaDatasetFacet(
        fields=[
            SchemaDatasetFacetFields(name=c.name, type=c.source_type, description=fates[c.name].fate)
            for c in table.table.columns
            if c.name in fates
        ]
    )


def _columns(table: TablePlan, production: tuple[str, str]) -> Any:  # noqa: ANN401
    """Say of each column that was learned or copied where it is from; of all others nothing of production is left."""
    from airflow.providers.common.compat.openlineage.facet import ColumnLineageDatasetFacet, Fields, InputField
    from openlineage.client.generated.column_lineage_dataset import Transformation

    made = {
        "learn": Transformation("INDIRECT", "CONDITIONAL", "sampled from a model of the rows", masking=True),
        "copy": Transformation("DIRECT", "IDENTITY", "published as it is", masking=False),
    }
    return ColumnLineageDatasetFacet(
        fields={
            c.name: Fields(inputFields=[InputField(*production, c.name, transformations=[made[c.fate]])])
            for c in table.columns
            if c.fate in made
        }
    )


def _statistics(published: Published, table: str) -> Any:  # noqa: ANN401
    from airflow.providers.common.compat.openlineage.facet import OutputStatisticsOutputDatasetFacet

    return OutputStatisticsOutputDatasetFacet(rowCount=published.n_rows.get(table))


def _assertions(validated: Validated, table: str) -> Any:  # noqa: ANN401
    from openlineage.client.generated.data_quality_assertions_dataset import DataQualityAssertionsDatasetFacet

    return DataQualityAssertionsDatasetFacet([_assertion(c) for c in validated.checks if c.table == table])


def _assertion(check: Check) -> Any:  # noqa: ANN401
    from openlineage.client.generated.data_quality_assertions_dataset import Assertion

    return Assertion(
        assertion=check.name.partition("(")[0],
        success=check.verdict == "PASS",
        column=check.column,
        severity="error" if check.severity == "critical" else "warn",
        name=check.name,
        description=check.prose,
        expected=None if check.limit is None else f"{check.limit:.3g}",
        actual=None if check.observed is None else f"{check.observed:.3g}",
    )
