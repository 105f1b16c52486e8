"""Columns that are made and not learned: keys, fakes, patterns, nulls and placeholders."""

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.errors import PlanError
from synth_ops.mint.fake import fake, uuid_bytes, uuid_texts
from synth_ops.mint.pattern import Pattern
from synth_ops.mint.providers import check_provider
from synth_ops.mint.unique import Taken, as_array, draw_distinct_texts, draw_texts, enumerated_texts, without
from synth_ops.plan.plan import ColumnPlan
from synth_ops.records import Record
from synth_ops.schema import Column

MintKind = Literal["integer", "uuid", "pattern", "fake", "step", "boolean", "null", "placeholder"]

_LENGTH = re.compile(r"char(?:acter)?(?: varying)?\d*\s*\(\s*(\d+)\s*\)", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_WIDTH = 16
_JSON_TYPES = ("json", "jsonb")
_DAY_SECONDS = 86_400
_DAY_MS = 1000 * _DAY_SECONDS
_NARROW = 32
"""Bits of the smaller types of dates and times."""
_EXACT_FLOAT = 2**53
_BOOLEANS = 2
_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Minter(Record):
    """How one column is made, and nothing of what it held."""

    column: str
    kind: MintKind
    offset: int = 1
    """First integer, or first tick of a stepped date, time or number."""
    provider: str | None = None
    pattern: Pattern | None = None
    max_length: int | None = None
    """Characters that the source's type has room for."""
    null_share: float = 0.0
    """Share of nulls, in thousandths."""
    distinct_share: float = 1.0
    """Different values per row, in hundredths, for a column that need not be unique."""
    placeholder: str = ""
    """What stands in text columns that cannot be made otherwise: ``{}`` for JSON."""


def fit_minter(
    column: ColumnPlan,
    schema: Column,
    values: pa.ChunkedArray,
    *,
    rare_below: int,
    offset: int,
    told: pa.ChunkedArray | None = None,
) -> Minter:
    """Look at a column once, and keep only what its making needs.

    `told` is one of the values of each entity, for what `rare_below` of these share is no single entity's; without it,
    each value is an entity's own.

    Raises:
        PlanError: the plan names no fake that there is.
    """
    kind = _kind_of(column, schema, values)
    told = values if told is None else told
    return Minter(
        column=column.name,
        kind=kind,
        offset=_first_tick(told, rare_below) if kind == "step" else offset,
        provider=check_provider(column.provider or "", column=column.name) if kind == "fake" else None,
        pattern=Pattern.fit(told, rare_below=rare_below) if kind == "pattern" else None,
        max_length=_max_length(schema.source_type),
        null_share=_null_share(values, schema, rare_below),
        distinct_share=_distinct_share(values) if kind in _REPEATING else 1.0,
        placeholder="{}" if schema.source_type.lower() in _JSON_TYPES else "",
    )


def mint(minter: Minter, n: int, *, arrow_type: pa.DataType, seed: int, unique: bool, taken: Taken = None) -> pa.Array:
    """Make that many values, none of them taken: all different and none null when `unique`.

    Raises:
        PlanError: the column's type has no room for so many different values.
    """
    rng = np.random.default_rng(seed)
    made = _MAKERS[minter.kind](_Order(minter, n, arrow_type, rng, taken, unique=unique))
    if unique or not minter.null_share or minter.kind == "null":
        return made
    return _with_nulls(made, rng.random(n) < minter.null_share)


class _Order:
    """One call of `mint`, passed along."""

    def __init__(
        self, minter: Minter, n: int, dtype: pa.DataType, rng: np.random.Generator, taken: Taken, *, unique: bool
    ) -> None:  # fmt: skip
        self.minter, self.n, self.dtype, self.rng, self.unique, self.taken = minter, n, dtype, rng, unique, taken

    @property
    def storage(self) -> pa.DataType:
        """The type that values are made in: beneath an extension or a dictionary."""
        dtype = self.dtype.storage_type if isinstance(self.dtype, pa.BaseExtensionType) else self.dtype
        return dtype.value_type if isinstance(dtype, pa.DictionaryType) else dtype

    def finish(self, values: pa.Array) -> pa.Array:
        """Give the values the column's own type."""
        if isinstance(self.dtype, pa.DictionaryType):
            return values.cast(self.dtype.value_type).dictionary_encode().cast(self.dtype)
        if isinstance(self.dtype, pa.BaseExtensionType):
            return pa.ExtensionArray.from_storage(self.dtype, values.cast(self.storage))
        return values.cast(self.dtype)


def _kind_of(column: ColumnPlan, schema: Column, values: pa.ChunkedArray) -> MintKind:
    if column.fate == "null":
        return "null" if schema.nullable else "placeholder"
    if column.fate == "fake":
        return "fake"
    dtype = values.type
    if schema.source_type.lower() in _JSON_TYPES:
        return "placeholder"
    if _is_text(dtype):
        return "uuid" if _are_uuids(values) or schema.source_type.lower() == "uuid" else "pattern"
    return next((kind for test, kind in _KINDS if test(dtype)), "placeholder")


def _is_text(dtype: pa.DataType) -> bool:
    dtype = dtype.value_type if isinstance(dtype, pa.DictionaryType) else dtype
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def _is_uuid_type(dtype: pa.DataType) -> bool:
    dtype = dtype.storage_type if isinstance(dtype, pa.BaseExtensionType) else dtype
    return bool(pa.types.is_fixed_size_binary(dtype) and dtype.byte_width == _UUID_WIDTH)


def _is_steppable(dtype: pa.DataType) -> bool:
    return any(test(dtype) for test in (pa.types.is_temporal, pa.types.is_decimal, pa.types.is_floating)) and not (
        pa.types.is_duration(dtype) or pa.types.is_interval(dtype)
    )


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], MintKind], ...] = (
    (pa.types.is_integer, "integer"),
    (pa.types.is_boolean, "boolean"),
    (_is_uuid_type, "uuid"),
    (pa.types.is_duration, "step"),
    (_is_steppable, "step"),
)
_REPEATING: tuple[MintKind, ...] = ("integer", "pattern", "uuid", "step")


