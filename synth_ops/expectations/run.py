"""Asserting the suites: what was measured, and the synthetic rows; never a real row."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth_ops.expectations.rules import RULES, limit_of, say
from synth_ops.expectations.suites import Entry, LoadedSuite, Unreadable, load_suite
from synth_ops.measure import Measure, Measured, ReadColumns
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check, Verdict
from synth_ops.suite_files import entry_name, entry_severity, suite_path

_COLUMN_WORDS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Outcome:
    """What Great Expectations says of one expectation."""

    success: bool
    raised: str | None
    """What it raised, if it did: that is no verdict on the data."""


ABSENT = Outcome(success=False, raised="it gave no result")


def run_suites(plan: Plan, measured: Measured, read: ReadColumns) -> tuple[Check, ...]:
    """Assert every table's suite, in the order of the plan and of the files."""
    folder = Path(plan.expectations)
    from synth_ops.expectations.custom import ephemeral_context  # loads Great Expectations: 3 seconds and 280 MB

    context = ephemeral_context()
    checks: list[Check] = []
    for table in plan.tables:
        if table.mode == "synthesize" or (table.mode == "copy" and suite_path(folder, table.name).exists()):
            checks += _run_suite(context, suite_path(folder, table.name), table, measured, read)
    return tuple(checks)


def _run_suite(
    context: Any,  # noqa: ANN401 — its type loads Great Expectations
    path: Path,
    table: TablePlan,
    measured: Measured,
    read: ReadColumns,
) -> Iterator[Check]:
    try:
        suite = load_suite(path)
    except Unreadable as exc:
        prose = f"The suite of table {table.name!r} must be asserted: {exc}."
        name = "suite" if path.exists() else "suite missing"
        yield Check(table=table.name, name=name, verdict="ABSTAIN", prose=prose)
        return
    outcomes = _assert_measured(context, suite, table, measured) | _assert_structural(context, suite, table, read)
    for i, entry in enumerate(suite.entries):
        outcome = outcomes.get(f"{i:04d}", ABSENT)
        if entry["type"] in RULES:
            yield _measured_check(table, entry, outcome, measured)
        else:
            yield _structural_check(table, entry, outcome)


def _assert_measured(context: Any, suite: LoadedSuite, table: TablePlan, measured: Measured) -> dict[str, Outcome]:  # noqa: ANN401 — GX types no context
    from synth_ops.expectations.custom import figures_frame

    return _outcomes(context, suite.measured, figures_frame([m for m in measured.measures if m.table == table.name]))


def _assert_structural(context: Any, suite: LoadedSuite, table: TablePlan, read: ReadColumns) -> dict[str, Outcome]:  # noqa: ANN401 — GX types no context
    entries = [e for e in suite.entries if e["type"] not in RULES]
    if not entries:
        return {}
    columns = _columns_named(table, entries)
    # Whole numbers beside nulls stay whole: as floats, two large keys could become one.
    return _outcomes(context, suite.structural, read(table.name, columns).to_pandas(integer_object_nulls=True))


def _columns_named(table: TablePlan, entries: Sequence[Entry]) -> tuple[str, ...] | None:
    """Give the columns that the expectations name, or None where one of them is about the whole table."""
    named: set[str] = set()
    for kwargs in (e["kwargs"] for e in entries):
        words = [kwargs[word] for word in _COLUMN_WORDS if word in kwargs] + list(kwargs.get("column_list", ()))
        if not words or "row_condition" in kwargs:
            return None
        named.update(words)
    return tuple(name for name in table.table.column_names if name in named)


def _outcomes(context: Any, suite: Any, frame: Any) -> dict[str, Outcome]:  # noqa: ANN401 — all Great Expectations' own
    """Assert one suite of one batch, and give what came of each expectation by its id."""
    if not suite.expectations:
        return {}
    source = context.data_sources.add_pandas(name=f"source {len(context.data_sources.all())}")
    definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # BOOLEAN_ONLY keeps values out of results, and is ten times quicker than COMPLETE.
            found = definition.get_batch({"dataframe": frame}).validate(suite, result_format="BOOLEAN_ONLY")
        except Exception:  # noqa: BLE001 — whatever stops the run, each of its checks has no result and so abstains
            return {}
    return {r.expectation_config.id: Outcome(bool(r.success), _raised(r.exception_info)) for r in found.results}


def _raised(info: dict[str, Any]) -> str | None:
    """Give what was raised while an expectation was asserted; Great Expectations nests it by metric."""
    for each in [info, *(v for v in info.values() if isinstance(v, dict))]:
        if each.get("raised_exception"):
            return str(each.get("exception_message")).splitlines()[0][:200]
    return None


def _measured_check(table: TablePlan, entry: Entry, outcome: Outcome, measured: Measured) -> Check:
    rule, limits = RULES[entry["type"]], entry["kwargs"]
    subject = limits.get(rule.subject, "") if rule.subject else ""
    measure = measured.find(table.name, rule.measure, subject)
    if outcome.raised is not None:
        measure = Measure(table=table.name, name=rule.measure, error=outcome.raised)
    return Check(
        table=table.name,
        name=entry_name(entry),
        column=limits.get("column"),
        severity=entry_severity(entry),
        verdict="ABSTAIN" if measure.error is not None else _verdict(outcome),
        group=rule.group,
        observed=rounded(measure.observed),
        low=rounded(measure.low),
        high=rounded(measure.high),
        detectable=rounded(measure.detectable),
        floor=rounded(measure.floor),
        limit=rounded(limit_of(rule, measure, limits)),
        prose=say(rule, measure, limits),
    )


def _structural_check(table: TablePlan, entry: Entry, outcome: Outcome) -> Check:
    column = entry["kwargs"].get("column")
    subject = column or ", ".join(entry["kwargs"].get("column_list", ())) or table.name
    found = f"it could not be asserted: {outcome.raised}" if outcome.raised is not None else _WORDS[outcome.success]
    return Check(
        table=table.name,
        name=entry_name(entry),
        column=column,
        severity=entry_severity(entry),
        verdict=_verdict(outcome),
        prose=f"{entry['type'].replace('_', ' ').capitalize()} ({subject}); {found}.",
    )


_WORDS = {True: "it holds", False: "it does not hold"}


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.raised is not None:
        return "ABSTAIN"
    return "PASS" if outcome.success else "FAIL"


def rounded(figure: float | None) -> float | None:
    """Round to three significant digits: more would tell of single rows."""
    return None if figure is None else float(f"{figure:.3g}")
