"""The report's page: figures in, one self-contained HTML file out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from synth_ops import __version__
from synth_ops.plan.plan import Plan
from synth_ops.records import Check, Verdict, blocking, verdict_of
from synth_ops.report import drawing, words
from synth_ops.report.changes import changes
from synth_ops.report.charts import ColumnChart, TableCharts
from synth_ops.report.facts import Facts, NightFigures
from synth_ops.report.groups import advice, grouped, title_of, worst_first
from synth_ops.report.history import read_history, read_published, tonight
from synth_ops.report.listing import list_plan
from synth_ops.report.tables import MAX_OPEN, Section, fate_word, sections
from synth_ops.report.trends import trends
from synth_ops.workspace import Workspace, write_text

FAR = 0.1
"""A column whose distributions are this much farther apart than by chance is marked."""
MAX_REASONS = 8
"""Checks that block, told at the top; the rest are told in their table's section."""
MAX_WARNINGS = 4
"""Likewise warnings, where nothing blocks."""


def write_report(
    workspace: Workspace, plan: Plan, checks: Sequence[Check], charts: Sequence[TableCharts], facts: Facts
) -> Path:
    """Write the night's report beside those before it, and give its path."""
    known = {
        "night": workspace.night,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "history": read_history(workspace),
        "before": read_published(workspace),
    }
    write_text(workspace.report, render(plan, checks, charts, facts.model_copy(update=known)))
    workspace.report.chmod(0o644)  # a file is staged closed to others; this one is there to be passed around
    return workspace.report


def render(plan: Plan, checks: Sequence[Check], charts: Sequence[TableCharts], facts: Facts | None = None) -> str:
    """Give the page's HTML, the same for the same arguments.

    Without facts it is the report of two sets of tables that were judged: no night, no training, no history.
    """
    facts = facts or Facts()
    verdict = facts.verdict or verdict_of(checks)
    tables = sections(plan, checks, charts, facts)
    refusing = worst_first(blocking(checks))
    page = _environment().get_template("page.html.jinja")
    return page.render(
        plan=plan,
        facts=facts,
        version=__version__,
        verdict=verdict,
        blocking=refusing,
        reasons=refusing[:MAX_REASONS],
        to_do=_to_do(refusing),
        warnings=() if refusing else worst_first([c for c in checks if c.verdict != "PASS"])[:MAX_WARNINGS],
        n_checks=len(checks),
        n_passed=sum(c.verdict == "PASS" for c in checks),
        n_warnings=sum(c.severity == "warning" and c.verdict != "PASS" for c in checks),
        tables=tables,
        unfolded=_unfolded(tables),
        skipped=[t.name for t in plan.tables if t.mode == "skip"],
        elsewhere=grouped([c for c in checks if c.table not in {t.name for t in tables}]),
        changed=_changed(plan, checks, tables, facts),
        nights=_nights(checks, facts, verdict),
        listing=list_plan(plan),
    )


def _unfolded(tables: Sequence[Section]) -> frozenset[str]:
    few = len(tables) <= MAX_OPEN
    return frozenset(t.id for t in tables if few or t.verdict not in ("PASS", None))


def _to_do(refusing: Sequence[Check]) -> list[tuple[str, str]]:
    """Give what to do about what blocks, once for each kind of it."""
    said = {advice(c): "Could not be measured" if c.verdict == "ABSTAIN" else title_of(c.group) for c in refusing}
    return [(kind.partition(":")[0], what) for what, kind in said.items()]


def _changed(plan: Plan, checks: Sequence[Check], tables: Sequence[Section], facts: Facts) -> tuple[str, ...] | None:
    """Give what is different from the last published night, or None where there is none."""
    if facts.before is None:
        return None
    n_rows = {t.name: t.n_rows for t in tables if t.n_rows is not None}
    return changes(plan, checks, n_rows, facts.fidelity, facts.before)


def _nights(checks: Sequence[Check], facts: Facts, verdict: Verdict) -> tuple[NightFigures, ...]:
    return (*facts.history, tonight(facts, checks, verdict)) if facts.history else ()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("synth_ops.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _FILTERS
    environment.globals |= {
        "histogram": drawing.histogram,
        "heat": drawing.heat,
        "lines": drawing.lines,
        "differences": drawing.differences,
        "farthest": drawing.farthest,
        "trends": trends,
        "fate_word": fate_word,
        "is_far": is_far,
    }
    return environment


_FILTERS: Mapping[str, Any] = {
    "figure": words.figure,
    "count": words.count,
    "counted": words.counted,
    "duration": words.duration,
    "listed": words.listed,
    "percent": words.percent,
    "score": words.score,
    "title_of": words.title,
}


def is_far(chart: ColumnChart) -> bool:
    """Tell whether a column deserves a look."""
    return chart.distance - chart.noise >= FAR
