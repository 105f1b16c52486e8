"""Real and synthetic rows of one table as one stack of numbers, so that every figure is an index into it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.measure.columns import Scale
from synth_ops.owners import Owners

MIN_ROWS = 100
"""Fewer rows of any kind make every statistic noise."""


@dataclass(frozen=True)
class Stack:
    """The compared columns of the real rows, followed by those of the synthetic rows.

    **Shape**

    - numbers[name]: ``(n_rows,)`` float64; NaN for null
    - labels[name]: ``(n_rows,)`` int64 codes; -1 for null
    """

    numbers: Mapping[str, NDArray[np.float64]]
    labels: Mapping[str, NDArray[np.int64]]
    words: Mapping[str, tuple[str, ...]]
    """What each label's code stands for. Private."""
    training: NDArray[np.int64]
    """Positions of the rows that the model saw; likewise below."""
    holdout: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    ids: NDArray[np.uint64]
    """Whose each real row is."""
    binned: dict[tuple[int, int, int], dict[str, NDArray[np.int16]]] = field(default_factory=dict, repr=False)
    """What `bin_stack` has made, by its bins."""

    @property
    def names(self) -> tuple[str, ...]:
        """The compared columns, in a stable order."""
        return (*self.numbers, *self.labels)

    def nulls(self) -> dict[str, NDArray[np.int16]]:
        """Mark the nulls of each column: ``(n_rows,)``, 1 for null."""
        nulls = {name: np.isnan(values).astype(np.int16) for name, values in self.numbers.items()}
        return nulls | {name: (codes < 0).astype(np.int16) for name, codes in self.labels.items()}

    @property
    def n_rows(self) -> int:
        """Rows in the whole stack."""
        return len(self.training) + len(self.holdout) + len(self.synthetic)

    @property
    def n_least(self) -> int:
        """Rows of the kind of which there are fewest: training, held out or synthetic."""
        return min(len(self.training), len(self.holdout), len(self.synthetic))

    def pooled(self, column: str, kept: Collection[str]) -> "Stack":
        """Give the same stack with all labels of a column that are not kept counting as one."""
        others = np.flatnonzero([word not in kept for word in self.words[column]])
        if not len(others):
            return self
        codes = self.labels[column]
        labels = dict(self.labels) | {column: np.where(np.isin(codes, others), others[0], codes)}
        return replace(self, labels=labels, binned={})

    @cached_property
    def n_entities(self) -> int:
        """How many the real rows belong to."""
        return len(np.unique(self.ids))

    @cached_property
    def owners(self) -> Owners:
        """Whose the training rows are."""
        return Owners.of(self.ids[self.training])


def stack_rows(
    real: pa.Table,
    synthetic: pa.Table,
    scales: Mapping[str, Scale],
    held_out: NDArray[np.bool_],
    ids: NDArray[np.uint64] | None = None,
) -> Stack:
    """Lay the compared columns of both tables over each other; without `ids`, each real row is its own."""
    columns = {name: _joined(real.column(name), synthetic.column(name)) for name in scales}
    numbers = {name: _numbers(columns[name]) for name, scale in scales.items() if scale == "number"}
    coded = {name: _labels(columns[name]) for name, scale in scales.items() if scale == "label"}
    return Stack(
        numbers=numbers,
        labels={name: codes for name, (codes, _) in coded.items()},
        words={name: words for name, (_, words) in coded.items()},
        training=np.flatnonzero(~held_out),
        holdout=np.flatnonzero(held_out),
        synthetic=np.arange(synthetic.num_rows) + real.num_rows,
        ids=np.arange(real.num_rows, dtype=np.uint64) if ids is None else ids,
    )


def _joined(real: "pa.ChunkedArray[Any]", synthetic: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    if synthetic.type != real.type:
        synthetic = synthetic.cast(real.type)
    return pa.chunked_array([*real.chunks, *synthetic.chunks], type=real.type)


def _numbers(column: "pa.ChunkedArray[Any]") -> NDArray[np.float64]:
    """Give any ordered type as float64; times as their distance from their epoch."""
    dtype = column.type
    if pa.types.is_temporal(dtype):
        narrow = pa.types.is_date32(dtype) or pa.types.is_time32(dtype)
        column = column.cast(pa.int32() if narrow else pa.int64())
    column = column.cast(pa.float64(), safe=False)
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _labels(column: "pa.ChunkedArray[Any]") -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Give the position of each value in the sorted dictionary of both tables."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_written(column.type):
        column = column.cast(pa.string())
    coded: Any = pa.concat_arrays(column.dictionary_encode().unify_dictionaries().chunks)
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return np.asarray(codes, dtype=np.int64), label_words(coded.dictionary)


def label_words(values: pa.Array) -> tuple[str, ...]:
    """Give distinct values as a label's code stands for them."""
    written = values.cast(pa.string()) if _is_written(values.type) else values
    return tuple(str(v) for v in written.to_pylist())


def _is_written(dtype: pa.DataType) -> bool:
    """Tell values that are compared by their text."""
    return bool(pa.types.is_floating(dtype) or pa.types.is_temporal(dtype))
