"""Dates and instants: the day by its leaves, then the time in the day by its own.

An instant with a zone is split in UTC, in which it is stored.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode.codec import NULL, Codec, Codes, spread, valid_rows
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.numbers import Numbers, read_numbers, write_numbers
from synth_ops.encode.numeric import masked
from synth_ops.encode.rules import FitRules
from synth_ops.encode.scale import Scale
from synth_ops.owners import Owners

_SECONDS = 86_400
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class DatetimeCodec(Codec):
    """Codes of the day: null, then leaves in order; codes of the time: leaves in order."""

    day: Scale
    time: Scale | None = None
    """None where every value is at midnight."""

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "DatetimeCodec":
        """Cut the days in leaves, and the day too unless all is at midnight."""
        days, times = split_ticks(read_numbers(values.drop_null()), ticks_per_day(values.type))
        held = owners.where(valid_rows(values))
        was = (before.day, before.time) if isinstance(before, DatetimeCodec) else (None, None)
        day = Scale.fit(days, rules, held, n_special=1, before=was[0])
        if not times.any() or held.n < rules.rare_below:
            return cls(day=day)
        return cls(day=day, time=Scale.fit(times, rules, held, n_special=0, before=was[1]))

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``day``, then ``time``."""
        day = self.day.sub_column(column, "day")
        return (day,) if self.time is None else (day, self.time.sub_column(column, "time"))

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes."""
        valid = valid_rows(values)
        days, times = split_ticks(read_numbers(values.drop_null()), ticks_per_day(values.type))
        codes = [spread(self.day.encode(days), valid)]
        if self.time is not None:
            codes.append(spread(self.time.encode(times), valid))
        return np.stack(codes, axis=1).astype(np.int32)

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Give values of the field's unit and zone."""
        flat = codes[:, 0].astype(np.int64)
        is_null = (flat == NULL) & field.nullable
        days = self.day.decode(np.where(flat == NULL, self.day.heaviest, flat), rng)
        times = np.zeros(len(days), np.int64)
        if self.time is not None:
            times = self.time.decode(codes[:, 1], rng)
        ticks = _join(days, times, ticks_per_day(field.type))
        return masked(write_numbers(ticks, field.type), is_null)


def ticks_per_day(dtype: pa.DataType) -> int:
    """Give the number of the type's units in a day."""
    if pa.types.is_date32(dtype):
        return 1
    return _SECONDS * (_TICKS["ms"] if pa.types.is_date64(dtype) else _TICKS[dtype.unit])


def split_ticks(ticks: Numbers, per_day: int) -> tuple[Numbers, Numbers]:
    """Give the day of each instant, and the ticks since its midnight."""
    days = ticks // per_day
    return days, ticks - days * per_day


def _join(days: Numbers, times: Numbers, per_day: int) -> NDArray[np.int64]:
    """Add them up; what 64 bits do not hold, on the first and last day that they do, goes to the end."""
    ticks = days * per_day + times
    about = days.astype(np.float64) * per_day + times
    limits = np.iinfo(np.int64)
    ticks = np.where((about > 2.0**62) & (ticks < 0), limits.max, ticks)
    return np.where((about < -(2.0**62)) & (ticks > 0), limits.min + 1, ticks)
