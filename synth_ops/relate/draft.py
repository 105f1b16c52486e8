"""A synthetic table in the making: its keys, and what its relatives need to know of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.plan.plan import TablePlan
from synth_ops.relate.flat import degree_name, flat_name
from synth_ops.relate.kept import Kept
from synth_ops.relate.match import any_null
from synth_ops.relate.spec import FkSpec, TableSpec

Rows = NDArray[np.int64]
"""Numbers of rows."""
NULL_ROW, ORPHAN_ROW = -1, -2
"""In the place of a parent's row number: the key is null, or its parent does not exist."""


@dataclass
class Draft:
    """One table of the synthetic database."""

    plan: TablePlan
    schema: pa.Schema
    """The source's Arrow types."""
    n_rows: int
    spec: TableSpec | None = None
    """None for a copied table."""
    kept: Kept = field(default_factory=Kept)
    """What of it stays in memory."""
    flat: pa.Table = field(default_factory=lambda: pa.table({}))
    """What is kept of what was sampled: labels, degrees, and what children are told."""
    clusters: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    """Each row's cluster in the eyes of one kind of children, by `degree_name`."""
    main_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """The main parent's row, per row; `NULL_ROW`, `ORPHAN_ROW`."""
    columns: dict[str, pa.Array] = field(default_factory=dict)
    """Kept columns, null where nothing is filled in yet."""
    filled: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    """Names of the foreign keys whose parents are found."""
    left: NDArray[np.bool_] | None = None
    """Which of the rows that were sampled are still there; None where all are."""
    pools: dict[tuple[str, int], pa.Array] = field(default_factory=dict)
    """Values that rows of one stretch repeat, by column and stretch."""

    @property
    def name(self) -> str:
        """The table's name."""
        return self.plan.name

    @classmethod
    def copied(cls, plan: TablePlan, keys: pa.Table, schema: pa.Schema) -> "Draft":
        """Give a table that is published as it is, of which at least the columns are there that keys point at."""
        draft = cls(plan=plan, schema=schema, n_rows=keys.num_rows)
        for name in keys.column_names:
            draft.put(name, keys.column(name))
        return draft

    def put(self, column: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Fill in a whole column."""
        array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        self.columns[column] = cast(array, self.schema.field(column).type)
        self.filled[column] = np.ones(self.n_rows, dtype=bool)

    def fill(self, column: str, rows: Rows, values: pa.Array | pa.ChunkedArray) -> None:
        """Fill in some rows of a column."""
        array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        self._open(column)
        source = np.arange(self.n_rows)
        source[rows] = self.n_rows + np.arange(len(rows))
        joined = pa.concat_arrays([self.columns[column], cast(array, self.schema.field(column).type)])
        self.columns[column] = joined.take(pa.array(source))
        self.filled[column][rows] = True

    def fill_key(self, columns: Sequence[str], rows: Rows, parent: "Draft", ref: Sequence[str], at: Rows) -> None:
        """Fill in a foreign key of some rows from rows of its parent."""
        for name, ref_name in zip(columns, ref, strict=True):
            self.fill(name, rows, parent.columns[ref_name].take(pa.array(at)))

    def is_filled(self, columns: Sequence[str]) -> NDArray[np.int64]:
        """Count, per row, how many of the columns are filled in."""
        for name in columns:
            self._open(name)
        return np.asarray(np.sum([self.filled[c] for c in columns], axis=0), dtype=np.int64)

    def key(self, columns: Sequence[str], rows: Rows | None = None) -> list[pa.Array]:
        """Give the columns of a key, of some rows or all."""
        for name in columns:
            self._open(name)
        return [self.columns[c] if rows is None else self.columns[c].take(pa.array(rows)) for c in columns]

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Leave out the rows that are not marked."""
        chosen = pa.array(mask)
        self.columns = {c: v.filter(chosen) for c, v in self.columns.items()}
        self.filled = {c: v[mask] for c, v in self.filled.items()}
        self.flat = self.flat.filter(chosen) if self.flat.num_columns else self.flat
        self.clusters = {c: v[mask] for c, v in self.clusters.items()}
        self.main_rows = self.main_rows[mask] if len(self.main_rows) else self.main_rows
        self.left = np.ones(self.n_rows, dtype=bool) if self.left is None else self.left
        self.left[np.flatnonzero(self.left)] = mask
        self.n_rows = int(mask.sum())

    def is_sampled(self, column: str) -> bool:
        """Tell whether the model makes the column, or is given it."""
        return self.spec is not None and flat_name(column) in self.spec.columns

    def degree_scores(self, child: str, key: FkSpec) -> NDArray[np.float64]:
        """Give what the model says of each row's number of children; all alike where it never saw that key."""
        name = degree_name(child, key.foreign_key)
        if name not in self.flat.column_names:
            return np.zeros(self.n_rows)
        values = self.flat.column(name).cast(pa.float64(), safe=False)
        return np.nan_to_num(np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64))

    def with_key(self, columns: Sequence[str]) -> Rows:
        """Give the rows whose key holds no null, so that others can point at them."""
        return np.flatnonzero(~any_null(self.key(columns)))

    def nullable(self, column: str) -> bool:
        """Tell whether the column may hold null."""
        in_key = column in self.plan.table.primary_key
        return self.plan.table.column(column).nullable and not in_key

    @property
    def final_schema(self) -> pa.Schema:
        """Give the table's columns in the source's order, types and nullability."""
        names = self.plan.table.column_names
        return pa.schema([self.schema.field(n).with_nullable(self.nullable_field(n)) for n in names])

    def nullable_field(self, column: str) -> bool:
        """Tell whether the source declares the column nullable."""
        return self.schema.field(column).nullable and self.plan.table.column(column).nullable

    def _open(self, column: str) -> None:
        if column not in self.columns:
            self.columns[column] = pa.nulls(self.n_rows, self.schema.field(column).type)
            self.filled[column] = np.zeros(self.n_rows, dtype=bool)


Drafts = Mapping[str, Draft]
Taken = Callable[[str, str], pa.ChunkedArray | None]
"""Gives the real values of a table's column, none of which may be minted."""


@dataclass(frozen=True)
class Scene:
    """What finding parents and minting need beside the table itself."""

    drafts: Drafts
    taken: Taken
    rng: np.random.Generator


def cast(values: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Give values the type, rounded where it is narrower."""
    return values if values.type == dtype else values.cast(dtype, safe=False)
