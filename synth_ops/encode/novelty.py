"""How many of a column's values a codec has no code for: unseen categories, and what lies beyond the known range.

What was pooled when the codec was fitted has no code either; the share on the rows of that time is what to compare
with.
"""

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.encode.categorical import CategoricalCodec, write_names
from synth_ops.encode.codec import Codec
from synth_ops.encode.datetime import DatetimeCodec, split_ticks, ticks_per_day
from synth_ops.encode.numbers import read_numbers
from synth_ops.encode.numeric import NumericCodec
from synth_ops.encode.table import TableCodec
from synth_ops.encode.time import TimeCodec


def novelty(codec: TableCodec, table: pa.Table) -> Mapping[str, float]:
    """Give the share of each column's rows whose value has no code; nulls have one.

    Raises:
        PlanError: the table lacks a column, or one has another type than was fitted.
    """
    n_rows = max(1, table.num_rows)
    return {name: n_unknown(codec.codecs[name], codec.values(table, name)) / n_rows for name in codec.columns}


@singledispatch
def n_unknown(codec: Codec, values: pa.Array) -> int:  # noqa: ARG001 — of a kind that has a code for all
    """Count the values that a column's codec has no code for."""
    return 0


@n_unknown.register
def _categorical(codec: CategoricalCodec, values: pa.Array) -> int:
    counted = pc.value_counts(values.drop_null())
    known = set(codec.names)
    is_unknown = np.array([name not in known for name in write_names(counted.field(0))], np.bool_)
    return int(counted.field(1).to_numpy(zero_copy_only=False)[is_unknown].sum())


@n_unknown.register
def _numeric(codec: NumericCodec, values: pa.Array) -> int:
    numbers = read_numbers(values.drop_null())
    if numbers.dtype.kind != "f":
        return int(codec.scale.is_outside(numbers).sum())
    is_finite = np.isfinite(numbers)
    return int(codec.scale.is_outside(numbers[is_finite]).sum())


@n_unknown.register
def _time(codec: TimeCodec, values: pa.Array) -> int:
    return int(codec.scale.is_outside(read_numbers(values.drop_null())).sum())


@n_unknown.register
def _datetime(codec: DatetimeCodec, values: pa.Array) -> int:
    days, times = split_ticks(read_numbers(values.drop_null()), ticks_per_day(values.type))
    is_unknown = codec.day.is_outside(days)
    if codec.time is not None:
        is_unknown |= codec.time.is_outside(times)
    return int(is_unknown.sum())
