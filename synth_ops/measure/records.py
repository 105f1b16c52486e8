"""The figures that the gate asserts, each beside its floor."""

import math
from collections.abc import Mapping
from functools import cached_property

from synth_ops.plan.plan import Plan
from synth_ops.records import Record

HEADLINE = "mean_pair_error"


class Measure(Record):
    """One figure of one table, column, pair of columns or foreign key."""

    table: str
    name: str
    """What is measured: ``column_shape``, ``pair_error``, ``orphans``."""
    column: str | None = None
    columns: tuple[str, ...] | None = None
    """The two columns of a pair."""
    foreign_key: str | None = None
    observed: float | None = None
    floor: float | None = None
    """The same figure for held-out real rows put in the copy's place: the mean of several draws."""
    floor_high: float | None = None
    """The 95 % quantile of those draws."""
    independent: float | None = None
    """The same figure for real columns shuffled independently: what a model scores that learned no relation."""
    low: float | None = None
    """Lower bound of what the figure may really be, one-sided 95 %: of attacks, whose figure is an estimate."""
    high: float | None = None
    """Upper bound of what the figure may really be, one-sided 95 %. An attack is judged by it."""
    detectable: float | None = None
    """The smallest figure that would have been told from chance, four times of five, with so many rows."""
    n: int = 0
    """Rows on each side of the comparison."""
    limit: float | None = None
    error: str | None = None
    """Why there is no figure; it quotes no row."""
    waived: str | None = None
    """Why none is needed, as half a sentence: it holds without being measured."""

    @property
    def subject(self) -> str:
        """What the figure is about, in the words that a suite uses; empty for the whole table."""
        return self.column or self.foreign_key or " and ".join(self.columns or ())

    @property
    def excess(self) -> float | None:
        """How far the figure is beyond what chance does to real rows."""
        if self.observed is None:
            return None
        return self.observed - (self.floor_high if self.floor_high is not None else self.floor or 0.0)


class Measured(Record):
    """Every figure of one night. It is private: some figures stand below the disclosure threshold."""

    night: str
    inputs: str
    """sha256 over what was measured and what is asserted of it."""
    measures: tuple[Measure, ...]
    seconds: float

    def find(self, table: str, name: str, subject: str = "") -> Measure:
        """Give the figure, or one that says why there is none."""
        found = self._by_key.get((table, name, subject)) or self._by_key.get((table, name, ""))
        if found is None or (found.subject != subject and found.error is None and found.waived is None):
            return Measure(table=table, name=name, column=subject or None, error="no such figure was measured")
        return found

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, str, str], Measure]:
        return {(m.table, m.name, m.subject): m for m in self.measures}


def unfit(measure: Measure) -> Measure:
    """Give the measure back, or one with an error where its figure is not a finite number."""
    if (
        measure.error is None
        and measure.waived is None
        and (measure.observed is None or not math.isfinite(measure.observed))
    ):
        return measure.model_copy(update={"observed": None, "error": "the figure is not a finite number"})
    return measure


def fidelity_of(plan: Plan, measured: Measured) -> dict[str, dict[str, float]]:
    """Give each table's headline figure, its floor, and what a model scores that learned no relation."""
    found = {table.name: measured.find(table.name, HEADLINE) for table in plan.tables}
    figures = {
        name: {"observed": m.observed, "floor": m.floor, "independent": m.independent} for name, m in found.items()
    }
    return {
        name: {kind: float(f"{figure:.3g}") for kind, figure in of_table.items() if figure is not None}
        for name, of_table in figures.items()
        if None not in of_table.values()
    }
