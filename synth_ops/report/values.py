"""Columns as a chart needs them: positions on a line where there is one, else words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.owners import Owners

DAY = 86_400.0
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 — a position on an axis, not an instant
Label = Callable[[float, float], str]


@dataclass(frozen=True)
class Values:
    """One column of one table."""

    words: "pa.Array[Any]"
    """The column as it is, without nulls; its repr is never shown."""
    filled: npt.NDArray[np.bool_]
    """Whether each row has a value."""
    line: npt.NDArray[np.float64] | None
    """A position for every row, NaN where null; None where the values have no order to draw."""
    label: Label
    """Turns a position and the distance between bins into words."""
    is_time: bool = False
    owners: Owners | None = None
    """Whose each row is; None where each is its own."""

    @property
    def n(self) -> int:
        return len(self.filled)

    @property
    def n_null(self) -> int:
        return self.n - len(self.words)

    @cached_property
    def present(self) -> npt.NDArray[np.float64]:
        """Positions of the rows that are not null."""
        return np.empty(0) if self.line is None else self.line[~np.isnan(self.line)]

    @property
    def present_owners(self) -> Owners:
        """Whose the rows are that `present` has."""
        if self.line is None:
            return Owners.each(0)
        return self._owners_of(~np.isnan(self.line))

    @property
    def word_owners(self) -> Owners:
        """Whose the rows are that `words` has."""
        return self._owners_of(self.filled)

    def _owners_of(self, rows: npt.NDArray[np.bool_]) -> Owners:
        return Owners.each(int(rows.sum())) if self.owners is None else self.owners.where(rows)

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """The place of each of `words` in `counts`."""
        return self._counted[1]

    @property
    def counts(self) -> list[tuple[Any, int]]:
        """Each value with its number of rows, most frequent first."""
        return self._counted[0]

    @cached_property
    def _counted(self) -> tuple[list[tuple[Any, int]], npt.NDArray[np.int64]]:
        coded = self.words.dictionary_encode()
        codes = np.asarray(coded.indices, dtype=np.int64)
        numbers = np.bincount(codes, minlength=len(coded.dictionary)).tolist()
        pairs = list(zip(coded.dictionary.to_pylist(), numbers, strict=True))
        order = sorted(range(len(pairs)), key=lambda i: (-pairs[i][1], str(pairs[i][0])))
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return [pairs[i] for i in order], places[codes]

    @cached_property
    def n_distinct(self) -> int:
        try:
            return int(pc.count_distinct(self.words).as_py())
        except pa.ArrowNotImplementedError:
            return 0

    @property
    def distinct_share(self) -> float:
        return self.n_distinct / max(len(self.words), 1)

    @property
    def are_words(self) -> bool:
        """Whether the values can be counted and named."""
        kind = self.words.type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind))


def values_of(column: "pa.ChunkedArray[Any]", owners: Owners | None = None) -> Values:
    """Give a column's values, whatever its type, and whose they are."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    array: pa.Array[Any] = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    line, label, is_time = _line(array)
    filled = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    return Values(array.drop_null(), filled, line, label, is_time, owners)


def _line(array: "pa.Array[Any]") -> tuple[npt.NDArray[np.float64] | None, Label, bool]:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _floats(array.cast(pa.int64())) / _PER_SECOND[kind.unit], moment_label, True
    if pa.types.is_date(kind):
        return _floats(array.cast(pa.date32()).cast(pa.int32())) * DAY, moment_label, True
    if pa.types.is_time(kind):
        whole = array.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        return _floats(whole) / _PER_SECOND[kind.unit], clock_label, True
    if pa.types.is_duration(kind):
        return _floats(array.cast(pa.int64())) / _PER_SECOND[kind.unit], number_label, False
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _floats(array), number_label, False
    return None, number_label, False


def _floats(array: "pa.Array[Any]") -> npt.NDArray[np.float64]:
    floats = array.cast(pa.float64(), safe=False)
    return np.asarray(floats.fill_null(float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64)


def number_label(value: float, _step: float = 0.0) -> str:
    """Give a number in few characters.

    >>> [number_label(v) for v in (0, -12.5, 2013, 45000, 1.2e6, 3e9)]
    ['0', '-12.5', '2013', '45k', '1.2M', '3G']
    """
    for least, size, suffix in ((1e15, 1.0, ""), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}"


def moment_label(seconds: float, step: float) -> str:
    """Give a date or a time, as exact as the distance between bins asks for.

    >>> moment_label(0.0, 30 * DAY), moment_label(0.0, DAY), moment_label(3600.0, 60.0)
    ('1970-01', '1970-01-01', '01-01 01:00')
    """
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return "beyond the calendar"
    if step >= 366 * DAY:
        return f"{moment:%Y}"
    if step >= 28 * DAY:
        return f"{moment:%Y-%m}"
    return f"{moment:%Y-%m-%d}" if step >= DAY else f"{moment:%m-%d %H:%M}"


def clock_label(seconds: float, _step: float = 0.0) -> str:
    """Give a time of day.

    >>> clock_label(3660.0)
    '01:01'
    """
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}"
