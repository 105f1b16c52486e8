"""Whether the copy lets two halves of one person's record be put together."""

from collections.abc import Iterator

import numpy as np

from synth_ops.measure.privacy.bounds import controls_needed, detectable_risk, residual_risk
from synth_ops.measure.privacy.space import Rows, find_nearest, lay_out, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_RISK = 0.05
"""Default limit of the upper bound."""

MIN_COLUMNS, N_NEIGHBOURS = 2, 5
MAX_TARGETS, MAX_SYNTHETIC = 5_000, 50_000


def measure_linkability(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the risk that an attacker who holds two halves of the columns finds which belong together."""
    names = rng.permutation(np.array(stack.names)).tolist()
    yield measure_halves(table, stack, (names[::2], names[1::2]), rng)


def measure_halves(table: str, stack: Stack, halves: tuple[list[str], list[str]], rng: np.random.Generator) -> Measure:
    """Give the risk that an attacker who holds these two halves of records finds which belong together.

    A training record is linked where a synthetic row is among the five nearest by either half. Held-out records, as
    many, are the control: they are linked as often as production's own relations allow.
    """
    n = min(len(stack.training), len(stack.holdout), MAX_TARGETS)
    if not all(halves) or not n or not len(stack.synthetic):
        error = (
            f"there are {len(stack.names)} columns and {n} held-out rows; {MIN_COLUMNS} columns are needed, and rows"
        )
        return Measure(table=table, name="linkability", n=n, error=error)
    copy = some_of(stack.synthetic, MAX_SYNTHETIC, rng)
    sides = some_of(stack.training, n, rng), some_of(stack.holdout, n, rng)
    attack, control = (_linked(stack, rows, copy, halves) for rows in sides)
    risk = residual_risk(attack, n, control, n)
    needed = controls_needed(MAX_RISK, control, n, n)
    if n < needed and risk.low <= MAX_RISK:
        error = f"there are {n} training and held-out rows each; {needed} are needed for a bound of {MAX_RISK}"
        return Measure(table=table, name="linkability", n=n, error=error)
    return risk.measure(table, "linkability", floor=0.0, detectable=detectable_risk(control, n, n), n=n)


def _linked(stack: Stack, rows: Rows, copy: Rows, halves: tuple[list[str], list[str]]) -> float:
    """Give the share of rows whose two halves have a synthetic neighbour in common."""
    one, other = (find_nearest(lay_out(stack, names), rows, copy, N_NEIGHBOURS).rows for names in halves)
    common = (one[:, :, None] == other[:, None, :]) & (one[:, :, None] >= 0)
    return float(common.any(axis=(1, 2)).mean())
