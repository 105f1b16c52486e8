"""Our expectations as Great Expectations knows them: each looks its figure up in the metrics table.

Importing this module imports Great Expectations and registers the classes with it, so only `suites` and `batches`
import it, inside functions. The batch is never a table of rows: it holds one row a figure, as `figures_frame` gives.
"""

# ruff: noqa: ARG002, ARG003 — signatures are Great Expectations' own, which passes arguments by name

import warnings
from typing import Any, ClassVar

import pandas as pd

from synth_ops.expectations.rules import RULES, Rule, say, wanted_of
from synth_ops.measure.records import Measure

with warnings.catch_warnings():
    # Great Expectations imports modules that Python has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import BatchExpectation, render_suite_parameter_string
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
    from great_expectations.expectations.registry import list_registered_expectation_implementations
    from great_expectations.render.components import (
        LegacyDiagnosticRendererType,
        LegacyRendererType,
        RenderedStringTemplateContent,
    )
    from great_expectations.render.renderer.renderer import renderer

FIGURES = "synth_ops.figures"


def figures_frame(measures: list[Measure]) -> pd.DataFrame:
    """Give the figures of one table as the batch that our expectations look them up in."""
    records = [{"check": m.name, "subject": m.subject, "figure": m.model_dump_json()} for m in measures]
    return pd.DataFrame(records, columns=["check", "subject", "figure"])


def registered_types() -> list[str]:
    """Give the names of all expectations: Great Expectations' own, and ours."""
    return sorted(list_registered_expectation_implementations())


def ephemeral_context() -> Any:  # noqa: ANN401 — one of a family of classes
    """Make a context that leaves no file and draws no progress bar."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


class Figures(TableMetricProvider):
    """The whole metrics table, by check and subject."""

    metric_name = FIGURES

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 — Great Expectations calls it with the class
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[tuple[str, str], str]:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        return dict(zip(zip(frame["check"], frame["subject"], strict=True), frame["figure"], strict=True))


class MeasuredExpectation(BatchExpectation):
    """An expectation of a figure that synth-ops has measured. It fails where there is no such figure."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (FIGURES,)
    success_keys: ClassVar[tuple[str, ...]] = (
        "column",
        "foreign_key",
        *sorted({limit for rule in RULES.values() for limit in rule.limits}),
    )

    @classmethod
    def _rule(cls) -> Rule:
        return RULES[cls.expectation_type]

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,  # noqa: ANN401 — the signature is Great Expectations' own
    ) -> dict[str, Any]:
        rule, kwargs = self._rule(), self.configuration.kwargs
        figures = metrics[FIGURES]
        subject = kwargs.get(rule.subject, "") if rule.subject else ""
        # What is waived is waived for the table, whatever its columns.
        figure = figures.get((rule.measure, subject)) or figures.get((rule.measure, ""))
        measure = None if figure is None else Measure.model_validate_json(figure)
        if measure is None or (measure.subject != subject and measure.waived is None):
            return {"success": False, "result": {"observed_value": None}}
        held = measure.waived is not None or (measure.error is None and rule.holds(measure, kwargs))
        result = {"observed_value": measure.observed, "prose": say(rule, measure, kwargs)}
        return {"success": bool(held), "result": result}

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    @render_suite_parameter_string
    def _prescriptive_renderer(
        cls,
        configuration: Any = None,  # noqa: ANN401 — the signature is Great Expectations' own
        result: Any = None,  # noqa: ANN401 — GX's own signature
        runtime_configuration: dict[str, Any] | None = None,
        **_kwargs: Any,  # noqa: ANN401 — GX's own signature
    ) -> list[RenderedStringTemplateContent]:
        """Say what must hold in a sentence, where Data Docs would print bare parameters."""
        configuration = configuration or result.expectation_config
        template = wanted_of(cls._rule(), configuration.kwargs).replace("$", "$$")
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={
                    "template": f"{template}.",
                    "params": {},
                    "styling": (runtime_configuration or {}).get("styling"),
                },
            )
        ]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: Any = None,  # noqa: ANN401 — the signature is Great Expectations' own
        result: Any = None,  # noqa: ANN401 — GX's own signature
        runtime_configuration: dict[str, Any] | None = None,
    ) -> str:
        """Show the figure to three digits, or a dash where none was measured."""
        observed = result.result.get("observed_value") if result is not None else None
        return "--" if observed is None else f"{observed:.3g}"