def _are_uuids(values: pa.ChunkedArray) -> bool:
    head = values.drop_null()[:200].cast(pa.string()).to_pylist()
    return bool(head) and all(_UUID.fullmatch(text) for text in head)


def _max_length(source_type: str) -> int | None:
    found = _LENGTH.search(source_type)
    return int(found.group(1)) if found else None


def _null_share(values: pa.ChunkedArray, schema: Column, rare_below: int) -> float:
    """Round to thousandths, or to hundredths where too few rows tell it."""
    if not schema.nullable or not len(values):
        return 0.0
    places = 2 if values.null_count < rare_below else 3
    return float(round(values.null_count / len(values), places))


def _distinct_share(values: pa.ChunkedArray) -> float:
    present = len(values) - values.null_count
    if not present or isinstance(values.type, pa.BaseExtensionType):
        return 1.0
    return float(max(0.01, round(len(pc.unique(values.drop_null())) / present, 2)))


def _first_tick(values: pa.ChunkedArray, rare_below: int) -> int:
    """Start where at least `rare_below` values lie before; at zero where there are too few."""
    present = values.drop_null().combine_chunks()
    if len(present) < 2 * rare_below:
        return 0
    if pa.types.is_decimal(values.type) or pa.types.is_floating(values.type):
        low = pc.sort_indices(present)[rare_below - 1].as_py()
        first = present[low].as_py()
        return int(first) if math.isfinite(first) and abs(first) < _EXACT_FLOAT else 0
    ticks = _ticks(present)
    return int(np.partition(ticks, rare_below - 1)[rare_below - 1])


def _tick_type(dtype: pa.DataType) -> pa.DataType:
    return pa.int32() if dtype.bit_width == _NARROW else pa.int64()


def _ticks(values: pa.Array) -> np.ndarray:
    ticks: np.ndarray = values.view(_tick_type(values.type)).to_numpy(zero_copy_only=False)
    return ticks.astype(np.int64)


def _with_nulls(values: pa.Array, is_null: np.ndarray) -> pa.Array:
    index = pa.array(np.arange(len(values)), mask=is_null)
    return values.take(index)


def _repeated(order: _Order, make: Callable[[int], pa.Array]) -> pa.Array:
    """Make as many different values as the original had per row, and draw from them."""
    if order.unique or order.minter.distinct_share >= 1:
        return make(order.n)
    pool = make(max(1, round(order.n * order.minter.distinct_share)))
    return pool.take(pa.array(order.rng.integers(len(pool), size=order.n))) if order.n else pool[:0]


def _integers(order: _Order) -> pa.Array:
    """Count from the offset; in random order where the column need not be unique."""
    return _repeated(order, lambda n: order.finish(_counted(order, n)))


