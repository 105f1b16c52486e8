"""Whether the copy tells more of a training row's secret than of anyone's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.privacy.bounds import Z_HONEST, Z_POWER, Z
from synth_ops.measure.privacy.guesses import Secret, by_rote, guess_by_neighbour, guess_by_trees, secrets_of
from synth_ops.measure.privacy.space import Rows, Space, lay_out, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_RISK = 0.05
"""Default limit of the upper bound."""

MAX_SECRETS, MAX_TRIED = 6, 8
"""Columns attacked, and tried for that, where none are named."""

MIN_COLUMNS, MIN_ROWS = 2, 100
MAX_TRAINING, MAX_HOLDOUT, MAX_SYNTHETIC = 10_000, 10_000, 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attacked:
    """What became of an attacker's guesses."""

    control: float
    """Share of held-out rows that were hit."""
    gained: float
    """Share of training rows hit beyond that, had they been as hard to guess."""
    error: float
    """Its standard error."""

    @property
    def left(self) -> float:
        """What there was to gain; a control that is never wrong leaves nothing, and no bound."""
        return max(1 - self.control, 1e-9)

    @property
    def risk(self) -> float:
        return self.gained / self.left

    @property
    def spread(self) -> float:
        """Standard error of the risk."""
        return self.error / self.left

    def needed(self, n: int) -> int:
        """Give the held-out rows, where there are n, that an honest copy takes to stay below the limit."""
        return ceil(n * min(1e6, ((Z + Z_HONEST) * self.spread / MAX_RISK) ** 2))


@dataclass(frozen=True)
class _Sides:
    training: Rows
    holdout: Rows
    synthetic: Rows
    stack: Stack

    def beside(self, secret: Secret) -> Space:
        """Lay the rows out by the other columns: one space at a time, for of many columns they are large."""
        return lay_out(self.stack, tuple(name for name in self.stack.names if name != secret.name))


def measure_inference(
    table: str, stack: Stack, rng: np.random.Generator, columns: tuple[str, ...] = ()
) -> Iterator[Measure]:
    """Give for each secret the risk that the copy lets it be guessed of training rows, beyond held-out ones.

    Two attackers guess from all other columns: boosted trees that learned the copy, and one who takes the nearest
    synthetic row's value; the figure is that of the better one. A label is hit when it is guessed, a number within a
    twentieth of the ranks. `independent` is the share of hits of one who always guesses the same. How hard each row
    is to guess, other real rows say: to compare rows that are as hard takes much of the chance out of the figure.

    Args:
        table: The table's name.
        stack: Its rows.
        rng: Draws samples, and seeds the trees.
        columns: The secrets. Unless named: the six that are the hardest to guess by rote, of those for which there
            are rows enough.
    """
    n = stack.n_least
    if len(stack.names) < MIN_COLUMNS or n < MIN_ROWS:
        reason = (
            f"there are {len(stack.names)} columns and {n} rows; {MIN_COLUMNS} columns and {MIN_ROWS} rows are needed"
        )
        yield from (_unmeasured(table, column, n, reason) for column in columns or (None,))
        return
    sides = _Sides(
        some_of(stack.training, MAX_TRAINING, rng),
        some_of(stack.holdout, MAX_HOLDOUT, rng),
        some_of(stack.synthetic, MAX_SYNTHETIC, rng),
        stack,
    )
    known = tuple(name for name in columns or stack.names if name in stack.names)
    for column in (name for name in columns if name not in stack.names):
        yield _unmeasured(
            table, column, n, "the column's values are not compared: it is minted, faked, text or missing"
        )
    secrets = secrets_of(stack, known)
    if columns:
        yield from (_measure(table, secret, sides, rng) for secret in secrets)
    else:
        yield from _hardest(table, secrets, sides, rng)


