"""Whether a statement read off the copy is true of exactly one person."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.privacy.bounds import controls_needed, detectable_risk, residual_risk
from synth_ops.measure.privacy.space import Rows, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_RISK = 0.05
"""Default limit of the upper bound."""

MIN_PREDICATES, MAX_PREDICATES = 200, 2_000
N_DRAWN = 8_000
"""Predicates drawn, of which those that hold of one synthetic row are tried."""

MAX_COLUMNS = 4
WIDTH = 0.005
"""Half the width of an interval, as a share of the real rows."""

MAX_EXPECTED = 0.05
"""Rows that a predicate would hold of if columns were independent: what chance alone isolates is no attack."""

MAX_ROWS = 10_000
N_AT_ONCE = 64
NULL = -1.0

Coordinates = NDArray[np.float32]
"""``(n_columns, n_rows)``: ranks of numbers, codes of labels; -1 for null."""


@dataclass(frozen=True)
class Predicates:
    """Conjunctions of intervals; equality is an interval of one value.

    **Shape**

    - columns, low, high: ``(n_predicates, n_parts)``
    """

    columns: NDArray[np.int64]
    low: Coordinates
    high: Coordinates

    def where(self, kept: NDArray[np.bool_]) -> "Predicates":
        """Give some of them."""
        return Predicates(self.columns[kept], self.low[kept], self.high[kept])

    def count(self, coordinates: Coordinates) -> NDArray[np.int64]:
        """Count the rows that each holds of: ``(n_predicates,)``."""
        parts = range(0, len(self.columns), N_AT_ONCE)
        return np.concatenate([np.zeros(0, dtype=np.int64), *(self._count(p, coordinates) for p in parts)])

    def share_single(self, coordinates: Coordinates) -> float:
        """Give the share of them that hold of exactly one row."""
        return float((self.count(coordinates) == 1).mean()) if len(self.columns) else 0.0

    def _count(self, start: int, coordinates: Coordinates) -> NDArray[np.int64]:
        part = slice(start, start + N_AT_ONCE)
        holds = np.ones((len(self.columns[part]), coordinates.shape[1]), dtype=bool)
        for columns, low, high in zip(self.columns[part].T, self.low[part].T, self.high[part].T, strict=True):
            values = coordinates[columns]
            holds &= (values >= low[:, None]) & (values <= high[:, None])
        return np.asarray(holds.sum(axis=1))


def measure_singling_out(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the risk that a statement that holds of one synthetic row holds of exactly one training row.

    Statements are over up to four columns: equality of labels and nulls, a narrow interval of a number, one side of
    an extreme one. The control is how often they hold of exactly one of as many held-out rows.
    """
    n = min(len(stack.training), len(stack.holdout), MAX_ROWS)
    copy = some_of(stack.synthetic, MAX_ROWS, rng)
    if not n or not len(copy):
        yield _figure(table, 0.0, 0.0, 0)
        return
    coordinates = np.stack([_ranks(stack, v) for v in stack.numbers.values()] + [*_codes(stack)])
    valid = _draw(coordinates, len(stack.numbers), copy, n, rng)
    training, holdout = some_of(stack.training, n, rng), some_of(stack.holdout, n, rng)
    attack, control = (valid.share_single(coordinates[:, rows]) for rows in (training, holdout))
    yield _figure(table, attack, control, len(valid.columns))


def _figure(table: str, attack: float, control: float, n: int) -> Measure:
    risk = residual_risk(attack, n, control, n)
    told = not n or risk.low > MAX_RISK
    needed = max(MIN_PREDICATES, 0 if told else controls_needed(MAX_RISK, control, n, n))
    if n < needed:
        error = f"{n} statements hold of a single synthetic row, and rarely by chance; {needed} are needed"
        return Measure(table=table, name="singling_out", n=n, error=error)
    return risk.measure(table, "singling_out", floor=0.0, detectable=detectable_risk(control, n, n), n=n)


def _draw(coordinates: Coordinates, n_numbers: int, copy: Rows, n: int, rng: np.random.Generator) -> Predicates:
    """Draw statements from synthetic rows, and keep those that hold of no other one and hardly by chance."""
    n_columns = len(coordinates)
    columns = np.argsort(rng.random((N_DRAWN, n_columns)), axis=1)[:, :MAX_COLUMNS]
    values = coordinates[columns, rng.choice(copy, N_DRAWN)[:, None]]
    width = np.where((columns < n_numbers) & (values != NULL), np.float32(WIDTH), np.float32(0))
    low = np.where((width > 0) & (values <= 2 * WIDTH), np.float32(0), values - width)
    high = np.where((width > 0) & (values >= 1 - 2 * WIDTH), np.float32(1), values + width)
    # An interval near the bottom must not hold of nulls, which lie below it.
    drawn = Predicates(columns, np.where(width > 0, np.maximum(low, 0), low), high)
    rare = drawn.where(_by_chance(drawn, coordinates[:, copy]) * n <= MAX_EXPECTED)
    single = rare.where(rare.count(coordinates[:, copy]) == 1)
    return single.where(np.arange(len(single.columns)) < MAX_PREDICATES)


def _by_chance(drawn: Predicates, coordinates: Coordinates) -> NDArray[np.float64]:
    """Give the share of rows that each would hold of if the columns were independent."""
    shares = np.ones(drawn.columns.shape)
    for column, values in enumerate(coordinates):
        here = drawn.columns == column
        ordered = np.sort(values)
        upto = np.searchsorted(ordered, drawn.high[here], side="right")
        shares[here] = (upto - np.searchsorted(ordered, drawn.low[here], side="left")) / len(ordered)
    return np.asarray(shares.prod(axis=1))


def _ranks(stack: Stack, values: NDArray[np.float64]) -> Coordinates:
    """Give the middle of each value's ranks among the real rows, 0 to 1."""
    real = np.concatenate([stack.training, stack.holdout])
    seen = np.sort(values[real][~np.isnan(values[real])])
    below = np.searchsorted(seen, values, side="left") + np.searchsorted(seen, values, side="right")
    return np.where(np.isnan(values), NULL, below / max(1, 2 * len(seen))).astype(np.float32)


def _codes(stack: Stack) -> Iterator[Coordinates]:
    for codes in stack.labels.values():
        yield codes.astype(np.float32)
