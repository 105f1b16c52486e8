"""Tables of a known law, and generators that are honest, or copy: each way that a gate must tell apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.stack import Stack

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]

CENTRES = np.array([[0.0, 0.0, 0.0], [3.0, -2.0, 1.0], [-2.0, 3.0, 4.0]])
N_CLUSTERS = len(CENTRES)
NULLS, ORDERLY = 0.1, 0.7


@dataclass(frozen=True)
class Rows:
    """Rows of mixed types.

    **Shape**

    - numbers[name]: ``(n,)``; NaN for null
    - labels[name]: ``(n,)`` codes; -1 for null
    """

    numbers: Mapping[str, Numbers]
    labels: Mapping[str, Labels]

    @property
    def n(self) -> int:
        return len(next(iter((*self.numbers.values(), *self.labels.values()))))

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Give some of the rows."""
        return Rows({k: v[rows] for k, v in self.numbers.items()}, {k: v[rows] for k, v in self.labels.items()})


def draw(n: int, rng: np.random.Generator) -> Rows:
    """Draw from a mixture: three Gaussian numbers, a skewed one with nulls, a count, and labels that follow them."""
    cluster = rng.choice(N_CLUSTERS, n, p=[0.5, 0.3, 0.2])
    x, y, z = (CENTRES[cluster] + rng.normal(size=(n, 3)) @ np.array([[1, 0.5, 0], [0, 0.8, 0.3], [0, 0, 1]])).T
    amount = np.where(rng.random(n) < NULLS, np.nan, np.round(np.exp(1 + 0.5 * x + rng.normal(size=n)), 2))
    count = rng.poisson(2 + cluster).astype(float)
    noise = rng.random((3, n))
    place = np.where(noise[0] < ORDERLY, 4 * cluster + (noise[0] * 40).astype(int) % 4, rng.zipf(1.6, n) % 60)
    grade = np.where(noise[1] < NULLS, -1, np.digitize(y + rng.normal(size=n), [-2, 0, 2]))
    flag = (z + rng.normal(size=n) > 1).astype(int)
    return Rows(
        {"x": x, "y": y, "z": z, "amount": amount, "count": count}, {"place": place, "grade": grade, "flag": flag}
    )


def with_outliers(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Make so many of the rows extreme in several columns at once."""
    chosen = rng.random(rows.n) < share
    far = {
        name: np.where(chosen, rng.choice([-1, 1], rows.n) * rng.uniform(8, 20, rows.n), rows.numbers[name])
        for name in ("x", "y", "z")
    }
    return replace(rows, numbers={**rows.numbers, **far})


def stack(training: Rows, holdout: Rows, synthetic: Rows, *further: Rows) -> Stack:
    """Lay the rows over each other; further ones lie behind the synthetic rows."""
    parts = (training, holdout, synthetic, *further)
    ends = np.cumsum([part.n for part in parts])
    labels = {name: np.concatenate([p.labels[name] for p in parts]).astype(np.int64) for name in training.labels}
    return Stack(
        numbers={name: np.concatenate([p.numbers[name] for p in parts]) for name in training.numbers},
        labels=labels,
        words={name: tuple(str(i) for i in range(codes.max(initial=-1) + 1)) for name, codes in labels.items()},
        training=np.arange(ends[0]),
        holdout=np.arange(ends[0], ends[1]),
        synthetic=np.arange(ends[1], ends[2]),
        ids=np.arange(ends[1], dtype=np.uint64),
    )


def join(first: Rows, second: Rows) -> Rows:
    """Put rows under rows."""
    return Rows(
        {k: np.concatenate([v, second.numbers[k]]) for k, v in first.numbers.items()},
        {k: np.concatenate([v, second.labels[k]]) for k, v in first.labels.items()},
    )


def scaled(rows: Rows, _: np.random.Generator) -> Rows:
    """Copy, with one column times 1.011."""
    return replace(rows, numbers={**rows.numbers, "x": rows.numbers["x"] * 1.011})


def shuffled(rows: Rows, rng: np.random.Generator) -> Rows:
    """Copy, with one column shuffled."""
    return replace(rows, numbers={**rows.numbers, "x": rng.permutation(rows.numbers["x"])})


def redrawn(rows: Rows, rng: np.random.Generator) -> Rows:
    """Copy, with three columns drawn anew."""
    other = draw(rows.n, rng)
    return Rows(
        {**rows.numbers, "y": other.numbers["y"], "count": other.numbers["count"]},
        {**rows.labels, "place": other.labels["place"]},
    )


def jittered(rows: Rows, rng: np.random.Generator, size: float = 0.01) -> Rows:
    """Copy, with a little noise on each number."""
    return replace(rows, numbers={k: v * (1 + size * rng.normal(size=rows.n)) for k, v in rows.numbers.items()})


def verbatim(rows: Rows, _: np.random.Generator) -> Rows:
    """Copy."""
    return rows


ALTERATIONS: Mapping[str, Callable[[Rows, np.random.Generator], Rows]] = {
    "verbatim": verbatim,
    "one column times 1.011": scaled,
    "one column shuffled": shuffled,
    "three columns drawn anew": redrawn,
    "noise of 1 % on each number": jittered,
}


def furthest(rows: Rows, n: int) -> NDArray[np.int64]:
    """Give the rows that are the most extreme over their Gaussian columns."""
    values = np.column_stack([rows.numbers[name] for name in ("x", "y", "z")])
    scaled = (values - np.median(values, axis=0)) / values.std(axis=0)
    return np.argsort(-(scaled**2).sum(axis=1))[:n]
