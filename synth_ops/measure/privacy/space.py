"""Where rows of mixed types lie, so that the nearest can be found: exactly, and in flat memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth_ops.measure.copies import rounded
from synth_ops.measure.stack import Stack

Rows = NDArray[np.int64]
Points = NDArray[np.float32]

MISMATCH = 2.0
"""Squared distance of two labels, or of null and value: what two random normal scores are apart on average."""

MAX_POINT_LABELS = 16
"""Labels of a column that get a coordinate each; more are compared as codes, which takes as long as these."""

TAIL = 0.01
"""Share of the rows on either side beyond which a number lies by its value, no longer by its rank."""

LINEAR_TAIL = 4.0
"""Scores that the tail goes on in a straight line; from there by the logarithm, which float32 can hold."""

N_QUERIES, N_REFERENCES = 128, 4096
"""Rows of one block of distances: 2 MB, which stay in the cache."""


@dataclass(frozen=True)
class Space:
    """All rows of a stack, laid out so that squared distances are sums over columns.

    **Shape**

    - points: ``(n_rows, d_points)``: numbers, nulls and labels of few values, as coordinates
    - codes: ``(d_codes, n_rows)``: columns that only match or do not
    - weights: ``(d_codes,)``: squared distance of a mismatch
    """

    points: Points
    codes: NDArray[np.int32]
    weights: Points


@dataclass(frozen=True)
class Nearest:
    """The nearest rows, the first of them first.

    **Shape**

    - distances: ``(n_queries, k)``; infinite where there are fewer rows than k
    - rows: ``(n_queries, k)`` positions in the stack; -1 there
    """

    distances: NDArray[np.float64]
    rows: Rows


def lay_out(stack: Stack, names: Sequence[str] | None = None) -> Space:
    """Give the rows' places by the columns named, or by all.

    A number lies at the normal score of its rank among the real rows, which puts all columns on one scale; beyond the
    outer hundredths it lies by its value, so that what stands apart stays apart. Null is a coordinate of its own. Two
    labels are as far from each other whether they are rare or common.
    """
    real = np.concatenate([stack.training, stack.holdout])
    chosen = stack.names if names is None else tuple(names)
    n_rows = len(next(iter((*stack.numbers.values(), *stack.labels.values()))))
    points = [np.zeros((n_rows, 0), dtype=np.float32)]
    codes: list[NDArray[np.int32]] = []
    for name in chosen:
        if name in stack.numbers:
            points.append(_place_numbers(stack.numbers[name], real))
            continue
        dense, labels = pd.factorize(stack.labels[name], use_na_sentinel=False)
        if len(labels) <= MAX_POINT_LABELS:
            points.append(_place_labels(dense, len(labels)))
        else:
            codes.append(dense.astype(np.int32))
    weights = np.full(len(codes), MISMATCH, dtype=np.float32)
    return Space(np.concatenate(points, axis=1), _stacked(codes, n_rows), weights)


def lay_out_cells(stack: Stack) -> Space:
    """Give a space in which only equal values are near: a column that differs adds its entropy among real rows.

    A row that was copied, and then altered in a column or two, lies near its original here, however far it was moved.
    """
    real = np.concatenate([stack.training, stack.holdout])
    columns = [*map(rounded, stack.numbers.values()), *stack.labels.values()]
    codes = [pd.factorize(values, use_na_sentinel=False)[0].astype(np.int32) for values in columns]
    weights = np.array([_entropy(np.bincount(column[real])) for column in codes], dtype=np.float32)
    n_rows = len(codes[0])
    telling = [column for column, weight in zip(codes, weights, strict=True) if weight > 0]
    return Space(np.zeros((n_rows, 0), dtype=np.float32), _stacked(telling, n_rows), weights[weights > 0])


def find_nearest(space: Space, rows: Rows, reference: Rows, k: int = 1) -> Nearest:
    """Give the k rows of the reference that lie nearest to each row, itself left out."""
    from threadpoolctl import threadpool_limits

    places = _Reference.of(space, reference)
    with threadpool_limits(1):  # one thread sums in one order, on any machine
        starts = range(0, len(rows), N_QUERIES)
        found = [_candidates(space, rows[start : start + N_QUERIES], places, k) for start in starts]
    candidates = np.concatenate([np.zeros((0, k), dtype=np.int64), *found])
    return _measured(space, rows, candidates)


def some_of(rows: Rows, at_most: int, rng: np.random.Generator) -> Rows:
    """Give all rows, or so many of them, drawn without replacement, in order."""
    return rows if len(rows) <= at_most else np.sort(rng.choice(rows, at_most, replace=False))


@dataclass(frozen=True)
class _Reference:
    """The rows among which neighbours are looked for, gathered once, and the memory of one block of distances."""

    rows: Rows
    places: Rows
    """Where each row of the stack stands among them; -1 where it does not."""
    points: Points
    """``(d_points, n_references)``, times -2."""
    norms: Points
    codes: NDArray[np.int32]
    squared: Points
    added: Points
    differs: NDArray[np.bool_]

    @classmethod
    def of(cls, space: Space, rows: Rows) -> "_Reference":
        points = space.points[rows]
        places = np.full(len(space.points), -1, dtype=np.int64)
        places[rows] = np.arange(len(rows))
        size = N_QUERIES * N_REFERENCES
        return cls(
            rows=rows,
            places=places,
            points=np.ascontiguousarray(-2 * points.T),
            norms=_norms(points),
            codes=space.codes[:, rows],
            squared=np.empty(size, dtype=np.float32),
            added=np.empty(size, dtype=np.float32),
            differs=np.empty(size, dtype=bool),
        )


def _candidates(space: Space, rows: Rows, reference: _Reference, k: int) -> Rows:
    best = np.full((len(rows), k), np.inf, dtype=np.float32)
    at = np.full((len(rows), k), -1, dtype=np.int64)
    for start in range(0, len(reference.rows), N_REFERENCES):
        part = slice(start, start + N_REFERENCES)
        squared = _squared(space, rows, reference, part)
        itself = reference.places[rows] - start
        here = np.flatnonzero((itself >= 0) & (itself < squared.shape[1]))
        squared[here, itself[here]] = np.inf
        best, at = _merged(best, at, squared, reference.rows[part])
    return at


def _squared(space: Space, rows: Rows, reference: _Reference, part: slice) -> Points:
    """Give the squared distances of one block: ``(n_queries, n_references)``, until the next is asked for."""
    points = space.points[rows]
    shape = len(rows), len(reference.rows[part])
    squared, added, differs = (
        memory[: shape[0] * shape[1]].reshape(shape)
        for memory in (reference.squared, reference.added, reference.differs)
    )
    np.matmul(points, reference.points[:, part], out=squared)
    squared += _norms(points)[:, None]
    squared += reference.norms[part]
    for codes, others, weight in zip(space.codes, reference.codes, space.weights, strict=True):
        np.not_equal(codes[rows][:, None], others[part], out=differs)
        squared += np.multiply(differs, weight, out=added)
    return squared


def _norms(points: Points) -> Points:
    return np.asarray(np.einsum("ij,ij->i", points, points), dtype=np.float32)


def _merged(best: Points, at: Rows, squared: Points, others: Rows) -> tuple[Points, Rows]:
    """Put a block's nearest among those found before, by repeated minima: k is small."""
    each = np.arange(len(squared))
    for _ in range(best.shape[1]):
        column = squared.argmin(axis=1)
        values = squared[each, column]
        nearer = values < best[:, -1]
        if not nearer.any():
            break
        best[nearer, -1], at[nearer, -1] = values[nearer], others[column[nearer]]
        order = np.argsort(best, axis=1, kind="stable")
        best, at = np.take_along_axis(best, order, axis=1), np.take_along_axis(at, order, axis=1)
        squared[each, column] = np.inf
    return best, at


