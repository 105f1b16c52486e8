"""How far pairs of columns are from production: the headline figure of fidelity."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.associations import Sides, associations, mutual_information
from synth_ops.measure.draws import Draw, mean_and_high, over_draws
from synth_ops.measure.grid import Codes, bin_stack, rows_of, shuffled
from synth_ops.measure.marginals import total_variation
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

N_BINS = 10
WIDTH = N_BINS + 2
MAX_PAIRS = 1_500
"""More pairs than these are sampled: 55 columns have all theirs measured."""
MAX_PARTNERS = 30
"""Columns that the nulls of one column are held against."""
WEAK = 0.01
"""Total variation from independence below which a pair has nothing to lose."""
STRONG, SURE = 0.3, 0.1
"""An association that people would call one, and by how much chance may change it at most."""
MIN_BOTH = 200
"""Rows of a draw in which neither value of a pair is null, for its association to count."""

Pairs = list[tuple[str, str]]
Figures = NDArray[np.float64]
Distance = Callable[[Figures, Figures], Figures]


@dataclass(frozen=True)
class Distances:
    """How far each pair is from the training rows.

    **Shape**

    - observed, independent: ``(n_pairs,)``
    - floors: ``(n_draws, n_pairs)``
    """

    observed: Figures
    floors: Figures
    independent: Figures
    sure: float = 1.0
    """Times chance that a pair's strength must be; of few cells chance varies more."""

    @property
    def strength(self) -> Figures:
        """What a pair has to lose: how far it is from independence, beyond chance; 0 where that is hardly anything.

        It must be twice as far as chance alone takes it. A share of less is a share of noise; and the same held-out
        rows are in every draw, so that their spread says too little.
        """
        chance = self.floors.mean(axis=0)
        strength = self.independent - chance
        return np.where(strength > np.maximum(WEAK, self.sure * chance), strength, 0.0)

    def lost(self, pairs: NDArray[np.int64]) -> tuple[float, float, float]:
        """Give the share of those pairs' strength that the copy lost; its floor, and the floor's upper end."""
        strength = self.strength[pairs]
        chance = self.floors.mean(axis=0)[pairs]
        if strength.sum() <= 0:
            return 0.0, 0.0, 0.0
        gone = ((self.observed[pairs] - chance) * (strength > 0)).sum() / strength.sum()
        by_chance = ((self.floors[:, pairs] - chance) * (strength > 0)).sum(axis=1) / strength.sum()
        mean, high = mean_and_high(by_chance)
        return float(max(gone, 0.0)), float(mean), float(high)


NOTHING = Distances(np.zeros(0), np.zeros((1, 0)), np.zeros(0))