def _counted(order: _Order, n: int) -> pa.Array:
    bits, signed = order.storage.bit_width, pa.types.is_signed_integer(order.storage)
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    taken = as_array(order.taken, order.storage)
    first = order.minter.offset
    last = first + n + len(taken) - 1
    if n and min(last, top) - first + 1 - _count_between(taken, first, min(last, top)) < n:
        raise _no_room(order, n, f"{order.storage} from {first}")
    numbers = np.arange(first, min(last, top) + 1, dtype=np.int64 if signed else np.uint64) if n else np.arange(0)
    return without(pa.array(numbers).cast(order.storage), taken)[:n]


def _count_between(taken: pa.Array, low: int, high: int) -> int:
    values = taken.to_numpy(zero_copy_only=False)
    return int(((values >= low) & (values <= high)).sum())


def _no_room(order: _Order, n: int, room: str) -> PlanError:
    return PlanError(
        f"Column {order.minter.column!r} must hold {n} different values, however its type has not room for so many:"
        f" {room}. Ask for fewer rows, or give the table another key_offset."
    )


def _uuids(order: _Order) -> pa.Array:
    taken = as_array(order.taken, order.storage)
    if _is_uuid_type(order.dtype):
        return _repeated(order, lambda n: order.finish(without(_binary_uuids(order.rng, n), taken)))
    return _repeated(order, lambda n: order.finish(uuid_texts(order.rng, n)))


def _binary_uuids(rng: np.random.Generator, n: int) -> pa.Array:
    raw = uuid_bytes(rng, n)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(_UUID_WIDTH), n, [None, pa.py_buffer(raw.tobytes())])


def _patterned(order: _Order) -> pa.Array:
    pattern = order.minter.pattern or Pattern.fit(pa.array([], pa.string()), rare_below=1)
    return _texts(order, lambda k, extra: pattern.draw(k, order.rng, extra, empty=not order.unique))