class ExpectTableColumnsToMatchSource(MeasuredExpectation):
    """Columns, their types and their order are those that the source declares."""


class ExpectTableRowCountToMatchPlan(MeasuredExpectation):
    """The copy has about as many rows as the plan asks for."""

    min_ratio: float
    max_ratio: float


class ExpectForeignKeyToResolve(MeasuredExpectation):
    """References find their parents."""

    foreign_key: str
    max_share: float


class ExpectForeignKeyOrphansToMatch(MeasuredExpectation):
    """A soft key keeps its share of orphans."""

    foreign_key: str
    max_excess: float


class ExpectForeignKeyNullsToMatch(MeasuredExpectation):
    """A key keeps its share of nulls."""

    foreign_key: str
    max_excess: float


class ExpectChildrenPerParentToMatch(MeasuredExpectation):
    """Parents have as many children as in production."""

    foreign_key: str
    max_excess: float


class ExpectForeignKeyRelationsToMatch(MeasuredExpectation):
    """Children go with their own parents as in production."""

    foreign_key: str
    max_excess: float


class ExpectTimeBetweenEventsToMatch(MeasuredExpectation):
    """Rows of one parent are as far apart in time as in production."""

    foreign_key: str
    max_excess: float


class ExpectEventOrderToMatch(MeasuredExpectation):
    """A row of one parent goes over into the next as in production."""

    foreign_key: str
    max_excess: float


class ExpectColumnValuesToBeWithinCommonRange(MeasuredExpectation):
    """No value lies where few real rows do."""

    column: str
    max_share: float


class ExpectColumnCategoriesToBeKnown(MeasuredExpectation):
    """No label is there that production does not hold."""

    column: str
    max_excess: float


class ExpectColumnCategoriesToNotBeRare(MeasuredExpectation):
    """No label is there that too few real rows hold."""

    column: str
    max_share: float


class ExpectColumnValuesToNotBeReplayed(MeasuredExpectation):
    """Names, texts and tokens of production are not repeated."""

    column: str
    max_excess: float


class ExpectColumnNullsToMatchReference(MeasuredExpectation):
    """A column is null as often as in production."""

    column: str
    max_excess: float


class ExpectColumnNullRelationsToMatchReference(MeasuredExpectation):
    """A column is null where it is null in production."""

    column: str
    max_excess: float


class ExpectColumnShapeToMatchReference(MeasuredExpectation):
    """A column is distributed as in production."""

    column: str
    max_excess: float


class ExpectColumnRanksToMatchReference(MeasuredExpectation):
    """A number's cumulated distribution is production's."""

    column: str
    max_excess: float


class ExpectColumnValuesToBeCovered(MeasuredExpectation):
    """No value that many real rows hold is missing."""

    column: str
    max_share: float


class ExpectColumnPointMassesToMatchReference(MeasuredExpectation):
    """Numbers that many rows hold are held as often."""

    column: str
    max_excess: float


class ExpectColumnGranularityToMatchReference(MeasuredExpectation):
    """Numbers and instants are written as finely as in production."""

    column: str
    max_excess: float


class ExpectColumnShapesToMatchReference(MeasuredExpectation):
    """Columns are distributed as in production, on average."""

    max_excess: float


class ExpectColumnPairsToMatchReference(MeasuredExpectation):
    """Pairs of columns go together as in production, on average."""

    max_excess: float
    max_lost: float


class ExpectColumnRelationsToMatchReference(MeasuredExpectation):
    """One column goes with the others as in production."""

    column: str
    max_excess: float


