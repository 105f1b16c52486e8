"""One table's section: what was done, its headline, its checks by group, its drawings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check, Record, TrainedTable, Verdict, verdict_of
from synth_ops.report.attacks import Attack, attacks
from synth_ops.report.charts import Association, ColumnChart, TableCharts
from synth_ops.report.facts import Facts
from synth_ops.report.groups import Group, grouped
from synth_ops.report.handling import Handled
from synth_ops.report.keys import KeyChart
from synth_ops.report.rounding import rounded_count

MAX_OPEN = 6
"""Tables shown unfolded; with more, only those that did not pass are."""
FATES: Mapping[str, str] = {
    "learn": "learned",
    "mint": "minted",
    "fake": "faked",
    "null": "left empty",
    "copy": "copied",
}
"""Each fate as what was done."""
WEAK = 0.01
"""Where independent columns are no further from the floor than this, hardly anything goes together."""
DERIVED = "derived"
LEFT_OUT = "left out"


class Headline(Record):
    """The mean pair error beside what it stands between."""

    observed: float
    floor: float | None = None
    independent: float | None = None

    @property
    def end(self) -> float:
        """Where the scale of its drawing ends."""
        return 1.05 * max(self.observed, self.floor or 0.0, self.independent or 0.0) or 1.0

    @property
    def recovered(self) -> float | None:
        """How much of the way from independent columns to the floor the copy goes, 0 to 1; None where there is none."""
        if self.floor is None or self.independent is None or self.independent - self.floor <= WEAK:
            return None
        return max(0.0, min(1.0, (self.independent - self.observed) / (self.independent - self.floor)))


@dataclass(frozen=True)
class Section:
    """What the page shows of one table."""

    number: int
    plan: TablePlan
    checks: tuple[Check, ...]
    charts: TableCharts | None
    trained: TrainedTable | None
    headline: Headline | None
    n_rows_real: int | None
    n_rows: int | None

    @property
    def id(self) -> str:
        return f"t{self.number}"

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def verdict(self) -> Verdict | None:
        """None where nothing is asserted of the table."""
        return verdict_of(self.checks) if self.checks else None

    @property
    def failing(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.verdict != "PASS")

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return grouped(self.checks)

    @property
    def attacks(self) -> tuple[Attack, ...]:
        return attacks([c for group in self.groups if group.name == "privacy" for c in group.checks])

    @property
    def decision(self) -> str | None:
        """What the policy decided, where it is known."""
        return self.trained.decision if self.trained else ("copy" if self.plan.mode == "copy" else None)

    @property
    def drawn(self) -> tuple[ColumnChart, ...]:
        return tuple(c for c in self.charts.columns if c.kind != "withheld") if self.charts else ()

    @property
    def association(self) -> Association | None:
        return self.charts.association if self.charts else None

    @property
    def keys(self) -> tuple[KeyChart, ...]:
        return self.charts.keys if self.charts else ()

    @cached_property
    def suspects(self) -> frozenset[str]:
        """Columns of which a check did not pass."""
        return frozenset(c.column for c in self.failing if c.column)

    @cached_property
    def handled(self) -> tuple[tuple[Handled, ColumnChart | None], ...]:
        """What became of each column, and its figures where it is in both tables."""
        if self.charts is None:
            return ()
        charts = {c.name: c for c in self.charts.columns}
        return tuple((h, charts.get(h.name)) for h in self.charts.handled)

    @property
    def fates(self) -> tuple[tuple[str, int], ...]:
        """How many columns came to what, most first."""
        found = Counter(fate_word(h, chart) for h, chart in self.handled)
        return tuple(found.most_common())


def sections(plan: Plan, checks: Sequence[Check], charts: Sequence[TableCharts], facts: Facts) -> tuple[Section, ...]:
    """Give the section of each table that is in the copy, in the plan's order."""
    return tuple(_sections(plan, checks, {c.name: c for c in charts}, facts))


def _sections(plan: Plan, checks: Sequence[Check], drawn: Mapping[str, TableCharts], facts: Facts) -> Iterator[Section]:
    trained = {t.name: t for t in facts.trained.tables} if facts.trained else {}
    n_real = {t.name: rounded_count(t.n_rows) for t in facts.extracted.tables} if facts.extracted else {}
    n_made = {t.name: t.n_rows for t in facts.sampled.tables} if facts.sampled else {}
    for number, table in enumerate(t for t in plan.tables if t.mode != "skip"):
        charts = drawn.get(table.name)
        yield Section(
            number=number,
            plan=table,
            checks=tuple(c for c in checks if c.table == table.name),
            charts=charts,
            trained=trained.get(table.name),
            headline=_headline(facts.fidelity.get(table.name, {})),
            n_rows_real=charts.n_rows_real if charts else n_real.get(table.name),
            n_rows=charts.n_rows_synthetic if charts else n_made.get(table.name),
        )


def _headline(figures: Mapping[str, float]) -> Headline | None:
    if "observed" not in figures:
        return None
    floor, independent = figures.get("floor"), figures.get("independent")
    return Headline(observed=figures["observed"], floor=floor, independent=independent)


def fate_word(handled: Handled, chart: ColumnChart | None) -> str:
    """Say what was done with a column, in a word or two."""
    if handled.sources:
        return DERIVED
    return LEFT_OUT if chart is None else FATES[handled.fate]