def _faked(order: _Order) -> pa.Array:
    """Make texts, and let Arrow read them where the column is of another type."""
    minter = order.minter
    try:
        return _texts(
            order, lambda k, extra: fake(minter.provider or "", k, rng=order.rng, extra=extra, column=minter.column)
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise PlanError(
            f"The fake of column {minter.column!r} must be of its type, {order.dtype}, however {minter.provider!r}"
            " gives text. Name another provider, or set the column to null."
        ) from None


def _texts(order: _Order, draw: Callable[[int, int], pa.Array]) -> pa.Array:
    taken, limit, column = as_array(order.taken, pa.string()), order.minter.max_length, order.minter.column
    if order.unique:
        return order.finish(draw_distinct_texts(draw, order.n, max_length=limit, taken=taken, column=column))
    return _repeated(order, lambda n: order.finish(draw_texts(draw, n, max_length=limit, taken=taken)))


def _stepped(order: _Order) -> pa.Array:
    """Step through days, seconds or whole numbers from a start that many values have passed."""
    return _repeated(order, lambda n: order.finish(_steps(order, n)))


def _steps(order: _Order, n: int) -> pa.Array:
    dtype, taken = order.storage, as_array(order.taken, order.storage)
    wanted, first = n + len(taken), order.minter.offset
    numbers = np.arange(wanted, dtype=np.int64)
    values = _stepping(dtype)(dtype, first, numbers, order)
    return without(values, taken)[:n]


Stepping = Callable[[pa.DataType, int, np.ndarray, _Order], pa.Array]


def _stepping(dtype: pa.DataType) -> Stepping:
    return next(step for test, step in _STEPPINGS if test(dtype))


def _step_ticks(dtype: pa.DataType, first: int, numbers: np.ndarray, _order: _Order) -> pa.Array:
    step = _DAY_MS if dtype == pa.date64() else 1
    step = _TICKS_PER_SECOND[dtype.unit] if hasattr(dtype, "unit") else step
    ticks = first + numbers * step
    return pa.array(ticks).cast(_tick_type(dtype)).view(dtype)


def _step_times(dtype: pa.DataType, _first: int, numbers: np.ndarray, order: _Order) -> pa.Array:
    """Walk a day by seconds, or by its smallest tick where there are more values than seconds."""
    per_day = _TICKS_PER_SECOND[dtype.unit] * _DAY_SECONDS
    if len(numbers) > per_day:
        raise _no_room(order, order.n, str(dtype))
    step = _TICKS_PER_SECOND[dtype.unit] if len(numbers) <= _DAY_SECONDS else 1
    return pa.array(numbers * step).cast(_tick_type(dtype)).view(dtype)


def _step_decimals(dtype: pa.DataType, first: int, numbers: np.ndarray, order: _Order) -> pa.Array:
    """Count in whole numbers, or in the last decimal where whole numbers run out."""
    room = 10**dtype.precision - 1
    scaled, step = first * 10**dtype.scale, 10**dtype.scale if dtype.scale > 0 else 1
    if scaled + len(numbers) * step > room:
        scaled, step = 0, 1
    if len(numbers) > room + 1:
        raise _no_room(order, order.n, str(dtype))
    unit = decimal.Decimal(1).scaleb(-dtype.scale)
    with decimal.localcontext(prec=80):
        return pa.array([(scaled + i * step) * unit for i in range(len(numbers))], dtype)


def _step_floats(dtype: pa.DataType, first: int, numbers: np.ndarray, order: _Order) -> pa.Array:
    whole = {16: 2**11, 32: 2**24, 64: 2**53}[dtype.bit_width]
    if len(numbers) > whole:
        raise _no_room(order, order.n, str(dtype))
    start = first if abs(first) + len(numbers) <= whole else 0
    return pa.array((start + numbers).astype(np.float64)).cast(dtype)


_STEPPINGS: tuple[tuple[Callable[[pa.DataType], bool], Stepping], ...] = (
    (pa.types.is_time, _step_times),
    (pa.types.is_decimal, _step_decimals),
    (pa.types.is_floating, _step_floats),
    (lambda _dtype: True, _step_ticks),
)


def _booleans(order: _Order) -> pa.Array:
    if order.unique and order.n > _BOOLEANS:
        raise _no_room(order, order.n, "boolean")
    values = np.arange(order.n) % 2 == 0 if order.unique else order.rng.integers(_BOOLEANS, size=order.n) == 0
    return order.finish(pa.array(values))


def _nulls(order: _Order) -> pa.Array:
    return pa.nulls(order.n, order.dtype)


def _placeholders(order: _Order) -> pa.Array:
    """Repeat the type's emptiest value; count where the values must differ."""
    if order.unique and order.n > 1:
        return _counted_binaries(order)
    value = _placeholder(order.storage, order.minter.placeholder)
    one = pa.array([value], order.storage)
    return order.finish(one.take(pa.array(np.zeros(order.n, np.int64))))


def _counted_binaries(order: _Order) -> pa.Array:
    dtype = order.storage
    if not any(test(dtype) for test in (_is_text, pa.types.is_binary, pa.types.is_large_binary)):
        raise _no_room(order, order.n, f"{dtype} is filled with a placeholder")
    taken = as_array(order.taken, dtype).cast(pa.string()) if _is_text(dtype) else pa.array([], pa.string())
    texts = enumerated_texts(order.n, max_length=None, taken=taken)
    return order.finish(texts.cast(dtype) if _is_text(dtype) else texts.cast(pa.binary()).cast(dtype))


def _placeholder(dtype: pa.DataType, text: str) -> object:
    if _is_text(dtype):
        return text
    if pa.types.is_fixed_size_binary(dtype):
        return bytes(dtype.byte_width)
    if pa.types.is_fixed_size_list(dtype):
        return [_placeholder(dtype.value_type, "")] * dtype.list_size
    if pa.types.is_struct(dtype):
        return {field.name: _placeholder(field.type, "") for field in dtype}
    return next((value for test, value in _PLACEHOLDERS if test(dtype)), None)


_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 — Arrow reads a naive datetime for any zone
_PLACEHOLDERS: tuple[tuple[Callable[[pa.DataType], bool], object], ...] = (
    (lambda t: pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_map(t), []),
    (lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t), b""),
    (pa.types.is_boolean, False),
    (lambda t: pa.types.is_integer(t) or pa.types.is_floating(t), 0),
    (pa.types.is_decimal, decimal.Decimal(0)),
    (pa.types.is_date, _EPOCH.date()),
    (pa.types.is_timestamp, _EPOCH),
    (pa.types.is_time, dt.time(0)),
    (pa.types.is_duration, dt.timedelta(0)),
    (pa.types.is_interval, pa.MonthDayNano([0, 0, 0])),
)

_MAKERS: Mapping[MintKind, Callable[[_Order], pa.Array]] = {
    "boolean": _booleans,
    "fake": _faked,
    "integer": _integers,
    "null": _nulls,
    "pattern": _patterned,
    "placeholder": _placeholders,
    "step": _stepped,
    "uuid": _uuids,
}
