"""Whether foreign keys resolve, and whether parents have as many children as in production."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.measure.copies import Hashes, mix
from synth_ops.measure.draws import mean_and_high
from synth_ops.measure.records import Measure
from synth_ops.schema import ForeignKey

N_DRAWS = 20

ReadColumns = Callable[[str, tuple[str, ...] | None], pa.Table]
"""Reads some columns of one side's table, or all."""


@dataclass(frozen=True)
class Sides:
    """Where the real and the synthetic rows are read."""

    real: ReadColumns
    synthetic: ReadColumns
    apart: ReadColumns | None = None
    """Reads the real rows and after them the held-out ones, where these lie apart."""

    @property
    def whole(self) -> ReadColumns:
        """Reads all real rows, held-out ones too."""
        return self.apart or self.real


@dataclass(frozen=True)
class Link:
    """One foreign key on one side, real or synthetic."""

    rows: NDArray[np.int64]
    """Child rows with no null in the key."""
    position: NDArray[np.int64]
    """For each of them: the row of its parent, or -1 for an orphan."""
    n_children: int
    n_parents: int

    @property
    def orphans(self) -> float:
        """Share of references that point nowhere."""
        return float((self.position < 0).mean()) if len(self.position) else 0.0

    @property
    def nulls(self) -> float:
        """Share of child rows that refer to nothing."""
        return 1 - len(self.position) / self.n_children if self.n_children else 0.0

    @property
    def children(self) -> NDArray[np.int64]:
        """Children of each parent: ``(n_parents,)``."""
        return np.bincount(self.position[self.position >= 0], minlength=self.n_parents)


def measure_foreign_key(table: str, key: ForeignKey, sides: Sides) -> Iterator[Measure]:
    """Give the orphans, the nulls, and the children per parent of one foreign key."""
    rng = np.random.default_rng(0)
    there, here = link(table, key, sides.real), link(table, key, sides.synthetic)
    yield _named(table, key, "orphans", here.orphans, floor=there.orphans, n=here.n_children)
    yield _share_error(table, key, "orphan_share", here.orphans, there.orphans, there.n_children)
    yield _share_error(table, key, "reference_nulls", here.nulls, there.nulls, there.n_children)
    yield _children(table, key, there, here, rng)


def link(table: str, key: ForeignKey, read: ReadColumns) -> Link:
    """Find the parent of each child."""
    child, parent = read(table, key.columns), read(key.ref_table, key.ref_columns)
    types = [parent.schema.field(name).type for name in key.ref_columns]
    child_keys, child_null = hash_keys(child, key.columns, types)
    parent_keys, parent_null = hash_keys(parent, key.ref_columns, types)
    rows = np.flatnonzero(~parent_null)
    order = rows[np.argsort(parent_keys[rows], kind="stable")]
    referring = np.flatnonzero(~child_null)
    wanted = child_keys[referring]
    if not len(order):
        return Link(referring, np.full(len(wanted), -1), child.num_rows, parent.num_rows)
    near = np.minimum(np.searchsorted(parent_keys[order], wanted), len(order) - 1)
    position = np.where(parent_keys[order[near]] == wanted, order[near], -1)
    return Link(referring, position, child.num_rows, parent.num_rows)


def hash_keys(rows: pa.Table, columns: tuple[str, ...], types: list[pa.DataType]) -> tuple[Hashes, NDArray[np.bool_]]:
    """Give one hash for each row over some columns, read as these types, and which rows hold a null there."""
    mixed = np.zeros(rows.num_rows, dtype=np.uint64)
    null = np.zeros(rows.num_rows, dtype=bool)
    for name, dtype in zip(columns, types, strict=True):
        column = rows.column(name)
        null |= column.is_null().to_numpy()
        mixed = mix(mixed, _hash_text(_as(column, dtype)))
    return mixed, null


def distance_of_counts(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Give the Kolmogorov-Smirnov distance of two samples of small counts."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    width = int(max(a.max(), b.max())) + 1
    shares = [np.cumsum(np.bincount(side, minlength=width)) / len(side) for side in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def _children(table: str, key: ForeignKey, there: Link, here: Link, rng: np.random.Generator) -> Measure:
    """Compare children per parent; the floor is one half of the real parents against the other."""
    counts = there.children
    halves = [np.array_split(rng.permutation(counts), 2) for _ in range(N_DRAWS)]
    mean, high = mean_and_high(np.asarray([distance_of_counts(a, b) for a, b in halves]))
    observed = distance_of_counts(counts, here.children)
    measure = _named(table, key, "children_per_parent", observed, floor=float(mean), n=here.n_parents)
    return measure.model_copy(update={"floor_high": float(high)})


def _share_error(table: str, key: ForeignKey, name: str, here: float, there: float, n: int) -> Measure:
    """Give the difference of two shares; its floor is what chance does to a share seen in n rows."""
    error = sqrt(there * (1 - there) / n) if n else 0.0
    measure = _named(table, key, name, abs(here - there), floor=0.8 * error, n=n)
    return measure.model_copy(update={"floor_high": 1.96 * error})


def _named(table: str, key: ForeignKey, name: str, observed: float, *, floor: float, n: int) -> Measure:
    return Measure(table=table, name=name, foreign_key=key.name, observed=observed, floor=floor, n=n)


def _as(column: "pa.ChunkedArray[Any]", dtype: pa.DataType) -> "pa.ChunkedArray[Any]":
    """Read a child's column as its parent's type, so that 7 and 7.0 are one key; as it is where that cannot be."""
    try:
        return column.cast(dtype)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return column


def _hash_text(column: Any) -> Hashes:  # noqa: ANN401 — any Arrow column
    raw = pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type)
    text = column.cast(pa.binary()).fill_null(b"") if raw else column.cast(pa.string()).fill_null("")
    coded = text.dictionary_encode().unify_dictionaries()
    words = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
    hashes = pd.util.hash_array(np.asarray(words, dtype=object), categorize=False)
    codes = np.concatenate([c.indices.to_numpy() for c in coded.chunks]) if coded.num_chunks else np.empty(0, np.int32)
    return np.asarray(hashes[codes], dtype=np.uint64)
