"""The nights before this one, as their shared records tell them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import TypeVar

from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.plan.plan import Plan
from synth_ops.records import Check, Published, Record, Sampled, Step, Validated, Verdict
from synth_ops.report.facts import Facts, Fidelity, NightFigures, PublishedNight
from synth_ops.report.rounding import rounded
from synth_ops.report.subjects import is_classifier, is_membership
from synth_ops.workspace import Workspace, check_night, read_record

N_NIGHTS = 30
"""Nights shown, tonight among them."""

R = TypeVar("R", bound=Record)


def read_history(workspace: Workspace) -> tuple[NightFigures, ...]:
    """Give the nights before this one, of the last thirty, from the first that left a verdict; gaps between are marked.

    A record that cannot be read counts as none: what is wrong with it is not for tonight's report to say.
    """
    found = {night.night: _figures(night) for night in _shared_nights(workspace, N_NIGHTS - 1)}
    found = {night: figures for night, figures in found.items() if figures.verdict is not None}
    if not found:
        return ()
    return tuple(found.get(night) or NightFigures(night=night) for night in _days(min(found), workspace.night))


def read_published(workspace: Workspace) -> PublishedNight | None:
    """Give the last night before this one that was published, or None."""
    for night in _shared_nights(workspace):
        published = _read(night, "publish", Published)
        validated = _read(night, "validate", Validated)
        if published is not None and validated is not None:
            return PublishedNight(
                night=night.night,
                snapshot=published.snapshot,
                n_rows=published.n_rows,
                checks=validated.checks,
                fidelity=validated.fidelity,
                plan=_plan(night),
            )
    return None


def tonight(facts: Facts, checks: Sequence[Check], verdict: Verdict) -> NightFigures:
    """Give the night that is being reported as one more of the history."""
    n_rows = sum(t.n_rows for t in facts.sampled.tables) if facts.sampled else None
    return _in_a_line(NightFigures(night=facts.night or "", verdict=verdict, n_rows=n_rows), checks, facts.fidelity)


def _figures(workspace: Workspace) -> NightFigures:
    validated = _read(workspace, "validate", Validated)
    if validated is None:
        return NightFigures(night=workspace.night)
    sampled, published = _read(workspace, "sample", Sampled), _read(workspace, "publish", Published)
    n_rows = [sum(published.n_rows.values())] if published else []
    n_rows += [sum(t.n_rows for t in sampled.tables)] if sampled else []
    bare = NightFigures(
        night=workspace.night,
        verdict=validated.verdict,
        published=published is not None,
        n_rows=n_rows[0] if n_rows else None,
        seconds=sum(record.seconds for record in (sampled, validated, published) if record is not None),
    )
    return _in_a_line(bare, validated.checks, validated.fidelity)


def _in_a_line(bare: NightFigures, checks: Iterable[Check], fidelity: Fidelity) -> NightFigures:
    seen = [c for c in checks if c.observed is not None]
    whole = [f for f in fidelity.values() if "observed" in f and "floor" in f]
    return bare.model_copy(
        update={
            "pair_error": _mean([f["observed"] for f in whole]),
            "pair_floor": _mean([f["floor"] for f in whole]),
            "classifier_auc": _largest(c for c in seen if is_classifier(c)),
            "membership_auc": _largest(c for c in seen if is_membership(c)),
        }
    )


def _largest(checks: Iterable[Check]) -> float | None:
    return max((c.observed for c in checks if c.observed is not None), default=None)


def _mean(figures: Sequence[float]) -> float | None:
    return rounded(sum(figures) / len(figures)) if figures else None


def _shared_nights(workspace: Workspace, n_days: int | None = None) -> Iterator[Workspace]:
    """Give the nights before this one that left something shared, newest first; of the last so many days, or all."""
    folder = workspace.shared_night.parent
    names = sorted((p.name for p in folder.iterdir()), reverse=True) if folder.is_dir() else []
    first = "" if n_days is None else (date.fromisoformat(workspace.night) - timedelta(days=n_days)).isoformat()
    for name in names:
        if first <= name < workspace.night and _is_night(name):
            yield Workspace(workspace.root, workspace.dataset, name)


def _is_night(name: str) -> bool:
    try:
        return bool(check_night(name))
    except PlanError:
        return False


def _days(first: str, end: str) -> Iterator[str]:
    """Give each night from the first to the one before the end."""
    day = date.fromisoformat(first)
    while day.isoformat() < end:
        yield day.isoformat()
        day += timedelta(days=1)


def _read(workspace: Workspace, step: Step, kind: type[R]) -> R | None:
    try:
        return read_record(workspace.record(step), kind)
    except CorruptArtifact:
        return None


def _plan(workspace: Workspace) -> Plan | None:
    try:
        return read_record(workspace.plan, Plan)
    except CorruptArtifact:
        return None