def measure_pairs(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the total variation of each pair of columns on ten bins each, their mean, and what each column lost."""
    pairs = choose_pairs(stack.names, rng)
    if not pairs:
        return
    codes = bin_stack(stack, N_BINS, N_BINS, rare_below)
    found = measure_distances(codes, pairs, draws, rng)
    n = draws[0].n
    yield summary(table, "mean_pair_error", found, n)
    mean, high = mean_and_high(found.floors)
    for i, pair in enumerate(pairs):
        yield Measure(
            table=table,
            name="pair_error",
            columns=pair,
            observed=float(found.observed[i]),
            floor=float(mean[i]),
            floor_high=float(high[i]),
            independent=float(found.independent[i]),
            n=n,
        )
    for name in stack.names:
        yield _lost(table, "relations_lost", name, found, pairs, n)


def measure_associations(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give by how much pairs go together more or less than in production, on average and at the worst.

    Numbers by Spearman's correlation, labels by Cramér's V, one of each by the correlation ratio; and all by mutual
    information over the smaller entropy.
    """
    pairs = choose_pairs(stack.names, rng)
    if not pairs:
        return
    codes = bin_stack(stack, N_BINS, N_BINS, rare_below)
    is_number = np.asarray([[name in stack.numbers for name in pair] for pair in pairs])
    sides = Sides(is_number[:, 0], is_number[:, 1])

    def strengths(joint: Figures) -> Figures:
        return np.stack([associations(joint, sides), mutual_information(joint)])

    both = measure_distances(codes, pairs, draws, rng, _difference(strengths))
    found, information = (
        Distances(observed, floors, independent)
        for observed, floors, independent in zip(
            both.observed, both.floors.swapaxes(0, 1), both.independent, strict=True
        )
    )
    yield summary(table, "association_error", found, draws[0].n)
    yield summary(table, "information_error", information, draws[0].n)
    training = _joint_shares(rows_of(codes, draws[0].training), pairs)
    # Where few rows have both values, chance alone makes associations and unmakes them.
    n_both = _squared(training)[:, :-1, :-1].sum(axis=(1, 2)) * draws[0].n
    is_sure = (found.floors.mean(axis=0) < SURE) & (n_both >= MIN_BOTH)
    strong = (np.abs(strengths(_squared(training))[0]) > STRONG) & is_sure
    if strong.any():
        yield _worst(table, found, strong, draws[0].n)
    else:
        yield Measure(table=table, name="worst_association_error", observed=0.0, floor=0.0, n=draws[0].n)


def measure_null_relations(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give what was lost of how each column's nulls go with the other columns."""
    codes = bin_stack(stack, N_BINS, N_BINS, rare_below)
    nulls = {f"{name}\0null": (c == N_BINS + 1).astype(np.int16) for name, c in codes.items()}
    wanting = [name for name, marks in nulls.items() if WEAK / 2 < marks[stack.training].mean() < 1 - WEAK / 2]
    pairs = [(name, other) for name in wanting for other in _partners(name, stack.names, rng)]
    found = replace(measure_distances(codes | nulls, pairs, draws, rng), sure=2.0) if pairs else NOTHING
    for name in nulls:
        yield _lost(table, "null_relations_lost", name, found, pairs, draws[0].n)


def choose_pairs(names: tuple[str, ...], rng: np.random.Generator) -> Pairs:
    """Give all pairs of columns; where they are too many, a sample in which every column has some."""
    first, second = np.triu_indices(len(names), 1)
    chosen = np.arange(len(first))
    if len(first) > MAX_PAIRS:
        order = rng.permutation(len(names))
        is_ring = _next_to(order)[first, second]
        others = rng.permutation(chosen[~is_ring])[: max(MAX_PAIRS - int(is_ring.sum()), 0)]
        chosen = np.sort(np.concatenate([chosen[is_ring], others]))
    return [(names[i], names[j]) for i, j in zip(first[chosen], second[chosen], strict=True)]


def _next_to(order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the pairs of columns that stand side by side in a ring: ``(n_columns, n_columns)``."""
    marks = np.zeros((len(order), len(order)), dtype=bool)
    marks[order, np.roll(order, 1)] = True
    return marks | marks.T


def summary(table: str, name: str, found: Distances, n: int) -> Measure:
    """Give the mean over all pairs."""
    mean, high = mean_and_high(found.floors.mean(axis=1))
    return Measure(
        table=table,
        name=name,
        observed=float(found.observed.mean()),
        floor=float(mean),
        floor_high=float(high),
        independent=float(found.independent.mean()),
        n=n,
    )


def measure_distances(
    codes: Mapping[str, Codes],
    pairs: Pairs,
    draws: tuple[Draw, ...],
    rng: np.random.Generator,
    distance: Distance = total_variation,
) -> Distances:
    """Measure every pair on every draw; held-out rows, each column shuffled by itself, are what learned no relation."""
    observed, floors = over_draws(draws, lambda rows: _joint_shares(rows_of(codes, rows), pairs), distance)
    training = _joint_shares(rows_of(codes, draws[-1].training), pairs)
    independent = distance(_joint_shares(shuffled(codes, draws[-1].holdout, rng), pairs), training)
    return Distances(observed, floors, independent)


def _partners(mark: str, names: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    others = [name for name in names if not mark.startswith(f"{name}\0")]
    if len(others) <= MAX_PARTNERS:
        return others
    return [others[i] for i in np.sort(rng.choice(len(others), MAX_PARTNERS, replace=False))]


def _lost(table: str, name: str, column: str, found: Distances, pairs: Pairs, n: int) -> Measure:
    mine = np.asarray([i for i, pair in enumerate(pairs) if column in pair], dtype=np.int64)
    observed, floor, high = found.lost(mine)
    column = column.partition("\0")[0]
    return Measure(
        table=table, name=name, column=column, observed=observed, floor=floor, floor_high=high, independent=1.0, n=n
    )


def _worst(table: str, found: Distances, strong: NDArray[np.bool_], n: int) -> Measure:
    mean, high = mean_and_high(found.floors[:, strong].max(axis=1))
    return Measure(
        table=table,
        name="worst_association_error",
        observed=float(found.observed[strong].max()),
        floor=float(mean),
        floor_high=float(high),
        independent=float(found.independent[strong].max()),
        n=n,
    )


def _difference(strength: Callable[[Figures], Figures]) -> Distance:
    def distance(here: Figures, there: Figures) -> Figures:
        return np.abs(strength(_squared(here)) - strength(_squared(there)))

    return distance


def _squared(joint: Figures) -> Figures:
    return joint.reshape(len(joint), WIDTH, WIDTH)


def _joint_shares(codes: Mapping[str, Codes], pairs: Pairs) -> Figures:
    """Give each pair's joint distribution: ``(n_pairs, WIDTH²)``."""
    scaled = {name: column * np.int16(WIDTH) for name, column in codes.items()}
    n_rows = len(next(iter(codes.values())))
    shares = np.empty((len(pairs), WIDTH * WIDTH))
    for i, (a, b) in enumerate(pairs):
        shares[i] = np.bincount(scaled[a] + codes[b], minlength=WIDTH * WIDTH)
    return shares / n_rows
