"""How strongly pairs of columns go together: Spearman, the correlation ratio, Cramér's V."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.report.values import Values

MAX_ROWS = 20_000
MAX_CATEGORIES = 20
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Side = npt.NDArray[Any]
"""Ranks of a number as floats, or codes of a category as integers."""


def associations(pairs: Sequence[tuple[Values, Values]], k: int) -> tuple[Floats, Floats]:
    """Give the matrix of the real columns and that of the synthetic ones, categories matched by the real ones."""
    real = [_side(r, r, k) for r, _ in pairs]
    synthetic = [_side(s, r, k) for r, s in pairs]
    return _matrix(real), _matrix(synthetic)


def _side(values: Values, real: Values, k: int) -> Side:
    """Give ranks of a number, or codes of a category in which the rare are one and null is another."""
    chosen = _rows(values.n)
    if values.line is not None:
        return _ranks(values.line[chosen])
    known = [v for v, n in real.counts[:MAX_CATEGORIES] if n >= k]
    codes = np.full(values.n, len(known) + 1, dtype=np.int64)
    codes[values.filled] = _codes(values.words, known)
    return codes[chosen]


def _codes(words: "pa.Array[Any]", known: list[Any]) -> Codes:
    found = pc.index_in(words, value_set=pa.array(known, words.type))
    return np.asarray(found.fill_null(len(known)).to_numpy(zero_copy_only=False), dtype=np.int64)


def _rows(n: int) -> Codes:
    """Give evenly spread rows: the same every time."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_ROWS)).astype(np.int64)) if n else np.empty(0, dtype=np.int64)


def _ranks(line: Floats) -> Floats:
    """Give average ranks centred on 0; null is in the middle."""
    ranks = np.zeros(len(line))
    there = ~np.isnan(line)
    _, inverse, counts = np.unique(line[there], return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    ranks[there] = middle[inverse] - middle[inverse].mean() if there.any() else 0.0
    return ranks


def _matrix(columns: Sequence[Side]) -> Floats:
    matrix = np.eye(len(columns))
    for i, one in enumerate(columns):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = _association(one, columns[j])
    return matrix


def _association(one: Side, other: Side) -> float:
    numbers = (one.dtype.kind == "f", other.dtype.kind == "f")
    if all(numbers):
        return _spearman(one, other)
    if any(numbers):
        return _ratio(one, other) if numbers[0] else _ratio(other, one)
    return _cramer(one, other)


def _spearman(one: Floats, other: Floats) -> float:
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size else 0.0


def _ratio(ranks: Floats, codes: Codes) -> float:
    """Give the correlation ratio: the share of the ranks' spread that the categories explain, as a root."""
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=ranks)
    spread = float(ranks @ ranks)
    between = float((sums**2 / np.maximum(counts, 1)).sum()) - float(ranks.sum()) ** 2 / max(len(ranks), 1)
    return float(np.sqrt(max(between, 0.0) / spread)) if spread else 0.0


def _cramer(one: Codes, other: Codes) -> float:
    width = int(other.max(initial=0)) + 1
    table = np.bincount(one * width + other, minlength=(int(one.max(initial=0)) + 1) * width).reshape(-1, width)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1)
    free = min(table.shape) - 1
    if free < 1:
        return 0.0
    chi2 = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi2 / (table.sum() * free)))
