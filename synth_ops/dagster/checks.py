"""The gate's checks as asset checks: one for each expectation, and one for the table as a whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import dagster as dg

from synth_ops.dagster.charts import markdown_table
from synth_ops.dagster.project import KnownTable
from synth_ops.records import Check, Validated, blocking
from synth_ops.suite_files import Asserted

Granularity = Literal["expectation", "table"]
GATE = "gate"
"""The check of a whole table: nothing that blocks has failed, be it in the suite or not."""
MAX_LENGTH = 100
MAX_SHOWN = 5
"""So many of the expectations that failed are said in a check's own words; the rest is in its table."""
MAX_CHECKS = 500
"""With more expectations than this, tables get one check each: Dagster takes a tenth of a second to write each down."""


def granularity_of(tables: Sequence[KnownTable]) -> Granularity:
    """Say whether each expectation is a check of its own."""
    return "expectation" if sum(len(t.asserted) for t in tables) <= MAX_CHECKS else "table"


def check_specs(table: KnownTable, key: dg.AssetKey, granularity: Granularity) -> Iterator[dg.AssetCheckSpec]:
    """Give the specs of a table's checks; those that block keep the snapshot from being published.

    They have no nights of their own, though Dagster plans them for the run's, and so shows a run twice in a check's
    history: one that had could not be executed by itself, which is how an edited suite is tried.
    """
    yield dg.AssetCheckSpec(
        GATE,
        asset=key,
        blocking=True,
        description="Every critical expectation of the table's suite was measured, and holds.",
        metadata={"suite": f"{len(table.asserted)} expectations"},
    )
    if granularity == "expectation":
        for name, asserted in check_names(table.asserted).items():
            is_critical = asserted.severity == "critical"
            yield dg.AssetCheckSpec(name, asset=key, blocking=is_critical, description=_described(asserted))


def check_names(asserted: Sequence[Asserted]) -> Mapping[str, Asserted]:
    """Name each expectation as Dagster allows: letters, digits and underscores, at most 100, no two alike.

    Of an expectation that a suite holds twice, one that blocks counts.
    """
    critical = {one.name: one for one in reversed(asserted) if one.severity == "critical"}
    names: dict[str, Asserted] = {}
    for one in {one.name: critical.get(one.name, one) for one in asserted}.values():
        word = re.sub(r"\W+", "_", one.name, flags=re.ASCII).strip("_") or "expectation"
        names[_free(word, names)] = one
    return names


def check_results(
    table: KnownTable, key: dg.AssetKey, validated: Validated, names: set[str]
) -> Iterator[dg.AssetCheckResult]:
    """Give the results of a table's checks.

    Args:
        table: as it was known when its checks were specified.
        key: of the asset that was checked.
        validated: what the gate says.
        names: the checks that are asked for.
    """
    found = [c for c in validated.checks if c.table == table.name]
    for name, asserted in check_names(table.asserted).items():
        if name in names:
            same = [c for c in found if c.name == asserted.name]
            yield _result(name, key, asserted, _worst(same))
    if GATE in names:
        yield _gate_result(key, found, validated)


def _worst(checks: Sequence[Check]) -> Check | None:
    """Give the one of several that says least in favour; a suite may hold an expectation twice, with two bounds."""
    order = {"FAIL": 0, "ABSTAIN": 1, "PASS": 2}
    return min(checks, key=lambda c: order[c.verdict], default=None)


def _result(name: str, key: dg.AssetKey, asserted: Asserted, check: Check | None) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if asserted.severity == "critical" else dg.AssetCheckSeverity.WARN
    if check is None:
        words = (
            f"{asserted.name} must be asserted, however the suite held no such expectation when it was run, or did not"
            " load: see the check `gate`. Reload the code location if the suite was edited."
        )
        return dg.AssetCheckResult(
            passed=False, check_name=name, asset_key=key, severity=severity, description=words, metadata={}
        )
    return dg.AssetCheckResult(
        passed=check.verdict == "PASS",
        check_name=name,
        asset_key=key,
        severity=severity,
        description=check.prose,
        metadata={"verdict": check.verdict, **_figures(check)},
    )


def _gate_result(key: dg.AssetKey, found: Sequence[Check], validated: Validated) -> dg.AssetCheckResult:
    bad = blocking(found)
    n_warned = sum(c.severity != "critical" and c.verdict != "PASS" for c in found)
    words = f"{len(bad)} of {len(found)} expectations block" if bad else f"{len(found)} expectations, none blocks"
    head = f"{words}; {n_warned} warn. The night's verdict is {validated.verdict}."
    shown = {"failing": dg.MetadataValue.md(_failing_table(bad))} if bad else {}
    return dg.AssetCheckResult(
        passed=not bad,
        check_name=GATE,
        asset_key=key,
        severity=dg.AssetCheckSeverity.ERROR,
        description="\n".join([head, *(f"{c.name}: {c.prose}" for c in bad[:MAX_SHOWN])]),  # shown without a click
        metadata={
            "n_expectations": len(found),
            "n_blocking": len(bad),
            "n_warnings": n_warned,
            "report": dg.MetadataValue.path(validated.report),
            **shown,
        },
    )


def _failing_table(bad: Sequence[Check]) -> str:
    return markdown_table(("expectation", "verdict", "what was found"), [(c.name, c.verdict, c.prose) for c in bad])


def _figures(check: Check) -> Mapping[str, float]:
    """Give what Dagster plots night after night."""
    figures = {
        "observed": check.observed,
        "floor": check.floor,
        "limit": check.limit,
        "low": check.low,
        "high": check.high,
        "detectable": check.detectable,
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _described(asserted: Asserted) -> str:
    return f"{asserted.name}: {asserted.notes}" if asserted.notes else asserted.name


def _free(word: str, taken: Mapping[str, Asserted]) -> str:
    """Cut the word to what Dagster takes, and number it where another has it."""
    numbered = (f"{word[: MAX_LENGTH - 5]}_{i}" for i in range(2, 9_999))
    return next(w for w in (word[:MAX_LENGTH], *numbered) if w not in taken and w != GATE)
