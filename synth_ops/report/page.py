"""The report's page: figures in, one self-contained HTML file out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from synth_ops import __version__
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check, Record, verdict_of
from synth_ops.report import drawing
from synth_ops.report.charts import ColumnChart, TableCharts
from synth_ops.workspace import Workspace, write_text

MAX_OPEN = 6
"""Tables shown unfolded; with more, only those that did not pass are."""
FAR = 0.1
"""A column whose distributions are this far apart is marked."""
NONE = "\u2013"
"""What stands where there is no figure."""
_ORDER = {"FAIL": 0, "ABSTAIN": 1, "PASS": 2}


def write_report(
    workspace: Workspace,
    plan: Plan,
    checks: Sequence[Check],
    charts: Sequence[TableCharts],
    facts: Mapping[str, Any],
) -> Path:
    """Write the night's report and give its path.

    `facts` may hold the records of steps under their names (``extracted``, ``trained``, ``sampled``, ``fidelity``,
    ``seconds``, ``verdict``, ``snapshot``); what is not there is not shown.
    """
    known = {name: _plain(value) for name, value in facts.items()}
    html = render(workspace.night, plan, checks, charts, known)
    write_text(workspace.report, html)
    workspace.report.chmod(0o644)  # a file is staged closed to others; this one is there to be passed around
    return workspace.report


def render(
    night: str, plan: Plan, checks: Sequence[Check], charts: Sequence[TableCharts], facts: Mapping[str, Any]
) -> str:
    """Give the page's HTML."""
    tables = _tables(plan, checks, charts, facts)
    page = _environment().get_template("page.html.jinja")
    return page.render(
        plan=plan,
        night=night,
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        verdict=facts.get("verdict") or verdict_of(checks),
        blocking=[c for c in checks if c.severity == "critical" and c.verdict != "PASS"],
        n_checks=len(checks),
        n_passed=sum(c.verdict == "PASS" for c in checks),
        n_warnings=sum(c.severity == "warning" and c.verdict != "PASS" for c in checks),
        tables=tables,
        elsewhere=_sorted([c for c in checks if c.table not in {t["name"] for t in tables}]),
        seconds=facts.get("seconds") or _seconds(facts),
        snapshot=facts.get("snapshot"),
        n_rows=sum(t["n_rows"] or 0 for t in tables),
    )


def _tables(
    plan: Plan, checks: Sequence[Check], charts: Sequence[TableCharts], facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    drawn = {c.name: c for c in charts}
    shown = [t for t in plan.tables if t.mode != "skip"]
    tables = [_table(i, t, checks, drawn.get(t.name), facts) for i, t in enumerate(shown)]
    for table in tables:
        table["open"] = len(tables) <= MAX_OPEN or table["verdict"] != "PASS"
    return tables


def _table(
    number: int, plan: TablePlan, checks: Sequence[Check], charts: TableCharts | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    mine = [c for c in checks if c.table == plan.name]
    trained = _of_table(facts.get("trained"), plan.name)
    return {
        "id": f"t{number}",
        "name": plan.name,
        "mode": plan.mode,
        "checks": _sorted(mine),
        "failing": [c for c in mine if c.verdict != "PASS"],
        "verdict": verdict_of(mine) if mine else None,
        "reason": trained.get("reason"),
        "decision": trained.get("decision") or ("copy" if plan.mode == "copy" else None),
        "n_rows_real": _rows(charts.n_rows_real if charts else None, _of_table(facts.get("extracted"), plan.name)),
        "n_rows": _rows(charts.n_rows_synthetic if charts else None, _of_table(facts.get("sampled"), plan.name)),
        "fidelity": _fidelity(facts.get("fidelity") or {}, plan.name),
        "drawn": [c for c in charts.columns if c.kind != "withheld"] if charts else [],
        "withheld": [c for c in charts.columns if c.kind == "withheld"] if charts else [],
        "association": charts.association if charts else None,
    }


def _fidelity(figures: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float | None] | None:
    mine = figures.get(name)
    return {name: mine.get(name) for name in ("observed", "floor", "independent")} if mine else None


def _sorted(checks: Sequence[Check]) -> list[Check]:
    """What did not pass comes first, and blocking before warning."""
    return sorted(checks, key=lambda c: (_ORDER[c.verdict], c.severity != "critical"))


def _of_table(step: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 — facts are whatever JSON there is
    tables = step.get("tables", ()) if isinstance(step, Mapping) else ()
    return next((dict(t) for t in tables if t.get("name") == name), {})


def _rows(drawn: int | None, record: Mapping[str, Any]) -> int | None:
    return drawn if drawn is not None else record.get("n_rows")


def _seconds(facts: Mapping[str, Any]) -> dict[str, float]:
    steps = {"extract": "extracted", "train": "trained", "sample": "sampled", "validate": "validated"}
    found = {step: (facts.get(name) or {}).get("seconds") for step, name in steps.items()}
    return {step: seconds for step, seconds in found.items() if seconds is not None}


def _plain(value: Any) -> Any:  # noqa: ANN401 — a record or the JSON of one
    return value.model_dump(mode="json") if isinstance(value, Record) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("synth_ops.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "count": count, "duration": duration, "percent": percent, "score": score}
    environment.globals |= {
        "histogram": drawing.histogram,
        "heat": drawing.heat,
        "differences": drawing.differences,
        "farthest": drawing.farthest,
        "is_far": is_far,
    }
    return environment


def is_far(chart: ColumnChart) -> bool:
    """Tell whether a column deserves a look."""
    return chart.distance >= FAR


def figure(value: float | None) -> str:
    """Give a score in few digits.

    >>> figure(0.01234), figure(1234.5), figure(0.0)
    ('0.0123', '1,234', '0')
    """
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 — where digits stop to matter


def score(value: float | None) -> str:
    """Give an error with as many digits as any other, so that a column of them lines up."""
    return NONE if value is None else f"{value:.4f}"


def count(value: int | None) -> str:
    """Give a number of rows with its thousands apart."""
    return NONE if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """Give a share as a percentage; None is a share too small to tell.

    >>> percent(0.1234), percent(0.0001), percent(0.0), percent(1.0), percent(None)
    ('12.3 %', '< 0.1 %', '0 %', '100 %', 'few')
    """
    if value is None:
        return "few"
    if 0 < value < 0.001:  # noqa: PLR2004 — a tenth of a percent
        return "< 0.1 %"
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def duration(seconds: float) -> str:
    """Give wall time as a person says it.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 — seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 — an hour
