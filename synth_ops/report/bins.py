"""Bins and categories that each hold rows of at least k entities, between edges that tell no one's value."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synth_ops.report.rounding import rounded
from synth_ops.report.values import DAY, Label, Values

N_BINS = 28
N_SHOWN = 9
"""Categories named in a chart; the rest are pooled."""
FEW = 12
"""A number with no more distinct values than this is drawn as categories."""
MAX_WHOLE = 60
"""Whole numbers that span no more than this have a bin each."""
OTHER = "other"
TRIM = 0.005
"""Share of rows at either end that is drawn in the first and the last bin."""
COVERED = 0.05
"""Categories are drawn where those that may be named hold at least this share of the rows."""
_CLOCK = np.array([1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600], dtype=np.float64)
_CALENDAR = DAY * np.array([1, 2, 7, 14, 30.4375, 91.3125, 182.625, 365.25, 730.5, 1826.25, 3652.5, 36525.0])
_TIMES = np.concatenate([_CLOCK, _CALENDAR])

Shares = tuple[float, ...]


@dataclass(frozen=True)
class Edges:
    """Where bins begin and end."""

    values: npt.NDArray[np.float64]
    step: float
    shift: float = 0.0
    """What an edge lies below the value it stands for, where each bin is one whole number."""

    def labels(self, label: Label) -> tuple[str, ...]:
        """Give words for each edge; the last stands for the last value."""
        low = [label(float(v) + self.shift, self.step) for v in self.values[:-1]]
        return (*low, label(float(self.values[-1]) - self.shift, self.step))


def pooled_edges(real: Values, k: int) -> Edges | None:
    """Give edges between bins of at least k entities each, or None where numbers are not the way to draw them.

    The outermost edges are rounded outwards from the k-th entity's smallest and largest; all beyond counts as there.
    """
    finite = np.isfinite(real.present)
    owners = real.present_owners.where(finite)
    if owners.n < 4 * k or (real.n_distinct <= FEW and not real.is_time):
        return None
    line, places = np.sort(real.present[finite]), np.argsort(np.argsort(real.present[finite]))
    trimmed = int(TRIM * len(line))
    first, last = owners.ends(places, k)
    low, high = line[max(first, trimmed)], line[min(last, len(line) - 1 - trimmed)]
    if not _is_drawable(low, high):
        return None
    even = _whole(line, low, high) or _round(low, high, is_time=real.is_time)
    cells = _cells(real.present, even.values)
    pooled = pool_edges(even.values, real.present_owners.count(cells, len(even.values) - 1), k)
    return replace(even, values=pooled) if len(pooled) > 3 else None  # noqa: PLR2004 — two bins say nothing


def shares(present: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> Shares:
    """Give the share of rows in each bin; those beyond the ends count in the first and the last."""
    counts = np.bincount(_cells(present, edges), minlength=len(edges) - 1)
    return _as_shares(counts.tolist())


def pooled_categories(real: Values, synthetic: Values, k: int) -> tuple[tuple[str, ...], Shares, Shares] | None:
    """Give labels and shares of the categories that at least k entities hold; the rest are one, also at least k."""
    if not (real.are_words or (real.line is not None and real.n_distinct <= FEW)):
        return None
    named = _named(real, k)
    total = len(real.words)
    if sum(named.values()) < max(COVERED * total, 1):
        return None
    keys: list[Any] = sorted(named) if real.line is not None else list(named)
    there = {_comparable(value): n for value, n in synthetic.counts}
    ours = [named[key] for key in keys]
    theirs = [there.get(_comparable(key), 0) for key in keys]
    labels = [_word(key, real) for key in keys]
    if sum(ours) < total or sum(theirs) < len(synthetic.words):
        labels, ours, theirs = _with_other(labels, ours, theirs, total, len(synthetic.words))
    return tuple(labels), _as_shares(ours), _as_shares(theirs)


def _named(real: Values, k: int) -> dict[Any, int]:
    """Give the categories that may be named: of enough entities each, and enough in all that are left unnamed."""
    shown = N_SHOWN if real.line is None else FEW
    owners = real.word_owners
    held = owners.count(real.codes, len(real.counts))
    frequent = [place for place, n in enumerate(held[:shown]) if n >= k]
    # A pool of a few would be read off by subtraction: the smallest that could be named joins it.
    while frequent and 0 < owners.where(~np.isin(real.codes, frequent)).n < k:
        frequent.pop()
    return dict(real.counts[place] for place in frequent)


def _comparable(value: Any) -> Any:  # noqa: ANN401 — whatever the column holds
    """Give a value that equals itself: NaN does not, and nulls are not counted."""
    return value if value == value else None  # noqa: PLR0124 — that is what makes it NaN


def _with_other(
    labels: list[str], ours: list[int], theirs: list[int], n_real: int, n_synthetic: int
) -> tuple[list[str], list[int], list[int]]:
    return [*labels, OTHER], [*ours, n_real - sum(ours)], [*theirs, n_synthetic - sum(theirs)]


def _as_shares(counts: list[int]) -> Shares:
    total = max(sum(counts), 1)
    return tuple(rounded(c / total) for c in counts)


def _word(key: Any, real: Values) -> str:  # noqa: ANN401 — whatever the column holds
    if real.line is not None and not real.is_time:
        return f"{float(key):.10g}"
    text = str(key)
    return (text if len(text) <= 40 else f"{text[:39]}…") or "(empty)"  # noqa: PLR2004 — the width of a card


def _cells(present: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Give the bin of each value; those beyond the ends are in the first and the last."""
    return np.clip(np.searchsorted(edges, present, side="right") - 1, 0, len(edges) - 2)


def pool_edges(edges: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.float64]:
    """Drop the edges between bins that hold fewer than k."""
    kept, held = [edges[0]], 0
    for right, count in zip(edges[1:], counts, strict=True):
        held += int(count)
        if held >= k:
            kept, held = [*kept, right], 0
    kept[-1] = edges[-1]
    return np.array(kept)


def _is_drawable(low: float, high: float) -> bool:
    """Tell whether floating point can hold bins between the two: neither too far apart nor too near for their size."""
    if high / 2 - low / 2 > np.finfo(np.float64).max / 8:
        return False
    return high - low > max(1e-9 * max(abs(low), abs(high)), 1e-250)


def _whole(line: npt.NDArray[np.float64], low: float, high: float) -> Edges | None:
    """Give one bin a number where the values are few whole numbers: wider ones would beat against them."""
    if high - low > MAX_WHOLE or not np.array_equal(line, np.round(line)):
        return None
    return Edges(np.arange(low, high + 2) - 0.5, 1.0, shift=0.5)


def _round(low: float, high: float, *, is_time: bool) -> Edges:
    step = _step((high - low) / N_BINS, is_time=is_time)
    return Edges(step * np.arange(np.floor(low / step), np.ceil(high / step) + 1), step)


def _step(least: float, *, is_time: bool) -> float:
    """Give the next round distance."""
    if is_time:
        return float(_TIMES[min(int(np.searchsorted(_TIMES, least)), len(_TIMES) - 1)])
    size = 10.0 ** np.floor(np.log10(least))
    return float(next(m * size for m in (1, 2, 5, 10) if m * size >= least * 0.999))
