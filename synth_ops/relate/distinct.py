"""Keep composite keys distinct: exchange parts among rows, draw anew where that fails."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.relate.draft import Draft
from synth_ops.relate.match import any_null, group_ranks, tuple_codes

N_SWAPS = 60
N_REDRAWS = 60
MAX_EXHAUSTIVE = 2_000
"""Rows for which all possible values are tried one by one."""


@dataclass(frozen=True)
class Unit:
    """Columns of a row that move together: a foreign key, or a column of its own."""

    columns: tuple[str, ...]


def make_distinct(draft: Draft, key: tuple[str, ...], rng: np.random.Generator) -> None:
    """Change as few rows as possible until the key's tuples are distinct; rows for which nothing is free go."""
    for unit in _units(draft, key):
        if not _repeats(draft, key).any():
            return
        _move(draft, key, unit, rng)
    repeats = _repeats(draft, key)
    if repeats.any():
        draft.keep(~repeats)


def _repeats(draft: Draft, key: tuple[str, ...]) -> NDArray[np.bool_]:
    columns = draft.key(key)
    return np.asarray((group_ranks(tuple_codes(columns)[0]) > 0) & ~any_null(columns))


def _units(draft: Draft, key: tuple[str, ...]) -> list[Unit]:
    """Give the parts that may move: keys that share no column with another, then columns of no key."""
    spec = draft.spec
    keys = [k.foreign_key.columns for k in spec.foreign_keys] if spec else []
    main = spec.main.foreign_key.columns if spec and spec.main else ()
    lattice = {spec.key.lattice.column} if spec and spec.key.lattice else set()
    alone = [k for k in keys if set(k) & set(key) and not any(set(k) & set(o) for o in keys if o is not k)]
    free = [(c,) for c in key if c not in lattice and not any(c in k for k in keys)]
    return [Unit(k) for k in (*alone, *free) if k != main]


def _move(draft: Draft, key: tuple[str, ...], unit: Unit, rng: np.random.Generator) -> None:
    """Find, per row, the row whose unit it shall have, and put it there."""
    moving = [c for c in key if c in unit.columns]
    units = tuple_codes(draft.key(moving))[0]
    rest = [c for c in key if c not in unit.columns]
    rests = tuple_codes(draft.key(rest))[0] if rest else np.zeros(draft.n_rows, dtype=np.int64)
    nulls = (units < 0) | (rests < 0)
    source = _sources(np.where(nulls, -1, rests), units, rng)
    moved = np.flatnonzero(source != np.arange(draft.n_rows))
    values = {c: draft.columns[c].take(pa.array(source[moved])) for c in unit.columns}
    for name, array in values.items():
        draft.fill(name, moved, array)


def _sources(rests: NDArray[np.int64], units: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Give, per row, the row to take the unit from, so that (rest, unit) repeats as little as can be.

    **Shape**

    - rests: ``(n_rows,)``; -1 where the key has a null and may repeat
    """
    source = np.arange(len(units))
    known = rests >= 0
    width = int(units.max(initial=0)) + 1
    for attempt in range(N_SWAPS + N_REDRAWS):
        codes = _codes(rests, units[source], width)
        repeats = np.flatnonzero((group_ranks(codes) > 0) & known)
        if len(repeats) == 0:
            break
        swap = attempt < N_SWAPS
        partners = rng.choice(np.flatnonzero(known), len(repeats))
        _propose(source, (repeats, partners), codes, _Space(rests, units, width), swap=swap)
    else:
        _exhaust(source, rests, units, width)
    return source


@dataclass(frozen=True)
class _Space:
    rests: NDArray[np.int64]
    units: NDArray[np.int64]
    width: int


def _codes(rests: NDArray[np.int64], units: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Number the pairs; each pair with a null is a number of its own."""
    codes = rests * width + units
    unknown = np.flatnonzero(rests < 0)
    codes[unknown] = -2 - unknown
    return np.asarray(codes)


def _propose(
    source: NDArray[np.int64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    codes: NDArray[np.int64],
    space: _Space,
    *,
    swap: bool,
) -> None:
    """Give each repeated row its partner's unit, and where they swap the partner the row's, if nothing then repeats."""
    rows, partners = pairs
    first = np.unique(partners, return_index=True)[1]
    first = first[~np.isin(partners[first], rows)] if swap else np.arange(len(rows))
    rows, partners = rows[first], partners[first]
    mine = _codes(space.rests[rows], space.units[source[partners]], space.width)
    theirs = _codes(space.rests[partners], space.units[source[rows]], space.width)
    both = np.concatenate([mine, theirs]) if swap else mine
    fresh = ~np.isin(both, codes) & (group_ranks(both) == 0)
    good = fresh[: len(rows)] & (fresh[len(rows) :] if swap else True)
    rows, partners = rows[good], partners[good]
    if swap:
        source[rows], source[partners] = source[partners].copy(), source[rows].copy()
    else:
        source[rows] = source[partners]


def _exhaust(source: NDArray[np.int64], rests: NDArray[np.int64], units: NDArray[np.int64], width: int) -> None:
    """Try every unit for the few rows that still repeat."""
    codes = _codes(rests, units[source], width)
    used = set(codes.tolist())
    holders = np.unique(units, return_index=True)[1]
    holders = holders[units[holders] >= 0]
    for row in np.flatnonzero((group_ranks(codes) > 0) & (rests >= 0))[:MAX_EXHAUSTIVE]:
        candidates = rests[row] * width + units[holders]
        free = next((i for i, c in enumerate(candidates.tolist()) if c not in used), None)
        if free is not None:
            source[row] = holders[free]
            used.add(int(candidates[free]))
