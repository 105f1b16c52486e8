"""Why a copy was refused, as a short table that a data owner reads in a task's log."""

from collections.abc import Iterator, Sequence

from synth_ops.records import Check, Validated, blocking

MOST_LINES = 20
"""Of a copy that is wrong throughout, more would only hide what to look at first."""
HEADINGS = ("verdict", "table", "expectation", "found", "floor", "limit")


def refusal_lines(validated: Validated) -> Iterator[str]:
    """Give the failing expectations as an aligned table, each with its sentence, and where the report is."""
    bad = blocking(validated.checks)
    shown = bad[:MOST_LINES]
    night = validated.night
    yield f"The gate refused the copy of the night {night}. Critical expectations that did not pass: {len(bad)}"
    yield from _aligned([HEADINGS, *(_row(c) for c in shown)])
    if len(bad) > len(shown):
        yield f"... and {len(bad) - len(shown)} more, which the report names."
    for check in shown:
        yield f"{check.table}: {check.prose}"
    yield f"The report shows why: {validated.report}"


def _row(check: Check) -> tuple[str, ...]:
    figures = ("" if f is None else f"{f:.3g}" for f in (check.observed, check.floor, check.limit))
    return (check.verdict, check.table, check.name, *figures)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
