"""A table's codec made of noisy counts alone, for training under a privacy budget.

What a codec keeps elsewhere because enough rows hold it is kept here because a noisy count says so: edges of ordered
columns come from `noisy_axis.py`, categories from partition selection, and how often each code occurs comes with them.
What cannot be counted is not kept: no pattern of texts, and no more categories than one sub-column holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from synth_ops.encode.boolean import BooleanCodec
from synth_ops.encode.categorical import FLAT, CategoricalCodec, is_text, write_names
from synth_ops.encode.codec import Codec
from synth_ops.encode.datetime import DatetimeCodec, split_ticks, ticks_per_day
from synth_ops.encode.empty import EmptyCodec, OpaqueCodec
from synth_ops.encode.hierarchy import Hierarchy
from synth_ops.encode.noisy_axis import axis_of, count_grain, fit_noisy_scale, time_axis
from synth_ops.encode.numbers import read_numbers
from synth_ops.encode.numeric import NumericCodec
from synth_ops.encode.scale import Lattice
from synth_ops.encode.table import Resolved, TableCodec, bare, flat, is_interval, natural_kind
from synth_ops.encode.text import TextCodec
from synth_ops.encode.time import TimeCodec
from synth_ops.mint.pattern import Pattern
from synth_ops.plan.plan import Kind
from synth_ops.privacy.budget import ROUNDS
from synth_ops.privacy.counting import Counts, NoisyCounter


@dataclass(frozen=True)
class NoisyRules:
    """How names and edges are kept."""

    counter: NoisyCounter
    failure: float
    """Probability, of one column, that a name is kept which one row alone holds."""
    rare_below: int
    """Noisy rows that must hold a category, beside what `failure` asks for."""


class NoisyCodec(NamedTuple):
    """A codec, and how often each code of each sub-column occurs, by noisy counts."""

    codec: TableCodec
    counts: Counts
    """``(n_codes,)``, sub-column after sub-column; at least 0."""


class _Fitted(NamedTuple):
    """One column's codec and counts."""

    kind: Resolved
    codec: Codec
    counts: tuple[Counts, ...]
    """Of each sub-column."""


def fit_noisy_codec(table: pa.Table, kinds: Mapping[str, Kind], rules: NoisyRules) -> NoisyCodec:
    """Fit one codec to each column; what they keep depends on rows through noisy counts only."""
    fitted = {}
    for field in table.schema:
        values = flat(table.column(field.name))
        fitted[field.name] = _FITS[_kind(kinds[field.name], values.type)](values, rules, field.nullable)
    codec = TableCodec(
        schema=bare(table.schema),
        codecs={name: f.codec for name, f in fitted.items()},
        kinds={name: f.kind for name, f in fitted.items()},
    )
    pieces = [counts.clip(0) for f in fitted.values() for counts in f.counts]
    return NoisyCodec(codec, np.concatenate([*pieces, np.zeros(0, np.int64)]))


def _kind(kind: Kind, dtype: pa.DataType) -> Resolved:
    """Give the kind that the plan and the type say, whatever rows say."""
    natural = natural_kind(dtype)
    if natural == "empty" or pa.types.is_nested(dtype) or is_interval(dtype):
        return natural if natural == "empty" else "opaque"
    if kind == "text" or (kind == "categorical" and natural != "boolean"):
        return kind
    return "categorical" if natural == "text" else natural


def _count_nulls(values: pa.Array, rules: NoisyRules, *, nullable: bool) -> Counts:
    """Give the rows without and with a value."""
    counts = rules.counter.count(np.asarray(values.is_valid().to_numpy(zero_copy_only=False), np.int64), 2)
    return counts if nullable else np.array([0, counts[1]])


