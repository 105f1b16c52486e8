"""A zoo of nasty tables: thousands of small schemas, drawn from seeds."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa

Rng = np.random.Generator
Draw = Callable[[Rng, int], pa.Array]

SIZES = (0, 1, 2, 9, 10, 11, 39, 40, 41, 120)


@dataclass(frozen=True)
class Species:
    """One nastiness of one type."""

    name: str
    draw: Draw


def _ints(dtype: pa.DataType, low: int, high: int) -> Draw:
    def draw(rng: Rng, n: int) -> pa.Array:
        return pa.array(
            [low + int(p * (high - low)) if p < 0.95 else (low, high)[i % 2] for i, p in enumerate(rng.random(n))],
            dtype,
        )

    return draw


def _floats(dtype: pa.DataType, scale: float) -> Draw:
    def draw(rng: Rng, n: int) -> pa.Array:
        values = rng.normal(size=n) * scale
        odd = rng.random(n)
        values[odd < 0.1] = np.nan
        values[(odd > 0.1) & (odd < 0.2)] = np.inf
        values[(odd > 0.2) & (odd < 0.22)] = -np.inf
        return pa.array(values.astype(dtype.to_pandas_dtype()), dtype, from_pandas=False)

    return draw


def _choice(dtype: pa.DataType, values: list[object]) -> Draw:
    def draw(rng: Rng, n: int) -> pa.Array:
        ranks = np.minimum(rng.geometric(0.5, n) - 1, len(values) - 1)
        return pa.array([values[i] for i in ranks], dtype)

    return draw


def _decimals(precision: int, scale: int, *, wide: bool) -> Draw:
    dtype = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    top = 10**precision - 1 if wide else 10 ** min(precision, 6)

    def draw(rng: Rng, n: int) -> pa.Array:
        whole = [int((2 * p - 1) * 2**53) * top // 2**53 for p in rng.random(n)]
        return pa.array([Decimal((int(w < 0), tuple(map(int, str(abs(w)))), -scale)) for w in whole], dtype)

    return draw


def _texts(rng: Rng, n: int) -> pa.Array:
    return pa.array([f"id-{i:08d}" for i in rng.integers(0, 10**8, n)])


def _instants(unit: str, zone: str | None, first: dt.datetime, last: dt.datetime, step: int = 1) -> Draw:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    low, high = (int((t - epoch).total_seconds()) * per_second for t in (first, last))

    def draw(rng: Rng, n: int) -> pa.Array:
        ticks = low + (rng.random(n) * (high - low)).astype(np.int64)
        return pa.array(ticks // step * step, pa.timestamp(unit, zone))

    return draw


def _dates(dtype: pa.DataType) -> Draw:
    def draw(rng: Rng, n: int) -> pa.Array:
        days = rng.integers(dt.date.min.toordinal(), dt.date.max.toordinal(), n)
        return pa.array([dt.date.fromordinal(int(d)) for d in days], dtype)

    return draw


def _nulls(dtype: pa.DataType) -> Draw:
    return lambda _rng, n: pa.nulls(n, dtype)


def _categories(n_categories: int) -> Draw:
    return lambda rng, n: pa.array([f"c{i}" for i in rng.integers(0, n_categories, n)])


_FIRST, _LAST = dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
_NEAR, _NEXT = dt.datetime(2013, 1, 1, tzinfo=dt.UTC), dt.datetime(2014, 1, 1, tzinfo=dt.UTC)

SPECIES = (
    Species("int8", _ints(pa.int8(), -128, 127)),
    Species("uint8", _ints(pa.uint8(), 0, 255)),
    Species("int16", _ints(pa.int16(), -(2**15), 2**15 - 1)),
    Species("int32", _ints(pa.int32(), -(2**31), 2**31 - 1)),
    Species("int64 extremes", _ints(pa.int64(), -(2**63), 2**63 - 1)),
    Species("uint64 extremes", _ints(pa.uint64(), 0, 2**64 - 1)),
    Species("hundreds", _choice(pa.int32(), [100, 200, 300, 1500, -700])),
    Species("constant", _choice(pa.int64(), [42])),
    Species("float64", _floats(pa.float64(), 1.0)),
    Species("huge floats", _floats(pa.float64(), 1e307)),
    Species("float32", _floats(pa.float32(), 1e-3)),
    Species("float16", _floats(pa.float16(), 10.0)),
    Species("cents", lambda rng, n: pa.array(np.round(rng.lognormal(3, 1, n), 2))),
    Species("not a number", _choice(pa.float64(), [float("nan")])),
    Species("money", _decimals(12, 2, wide=False)),
    Species("wide decimal", _decimals(38, 10, wide=True)),
    Species("decimal256", _decimals(60, 5, wide=True)),
    Species(
        "negative scale",
        lambda rng, n: pa.array([Decimal(int(i)).scaleb(3) for i in rng.integers(0, 99, n)], pa.decimal128(5, -3)),
    ),
    Species("duration", lambda rng, n: pa.array(rng.integers(-(10**12), 10**12, n), pa.duration("us"))),
    Species("boolean", lambda rng, n: pa.array(rng.random(n) < 0.3)),
    Species("categories", _choice(pa.string(), ["", "a", "🦆 duck", "naïve", 'quo"te', "\n", "zz"])),
    Species("large categories", _choice(pa.large_string(), ["x", "y"])),
    Species("view categories", _choice(pa.string_view(), ["x", "y"])),
    Species("dictionary", lambda rng, n: _choice(pa.string(), ["red", "green"])(rng, n).dictionary_encode()),
    Species("many categories", _categories(1000)),
    Species("texts", _texts),
    Species("emoji", lambda rng, n: pa.array(["🦆" * int(i) for i in rng.integers(0, 9, n)])),
    Species("bytes", _choice(pa.binary(), [b"", b"\0", b"\xff\xfe"])),
    Species("lists", lambda rng, n: pa.array([[int(i)] * 2 for i in rng.integers(0, 9, n)], pa.list_(pa.int32()))),
    Species(
        "structs", lambda rng, n: pa.array([{"a": int(i)} for i in rng.integers(0, 9, n)], pa.struct({"a": pa.int8()}))
    ),
    Species("all null strings", _nulls(pa.string())),
    Species("all null numbers", _nulls(pa.float64())),
    Species("null type", _nulls(pa.null())),
    Species("dates", _dates(pa.date32())),
    Species("dates in ms", _dates(pa.date64())),
    Species("all years us", _instants("us", None, _FIRST, _LAST)),
    Species("all years s", _instants("s", "Asia/Tokyo", _FIRST, _LAST)),
    Species("one year ms", _instants("ms", "America/New_York", _NEAR, _NEXT)),
    Species("one year ns", _instants("ns", "UTC", _NEAR, _NEXT)),
    Species("ns extremes", lambda rng, n: _ints(pa.int64(), -(2**63) + 1, 2**63 - 1)(rng, n).view(pa.timestamp("ns"))),
    Species("hours", _instants("s", None, _NEAR, _NEXT, step=3600)),
    Species("midnights", _instants("us", None, _NEAR, _NEXT, step=86_400 * 10**6)),
    Species("times", lambda rng, n: pa.array(rng.integers(0, 86_400 * 10**6, n), pa.time64("us"))),
    Species("minutes", lambda rng, n: pa.array(rng.integers(0, 1440, n).astype(np.int32) * 60, pa.time32("s"))),
)


def table(seed: int) -> pa.Table:
    """Draw a table: a few species, of one size, some of them with nulls, some that allow none."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice(SIZES))
    chosen = [SPECIES[(seed * 7 + i) % len(SPECIES)] for i in rng.integers(0, len(SPECIES), rng.integers(1, 4))]
    chosen.append(SPECIES[seed % len(SPECIES)])
    columns, fields = [], []
    for i, species in enumerate(chosen):
        values = species.draw(rng, n)
        if rng.random() < 0.5:
            values = with_nulls(values, rng)
        nullable = bool(values.null_count or rng.random() < 0.5 or pa.types.is_null(values.type))
        columns.append(values)
        fields.append(pa.field(f"{i} {species.name}", values.type, nullable=nullable))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def with_nulls(values: pa.Array, rng: Rng) -> pa.Array:
    """Make about one value in four null."""
    places = pa.array(np.arange(len(values)), mask=rng.random(len(values)) < 0.25)
    if pa.types.is_string_view(values.type):
        return values.cast(pa.string()).take(places).cast(values.type)
    return values.take(places)