def _hardest(table: str, secrets: Sequence[Secret], sides: _Sides, rng: np.random.Generator) -> Iterator[Measure]:
    hardest = sorted(secrets, key=lambda secret: by_rote(secret, sides.holdout))[:MAX_TRIED]
    tried = (_measure(table, secret, sides, rng) for secret in hardest)
    found = list(islice((measure for measure in tried if measure.error is None), MAX_SECRETS))
    n = len(sides.holdout)
    yield from found or [_unmeasured(table, None, n, f"{n} held-out rows bound no column's risk below {MAX_RISK}")]


def _measure(table: str, secret: Secret, sides: _Sides, rng: np.random.Generator) -> Measure:
    training, holdout, copy = map(secret.among, (sides.training, sides.holdout, sides.synthetic))
    n = min(len(training), len(holdout))
    if min(n, len(copy)) < MIN_ROWS:
        reason = f"there are {n} held-out and {len(copy)} synthetic rows to guess; {MIN_ROWS} are needed"
        return _unmeasured(table, secret.name, n, reason)
    rows = np.concatenate([training, holdout])
    space = sides.beside(secret)
    ease = _ease(secret, space, rows, rng)
    guesses = (
        guess_by_trees(secret, copy, rows, int(rng.integers(2**31)))[0],
        guess_by_neighbour(secret, space, copy, rows),
    )
    attacks = [_compare(hits.astype(np.float64), ease, len(training)) for hits in guesses]
    # What is already beyond the limit needs no more rows to be told.
    sure = [attack for attack in attacks if attack.needed(n) <= n or attack.risk - Z * attack.spread > MAX_RISK]
    if not sure:
        needed = min(attack.needed(n) for attack in attacks)
        reason = f"there are {n} held-out rows to guess; {needed} are needed for a bound of {MAX_RISK}"
        return _unmeasured(table, secret.name, n, reason)
    best = max(sure, key=lambda attack: attack.risk + Z * attack.spread)
    return Measure(
        table=table,
        name="attribute_inference",
        column=secret.name,
        observed=best.risk,
        floor=0.0,
        independent=by_rote(secret, holdout),
        low=max(-1.0, best.risk - Z * best.spread),
        high=min(1.0, best.risk + Z * best.spread),
        detectable=min(1.0, (Z + Z_POWER) * best.spread),
        n=n,
    )


def _ease(secret: Secret, space: Space, rows: Rows, rng: np.random.Generator) -> Floats:
    """Say how easily each row is guessed from half of the real rows, itself not among them: ``(n_rows, 5)``.

    The signs are whether trees hit it, how near they came, its square, its cube, and whether its neighbour hits it.
    """
    part = rng.permutation(len(rows)) % 2
    ease = np.empty((len(rows), 5))
    for i in range(2):
        learned, here = rows[part != i], rows[part == i]
        hit, near = guess_by_trees(secret, learned, here, int(rng.integers(2**31)))
        neighbours = guess_by_neighbour(secret, space, learned, here)
        ease[part == i] = np.column_stack([hit, near, near**2, near**3, neighbours])
    return ease


def _compare(hits: Floats, ease: Floats, n_training: int) -> Attacked:
    """Compare training rows with held-out ones, what their ease explains taken off the hits (Lin 2013).

    **Shape**

    - hits: ``(n_rows,)``, training rows first
    - ease: ``(n_rows, n_signs)``
    """
    signs = ease - ease.mean(axis=0)
    slopes = np.linalg.lstsq(signs, hits - hits.mean(), rcond=None)[0]
    left = hits - signs @ slopes
    training, holdout = left[:n_training], left[n_training:]
    error = sqrt(training.var() / len(training) + holdout.var() / len(holdout))
    return Attacked(float(hits[n_training:].mean()), float(training.mean() - holdout.mean()), error)


def _unmeasured(table: str, column: str | None, n: int, reason: str) -> Measure:
    return Measure(table=table, name="attribute_inference", column=column, n=n, error=reason)