def _empty(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: ARG001, FBT001 — one signature for all
    return _Fitted("empty", EmptyCodec(), (np.ones(1, np.int64),))


def _opaque(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    return _Fitted("opaque", OpaqueCodec(), (_count_nulls(values, rules, nullable=nullable),))


def _text(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    return _Fitted("text", _shapeless(), (_count_nulls(values, rules, nullable=nullable),))


def _shapeless() -> TextCodec:
    """Give the codec of texts of whose shape nothing is known."""
    return TextCodec(pattern=Pattern.fit(pa.array([], pa.string()), rare_below=1))


def _boolean(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    cells = values.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    counts = rules.counter.count(cells, 3)
    mostly = bool(counts[2] > counts[1])
    return _Fitted("boolean", BooleanCodec(mostly=mostly), (_with_nulls(counts[0], counts[1:], nullable=nullable),))


def _categorical(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    """Keep the names whose noisy count no lone row reaches; the others are pooled, and come back as kept ones."""
    coded = values.dictionary_encode()
    names, n = coded.dictionary, len(coded.dictionary)
    cells = coded.indices.fill_null(n).to_numpy(zero_copy_only=False).astype(np.int64)
    counted, n_null = np.split(rules.counter.count(cells, n + 1), [n])
    reaches = np.flatnonzero(counted >= max(rules.counter.threshold(rules.failure), rules.rare_below))
    if not len(reaches):
        return _unnamed(values.type, counted, int(n_null[0]), nullable=nullable)
    order = np.lexsort((np.array(write_names(names.take(pa.array(reaches)))), -counted[reaches]))[: FLAT - 2]
    kept = reaches[order]
    mass = counted[kept]
    codec = CategoricalCodec(
        names=tuple(write_names(names.take(pa.array(kept)))),
        shares=tuple(np.round(mass / mass.sum(), 6).tolist()),
        hierarchy=Hierarchy(n_special=2, n_ordinary=len(kept)),
    )
    pooled = max(0, int(counted.sum() - mass.sum()))
    return _Fitted("categorical", codec, (_with_nulls(n_null[0], np.append(pooled, mass), nullable=nullable),))


def _unnamed(dtype: pa.DataType, counted: Counts, n_null: int, *, nullable: bool) -> _Fitted:
    """Give what becomes of a column of which no name is kept: made-up texts, or a neutral value."""
    counts = (_with_nulls(n_null, np.array([max(1, int(counted.sum()))]), nullable=nullable),)
    return _Fitted("text", _shapeless(), counts) if is_text(dtype) else _Fitted("opaque", OpaqueCodec(), counts)


def _numeric(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    """A NaN is null, and an infinity the farthest number."""
    numbers, n_rows = read_numbers(values.drop_null()), len(values)
    if numbers.dtype.kind == "f":
        numbers = np.nan_to_num(numbers[~np.isnan(numbers)])
    axis = axis_of(values.type)
    lattice = count_grain(numbers, n_rows, axis, rules.counter)
    scale, counts, n_null = fit_noisy_scale(
        numbers, n_rows - len(numbers), axis, lattice, rules.counter, n_special=1, rounds=ROUNDS
    )
    return _Fitted("numeric", NumericCodec(specials=(), scale=scale), (_with_nulls(n_null, counts, nullable=nullable),))


def _time(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    ticks, n_rows = read_numbers(values.drop_null()), len(values)
    axis = time_axis(ticks_per_day(values.type))
    lattice = count_grain(ticks, n_rows, axis, rules.counter)
    scale, counts, n_null = fit_noisy_scale(
        ticks, n_rows - len(ticks), axis, lattice, rules.counter, n_special=1, rounds=ROUNDS
    )
    return _Fitted("time", TimeCodec(scale=scale), (_with_nulls(n_null, counts, nullable=nullable),))


def _datetime(values: pa.Array, rules: NoisyRules, nullable: bool) -> _Fitted:  # noqa: FBT001 — likewise
    per_day, counter, n_rows = ticks_per_day(values.type), rules.counter, len(values)
    days, times = split_ticks(read_numbers(values.drop_null()), per_day)
    n_empty = n_rows - len(days)
    whole = axis_of(pa.int64())
    day = fit_noisy_scale(days, n_empty, whole, Lattice(), counter, n_special=1, rounds=ROUNDS)
    day_counts = _with_nulls(day.n_null, day.counts, nullable=nullable)
    if per_day == 1:
        return _Fitted("datetime", DatetimeCodec(day=day.scale), (day_counts,))
    axis = time_axis(per_day)
    lattice = count_grain(times, n_rows, axis, counter)
    if lattice.step == axis.units[-1]:
        return _Fitted("datetime", DatetimeCodec(day=day.scale), (day_counts,))
    time = fit_noisy_scale(times, n_empty, axis, lattice, counter, n_special=0, rounds=ROUNDS)
    time_counts = time.counts.copy()
    time_counts[0] += day_counts[0]  # the time of what is null is code 0
    return _Fitted("datetime", DatetimeCodec(day=day.scale, time=time.scale), (day_counts, time_counts))


def _with_nulls(n_null: int, counts: Counts, *, nullable: bool) -> Counts:
    """Put the rows without a value before the others; none where the schema allows none."""
    return np.append(max(0, int(n_null)) if nullable else 0, counts)


_FITS: Mapping[Resolved, Callable[[pa.Array, NoisyRules, bool], _Fitted]] = {
    "boolean": _boolean,
    "categorical": _categorical,
    "datetime": _datetime,
    "empty": _empty,
    "numeric": _numeric,
    "opaque": _opaque,
    "text": _text,
    "time": _time,
}
