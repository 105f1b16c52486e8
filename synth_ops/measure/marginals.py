"""How far each column alone is from production: its shape, its order, its nulls."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.draws import Draw, mean_and_high, over_draws
from synth_ops.measure.grid import Codes, bin_all_numbers, bin_stack
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

N_BINS = 20
N_LABELS = 50
N_FINE_BINS = 200
"""Bins of the Kolmogorov-Smirnov distance: fine enough that binning moves it by half a percent at most."""


def measure_shapes(table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int) -> Iterator[Measure]:
    """Give the total variation of each column on shared bins, and their mean."""
    codes = bin_stack(stack, N_BINS, N_LABELS, rare_below)
    observed, floors = _distances(codes, draws, total_variation)
    yield from _per_column(table, "column_shape", tuple(codes), observed, floors, draws[0].n)
    mean, high = mean_and_high(floors.mean(axis=1))
    yield Measure(
        table=table,
        name="mean_column_shape",
        observed=float(observed.mean()),
        floor=float(mean),
        floor_high=float(high),
        n=draws[0].n,
    )


def measure_order(table: str, stack: Stack, draws: tuple[Draw, ...]) -> Iterator[Measure]:
    """Give the Kolmogorov-Smirnov distance of each number; nulls stand after every value."""
    yield from measure_distances(table, "column_ks", bin_all_numbers(stack, N_FINE_BINS), draws, kolmogorov_smirnov)


def measure_nulls(table: str, stack: Stack, draws: tuple[Draw, ...]) -> Iterator[Measure]:
    """Give the difference of each column's share of nulls."""
    yield from measure_distances(table, "null_share", stack.nulls(), draws, total_variation)


def measure_distances(
    table: str, name: str, codes: dict[str, Codes], draws: tuple[Draw, ...], distance: Distance
) -> Iterator[Measure]:
    """Give the distance of each coded column on every draw, beside that of held-out rows."""
    if codes:
        observed, floors = _distances(codes, draws, distance)
        yield from _per_column(table, name, tuple(codes), observed, floors, draws[0].n)


def total_variation(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give half the sum of the differences of two distributions, over the last axis."""
    return np.asarray(0.5 * np.abs(p - q).sum(axis=-1))


def kolmogorov_smirnov(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the greatest difference of two cumulated distributions, over the last axis."""
    return np.asarray(np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1))


def _distances(
    codes: dict[str, Codes], draws: tuple[Draw, ...], distance: Distance
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure every column on every draw.

    **Shape**

    - observed: ``(n_columns,)``, the mean over draws
    - floors: ``(n_draws, n_columns)``
    """
    width = max(int(c.max(initial=0)) for c in codes.values()) + 1
    return over_draws(draws, lambda rows: _shares(codes, rows, width), distance)


def _shares(codes: dict[str, Codes], rows: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    counts = [np.bincount(column[rows], minlength=width) for column in codes.values()]
    return np.asarray(counts) / len(rows)


def _per_column(
    table: str, name: str, columns: tuple[str, ...], observed: NDArray[np.float64], floors: NDArray[np.float64], n: int
) -> Iterator[Measure]:
    mean, high = mean_and_high(floors)
    for i, column in enumerate(columns):
        yield Measure(
            table=table,
            name=name,
            column=column,
            observed=float(observed[i]),
            floor=float(mean[i]),
            floor_high=float(high[i]),
            n=n,
        )