class ExpectColumnAssociationsToMatchReference(MeasuredExpectation):
    """Strong associations are as strong as in production."""

    max_excess: float


class ExpectColumnTriplesToMatchReference(MeasuredExpectation):
    """Triples of columns go together as in production, on average."""

    max_excess: float
    max_lost: float


class ExpectNullPatternsToMatchReference(MeasuredExpectation):
    """Columns are null together as in production."""

    max_excess: float
    max_lost: float


class ExpectTableToBeIndistinguishable(MeasuredExpectation):
    """A classifier can hardly tell the copy from production."""

    min_auc: float
    max_auc: float


class ExpectNoRowToBeImplausible(MeasuredExpectation):
    """Hardly a row is there that cannot be real."""

    max_excess: float


class ExpectNoRowToBeRepeated(MeasuredExpectation):
    """The copy does not repeat itself."""

    max_excess: float


class ExpectColumnToBeAsPredictable(MeasuredExpectation):
    """A model trained on the copy predicts production as well."""

    column: str
    max_excess: float


class ExpectColumnShapesToNotRegress(MeasuredExpectation):
    """Columns are no further from production than they were."""

    max_increase: float


class ExpectColumnPairsToNotRegress(MeasuredExpectation):
    """Pairs of columns are no further from production than they were."""

    max_increase: float


class ExpectTableToNotBecomeDistinguishable(MeasuredExpectation):
    """A classifier tells the copy no better than it did."""

    max_increase: float


class ExpectEnoughEntitiesToMeasurePrivacy(MeasuredExpectation):
    """There are enough entities to say anything of privacy, or the plan says why their rows are public."""


class ExpectNoRecordToBeCopied(MeasuredExpectation):
    """The copy repeats no more training rows than real rows do that no model has seen."""

    max_excess: float


class ExpectNoRecordToBeNearlyCopied(MeasuredExpectation):
    """The copy has no more near twins among the training rows than such real rows have."""

    max_excess: float


class ExpectMembershipToBeUninferable(MeasuredExpectation):
    """The copy does not tell which rows it was made of."""

    max_auc: float


class ExpectOutlierMembershipToBeUninferable(MeasuredExpectation):
    """The copy does not tell of the most exposed rows whether it was made of them."""

    max_auc: float


class ExpectNoOutlierToBeRecognised(MeasuredExpectation):
    """Hardly one of the most exposed rows is told from the copy."""

    max_share: float


class ExpectNoOutlierToBeCopied(MeasuredExpectation):
    """The copy comes no closer to exposed training rows than to exposed rows that no model has seen."""

    max_excess: float


class ExpectNoLoneRecordToBeCopied(MeasuredExpectation):
    """The copy comes no closer to lone training rows than to lone rows that no model has seen."""

    max_excess: float


class ExpectNoRecordToBeCopiedInPart(MeasuredExpectation):
    """No rows are copied and then altered in some columns."""

    max_excess: float


class ExpectSecretsToBeUninferable(MeasuredExpectation):
    """The copy tells no secret of the rows that it was made of, whichever column it is."""

    max_risk: float


class ExpectColumnValuesToBeUninferable(MeasuredExpectation):
    """The copy does not tell a secret of the rows that it was made of."""

    column: str
    max_risk: float


class ExpectNoRecordToBeSingledOut(MeasuredExpectation):
    """The copy leads to no single row that it was made of."""

    max_risk: float


class ExpectRecordsToBeUnlinkable(MeasuredExpectation):
    """The copy does not put two halves of a row together."""

    max_risk: float


class ExpectForeignKeyToBeUnlinkable(MeasuredExpectation):
    """The copy does not put a row together with the one that it refers to."""

    foreign_key: str
    max_risk: float


class ExpectAdditionsToBeUninferable(MeasuredExpectation):
    """Two nights' copies do not tell which rows came between them."""

    max_auc: float