def _measured(space: Space, rows: Rows, candidates: Rows) -> Nearest:
    """Measure the pairs found again, each by itself: the products that found them err by a hair, also at zero."""
    squared = np.empty(candidates.shape)
    for j, others in enumerate(candidates.T):
        apart = space.points[rows].astype(np.float64) - space.points[others]
        squared[:, j] = np.einsum("ij,ij->i", apart, apart)
        squared[:, j] += space.weights.astype(np.float64) @ (space.codes[:, rows] != space.codes[:, others])
    squared[candidates < 0] = np.inf
    order = np.argsort(squared, axis=1, kind="stable")
    return Nearest(np.sqrt(np.take_along_axis(squared, order, axis=1)), np.take_along_axis(candidates, order, axis=1))


def _place_numbers(values: NDArray[np.float64], real: Rows) -> Points:
    """Give the scores, and a coordinate of null where there are any: ``(n_rows, 1 or 2)``."""
    null = np.isnan(values)
    finite = np.clip(values, -1e150, 1e150)
    scores = _scores(finite, np.sort(finite[real][~null[real]]))
    columns = [np.where(null, 0.0, scores)]
    if null.any():
        columns.append(null * np.sqrt(MISMATCH))
    return np.column_stack(columns).astype(np.float32)


def _scores(values: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtri

    if not len(seen):
        return np.zeros(len(values))
    distinct, counts = np.unique(seen, return_counts=True)
    scores = ndtri((np.cumsum(counts) - counts / 2) / len(seen))
    low, middle, high = np.quantile(seen, [TAIL, 0.5, 1 - TAIL], method="nearest")
    spread = float(seen.std()) or 1.0
    above = _tail((values - high) / ((high - middle) / -ndtri(TAIL) or spread))
    below = _tail((low - values) / ((middle - low) / -ndtri(TAIL) or spread))
    inside = np.interp(np.clip(values, low, high), distinct, scores)
    return np.asarray(inside + above - below)


def _tail(beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Go on in a straight line, and then by the logarithm; the slope is continuous."""
    beyond = np.maximum(beyond, 0.0)
    return np.where(
        beyond <= LINEAR_TAIL, beyond, LINEAR_TAIL * (1 + np.log(np.maximum(beyond, LINEAR_TAIL) / LINEAR_TAIL))
    )


def _place_labels(codes: NDArray[np.int64], n_labels: int) -> Points:
    """Give each label a corner of a regular simplex."""
    corners = np.eye(n_labels, dtype=np.float32) if n_labels > 1 else np.zeros((1, 0), dtype=np.float32)
    return np.asarray(corners[codes] * np.float32(np.sqrt(MISMATCH / 2)))


def _stacked(codes: list[NDArray[np.int32]], n_rows: int) -> NDArray[np.int32]:
    return np.stack(codes) if codes else np.zeros((0, n_rows), dtype=np.int32)


def _entropy(counts: NDArray[np.int64]) -> float:
    """Give the entropy of the values counted, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum()) if len(shares) > 1 else 0.0
