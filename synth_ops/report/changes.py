"""What is different from the last night that was published, in sentences; names and rounded figures only."""

from collections.abc import Iterator, Mapping, Sequence

from synth_ops.plan.fates import FATES
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check
from synth_ops.report.facts import Fidelity, PublishedNight
from synth_ops.report.rounding import rounded_count
from synth_ops.report.words import count, counted, listed, score

MOVED_ROWS = 0.05
"""A table whose rows changed by less than this share is not spoken of."""
MOVED_ERROR = 0.1
"""Likewise a headline figure, by this share of what it was."""
LEAST_ERROR = 0.002
"""Nor a headline figure that moved by less than this, whatever it was."""


def changes(
    plan: Plan, checks: Sequence[Check], n_rows: Mapping[str, int], fidelity: Fidelity, before: PublishedNight
) -> tuple[str, ...]:
    """Give the sentences, what blocks first."""
    return (
        *_verdicts(checks, before.checks),
        *_plans(plan, before.plan),
        *_rows(n_rows, before.n_rows),
        *_errors(fidelity, before.fidelity),
    )


def _verdicts(now: Sequence[Check], then: Sequence[Check]) -> Iterator[str]:
    passed = {(c.table, c.name, c.severity): c.verdict == "PASS" for c in then}
    same = [c for c in now if (c.table, c.name, c.severity) in passed]
    worse = [c for c in same if c.verdict != "PASS" and passed[c.table, c.name, c.severity]]
    better = [c for c in same if c.verdict == "PASS" and not passed[c.table, c.name, c.severity]]
    if worse:
        do = "does" if len(worse) == 1 else "do"
        yield f"{counted(len(worse), 'check', 'checks')} passed then and {do} not pass now: {_subjects(worse)}."
    if better:
        do = "passes" if len(better) == 1 else "pass"
        yield f"{counted(len(better), 'check', 'checks')} did not pass then and {do} now: {_subjects(better)}."
    n_new, n_gone = len(now) - len(same), len(passed) - len({(c.table, c.name, c.severity) for c in same})
    if n_new:
        yield f"{counted(n_new, 'check is', 'checks are')} new in the suites."
    if n_gone:
        yield f"{counted(n_gone, 'check is', 'checks are')} gone from the suites."


def _subjects(checks: Sequence[Check]) -> str:
    return listed(dict.fromkeys(f"{c.table}.{c.column}" if c.column else f"{c.group} of {c.table}" for c in checks))


def _plans(now: Plan, then: Plan | None) -> Iterator[str]:
    if then is None or now.hash == then.hash:
        return
    old = {t.name: t for t in then.tables}
    yield from _names("Tables", [t.name for t in now.tables], list(old))
    said = False
    for table in now.tables:
        if table.name in old:
            for sentence in _columns(table, old[table.name]):
                said = True
                yield sentence
    if not said and {t.name for t in now.tables} == set(old):
        yield "The plan says something else of how tables are made; no table or column came or went."


def _columns(now: TablePlan, then: TablePlan) -> Iterator[str]:
    old = {c.name: c for c in then.columns}
    yield from _names(f"Columns of {now.name}", [c.name for c in now.columns], list(old))
    for column in now.columns:
        if column.name in old and column.fate != old[column.name].fate:
            yield f"{now.name}.{column.name} was {FATES[old[column.name].fate]}, and is {FATES[column.fate]}."


def _names(what: str, now: Sequence[str], then: Sequence[str]) -> Iterator[str]:
    came, went = [n for n in now if n not in then], [n for n in then if n not in now]
    if came:
        yield f"{what} added: {listed(came)}."
    if went:
        yield f"{what} gone: {listed(went)}."


def _rows(now: Mapping[str, int], then: Mapping[str, int]) -> Iterator[str]:
    for name, n in now.items():
        old = then.get(name)
        if old and abs(n - old) >= MOVED_ROWS * old:
            more = "more" if n > old else "fewer"
            counts = f"{count(rounded_count(old))}, now {count(rounded_count(n))}"
            yield f"{name} has {abs(n - old) / old:.0%} {more} rows: {counts}."


def _errors(now: Fidelity, then: Fidelity) -> Iterator[str]:
    for name, figures in now.items():
        new, old = figures.get("observed"), then.get(name, {}).get("observed")
        if new is not None and old is not None and abs(new - old) >= max(LEAST_ERROR, MOVED_ERROR * old):
            yield f"The pair error of {name} {'rose' if new > old else 'fell'} from {score(old)} to {score(new)}."
