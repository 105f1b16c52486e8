"""What bins of a column do not show: values that repeat, how finely values are written, and values that were lost."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.measure.copies import rounded
from synth_ops.measure.draws import Draw, draw_samples
from synth_ops.measure.grid import Codes, bin_stack
from synth_ops.measure.marginals import N_BINS, N_LABELS, measure_distances, total_variation
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Numbers = NDArray[np.float64]
Steps = tuple[float, ...]

MIN_POINT = 0.01
"""Share of training rows that makes a value a point mass."""
MAX_ROWS = 10_000
"""Rows of a draw in which values are looked at one by one."""
MIN_EXPECTED = 30
"""Rows that a copy would have of a value by chance alone, before its absence says anything."""
KEPT = 4
"""A value is lost where the copy has fewer than one in so many of the rows that it should have."""
WEEK, DAY = 7, 86_400
DECIMALS: Steps = tuple(10.0**-k for k in range(6, 0, -1)) + tuple(10.0**k for k in range(4))
ROUND: Steps = tuple(10.0**k for k in range(1, 7))
CLOCK: Steps = (1, 60, 3_600, DAY)


def measure_coverage(table: str, stack: Stack, rare_below: int) -> Iterator[Measure]:
    """Give the share of each column's training rows whose value, or bin of values, the copy has all but lost."""
    for name, codes in bin_stack(stack, N_BINS, N_LABELS, rare_below).items():
        observed, floor = (_lost(codes, stack.training, side) for side in (stack.synthetic, stack.holdout))
        yield Measure(
            table=table, name="lost_values", column=name, observed=observed, floor=floor, n=len(stack.synthetic)
        )


def measure_points(table: str, stack: Stack, draws: tuple[Draw, ...]) -> Iterator[Measure]:
    """Give the total variation over the values that a hundredth of the training rows or more hold, each by itself."""
    codes = {name: _points(values, stack.training) for name, values in stack.numbers.items()}
    yield from measure_distances(table, "point_masses", codes, draws, total_variation)


def measure_granularity(
    table: str, stack: Stack, types: Mapping[str, pa.DataType], rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the total variation of how finely numbers are written: decimals, trailing zeros, whole hours, weekdays."""
    draws = draw_samples(stack, 3, MAX_ROWS, rng)
    used = np.unique(np.concatenate([rows for d in draws for rows in (d.training, d.holdout, d.synthetic)]))
    codes = {name: _spread(granularity(v[used], types[name]), used, len(v)) for name, v in stack.numbers.items()}
    yield from measure_distances(table, "granularity", codes, draws, total_variation)


def granularity(values: Numbers, dtype: pa.DataType) -> Codes:
    """Give each value's coarsest step of those that its type knows; for instants, with the day of the week.

    >>> granularity(np.array([1.0, 0.5, 0.25, np.nan]), pa.float64()).tolist()
    [7, 6, 5, 0]
    """
    scale, steps = _steps(dtype)
    classes = np.zeros(len(values), dtype=np.int16)
    going = np.isfinite(values)
    finite = np.where(going, values, 0.0)
    for step in steps:
        quotient = finite / (step * scale)
        # What is written in decimals is a hair off in binary; the hair grows with the number.
        going = going & (np.abs(quotient - np.round(quotient)) <= 1e-6 + 1e-14 * np.abs(quotient))
        classes[going] += 1
    if not (pa.types.is_date(dtype) or pa.types.is_timestamp(dtype)):
        return classes
    weekdays = np.mod(np.floor_divide(finite, DAY * scale), WEEK).astype(np.int16)
    return np.asarray(classes * WEEK + weekdays, dtype=np.int16)


def _steps(dtype: pa.DataType) -> tuple[float, Steps]:
    """Give how many of the type's units a step of one is, and the steps from the finest up."""
    if pa.types.is_date32(dtype):
        return 1 / DAY, (DAY,)
    if pa.types.is_date64(dtype):
        return 1e3, (DAY,)
    if pa.types.is_temporal(dtype):
        return {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.unit], CLOCK
    return 1.0, ROUND if pa.types.is_integer(dtype) else DECIMALS


def _points(values: Numbers, training: NDArray[np.int64]) -> Codes:
    """Code the values that many training rows hold; zero is every other."""
    seen = rounded(values[training])
    distinct, counts = np.unique(seen[~np.isnan(seen)], return_counts=True)
    points = distinct[counts >= max(MIN_POINT * len(training), 2)]
    if not len(points):
        return np.zeros(len(values), dtype=np.int16)
    near = np.minimum(np.searchsorted(points, rounded(values)), len(points) - 1)
    return np.where(points[near] == rounded(values), near + 1, 0).astype(np.int16)


def _lost(codes: Codes, training: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    width = int(codes.max(initial=0)) + 1
    there = np.bincount(codes[training], minlength=width) / len(training)
    here = np.bincount(codes[other], minlength=width) / len(other)
    return float(there[(there * len(other) >= MIN_EXPECTED) & (here < there / KEPT)].sum())


def _spread(classes: Codes, used: NDArray[np.int64], n_rows: int) -> Codes:
    whole = np.zeros(n_rows, dtype=np.int16)
    whole[used] = classes
    return whole
