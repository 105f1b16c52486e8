"""What one training of a table costs, known from the plan alone: before any row is read.

Two things are paid for. *Counts*: how many rows, what the columns' values are like, and how often each occurs. They get
a third of ε, as if spent by themselves. *Gradients* get what that leaves: as divergences add up, nine tenths of them.
A ten-thousandth of δ goes to names that one row alone might hold.
"""

import math
from collections.abc import Iterable

from synth_ops.plan.plan import Kind, Plan, Privacy, TablePlan
from synth_ops.plan.types import kind_of
from synth_ops.privacy.accountant import (
    Failure,
    Gaussian,
    Mechanism,
    SampledGaussian,
    epsilon_of,
    gaussian_noise_for,
    noise_for,
)
from synth_ops.records import Record

COUNTED = 1 / 3
"""Share of ε that what is counted would cost by itself."""
FAILING = 1e-4
"""Share of δ for the names that are kept, in one training."""
RATE, STEPS = 0.02, 500
"""Each row's probability to be in a step's sample, and how many steps there are, whatever the rows."""
ROUNDS = 5
"""Histograms that an ordered axis is cut by."""
_HISTOGRAMS: dict[Kind, int] = {"numeric": 1 + ROUNDS, "time": 1 + ROUNDS, "datetime": 1 + 2 * ROUNDS}
"""Of a column: one of the grain of its numbers, and some to cut each axis; of any other kind one."""


class Spending(Record):
    """What one training of a table may do, and no more."""

    n_histograms: int
    counts: Gaussian
    failure: Failure
    gradients: SampledGaussian | None
    """None where the table has no column that a model learns."""

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """All that is charged."""
        learned = (self.failure, self.gradients) if self.gradients else ()
        return (self.counts, *learned)

    def epsilon(self, delta: float) -> float:
        """Give what it costs by itself."""
        return epsilon_of(self.mechanisms, delta)


def spending_of(plan: Plan, table: TablePlan) -> Spending:
    """Give what a training of the table spends; the plan must have an ε.

    Raises:
        PlanError: no noise is enough for so small an ε.
    """
    epsilon, delta = budget_of(plan.privacy)
    names, links = learned_columns(table), counted_links(plan, table)
    n_histograms = 1 + len(links) + sum(_n_histograms(table, name) for name in names)
    failure = Failure(delta=delta * FAILING if names else 0.0)
    # One release of length one costs what n histograms do of a root of n times the noise: so tables share the search.
    together = Gaussian(noise=gaussian_noise_for(epsilon * COUNTED, delta, besides=(failure,)))
    counts = Gaussian(noise=together.noise * math.sqrt(n_histograms), count=n_histograms)
    gradients = None
    if names:
        noise = noise_for(epsilon, delta, RATE, STEPS, besides=(failure, together))
        gradients = SampledGaussian(noise=noise, rate=RATE, steps=STEPS)
    return Spending(n_histograms=n_histograms, counts=counts, failure=failure, gradients=gradients)


def budget_of(privacy: Privacy) -> tuple[float, float]:
    """Give ε and δ of a training; the plan must have them."""
    if privacy.epsilon is None or privacy.delta is None:
        raise AssertionError("a plan without privacy.epsilon spends none")  # resolve sees to δ
    return privacy.epsilon, privacy.delta


def learned_columns(table: TablePlan) -> tuple[str, ...]:
    """Give the columns that a model learns under a budget: neither keys nor parts of any, but of a composite one."""
    keys = {c for k in table.foreign_keys for c in k.columns}
    keys |= {k[0] for k in (table.table.primary_key, *table.table.unique) if len(k) == 1}
    composite = set(table.table.primary_key) if len(table.table.primary_key) > 1 else set()
    return tuple(
        c.name
        for c in table.columns
        if c.name not in keys and (c.fate == "learn" or (c.fate == "mint" and c.name in composite))
    )


def counted_links(plan: Plan, table: TablePlan) -> tuple[str, ...]:
    """Give the names of the foreign keys that may be null, and whose nulls are counted."""
    present = {t.name for t in plan.tables if t.mode != "skip"}
    return tuple(
        k.name for k in dict.fromkeys(table.foreign_keys) if k.ref_table in present and _nullable(table, k.columns)
    )


def _nullable(table: TablePlan, columns: Iterable[str]) -> bool:
    return any(table.table.column(c).nullable and c not in table.table.primary_key for c in columns)


def _n_histograms(table: TablePlan, column: str) -> int:
    kind = table.column(column).kind
    return _HISTOGRAMS.get((kind_of(table.table.column(column)) or kind) if kind == "auto" else kind, 1)
