"""Number columns as integers of a scale, so that arithmetic on them is exact."""

import decimal
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

_EXACT_FLOAT = 2**53
_LIMIT = 2**62


@dataclass(frozen=True)
class Numbers:
    """One column: ``values / 10**scale`` where valid; floats that are not whole stay floats, with scale 0."""

    values: np.ndarray
    scale: int
    valid: np.ndarray

    @property
    def is_exact(self) -> bool:
        """Whether the values are integers."""
        return self.values.dtype.kind != "f"

    def rescaled(self, scale: int) -> np.ndarray:
        """Give the integers at a finer scale, or floats as they are."""
        return times(self.values, 10 ** (scale - self.scale)) if self.is_exact else self.values

    def as_floats(self) -> np.ndarray:
        """Give the nearest floats."""
        return self.values.astype(np.float64) / 10.0**self.scale if self.is_exact else self.values


def read_numbers(column: pa.Array) -> Numbers | None:
    """Read integers, decimals, floats, and dates as days; None where that cannot be done exactly."""
    dtype = column.type
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(dtype):
        return _read_integers(column, valid)
    if pa.types.is_date32(dtype):
        return _read_integers(column.view(pa.int32()), valid)
    if pa.types.is_decimal128(dtype):
        return _read_decimals(column, valid)
    return _read_floats(column, valid) if pa.types.is_floating(dtype) else None


def _read_integers(column: pa.Array, valid: np.ndarray) -> Numbers | None:
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
        return None
    return Numbers(values.astype(np.int64), 0, valid)


def _read_decimals(column: pa.Array, valid: np.ndarray) -> Numbers | None:
    """Read the low half of each 128-bit integer, if the high half is its sign."""
    words = np.frombuffer(column.buffers()[1] or b"", np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
    low, high = words[0::2], words[1::2]
    if not ((high == low >> 63) | ~valid).all():
        return None
    return Numbers(np.where(valid, low, 0), max(0, column.type.scale), valid) if column.type.scale >= 0 else None


def _read_floats(column: pa.Array, valid: np.ndarray) -> Numbers:
    values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    if np.isfinite(values).all() and (np.abs(values) < _EXACT_FLOAT).all() and (values == np.rint(values)).all():
        return Numbers(values.astype(np.int64), 0, valid)
    return Numbers(values, 0, valid)


def times(values: np.ndarray, factor: int) -> np.ndarray:
    """Multiply integers by one, in Python's unbounded integers where 64 bits would not do."""
    return (
        values
        if factor == 1
        else exactly(np.multiply, values, np.array(factor, object if abs(factor) > _LIMIT else np.int64))
    )


def exactly(op: Callable[..., np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Apply the operation without overflow."""
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return op(a, b)
    bound = (_largest(a) * _largest(b)) if op is np.multiply else (_largest(a) + _largest(b))
    if bound < _LIMIT and object not in (a.dtype, b.dtype):
        return op(a, b)
    return np.asarray(op(a.astype(object), b.astype(object)), object)


def _largest(values: np.ndarray) -> int:
    return max(abs(int(values.max())), abs(int(values.min())), 1) if values.size else 1


def write_numbers(numbers: Numbers, dtype: pa.DataType) -> pa.Array:
    """Give the column its Arrow type; what the type cannot hold is put at its end."""
    if pa.types.is_floating(dtype):
        return pa.array(numbers.as_floats(), pa.float64(), mask=~numbers.valid).cast(dtype, safe=False)
    scale = dtype.scale if pa.types.is_decimal(dtype) else 0
    integers = np.where(numbers.valid, _at_scale(numbers, scale), 0)
    if pa.types.is_decimal(dtype):
        return _write_decimals(integers, numbers.valid, dtype)
    storage = pa.int32() if pa.types.is_date32(dtype) else dtype
    limits = np.iinfo(storage.to_pandas_dtype())
    bounded = np.clip(integers, limits.min, limits.max).astype(limits.dtype)
    return pa.array(bounded, storage, mask=~numbers.valid).view(dtype)


def _at_scale(numbers: Numbers, scale: int) -> np.ndarray:
    if not numbers.is_exact:
        return np.rint(np.nan_to_num(numbers.values * 10.0**scale, posinf=_EXACT_FLOAT, neginf=-_EXACT_FLOAT)).astype(
            np.int64
        )
    if scale >= numbers.scale:
        return numbers.rescaled(scale)
    return divided(numbers.values, 10 ** (numbers.scale - scale))


def divided(values: np.ndarray, by: int) -> np.ndarray:
    """Divide integers, rounding halves away from minus infinity."""
    return values // by if by == 1 else (values + by // 2) // by


def _write_decimals(integers: np.ndarray, valid: np.ndarray, dtype: pa.DataType) -> pa.Array:
    top = 10**dtype.precision - 1
    if integers.dtype != object and pa.types.is_decimal128(dtype):
        bounded = np.clip(integers, -min(top, _LIMIT), min(top, _LIMIT))
        words = np.stack([bounded, bounded >> 63], axis=1)
        mask = pa.array(valid).buffers()[1]
        return pa.Array.from_buffers(dtype, len(bounded), [mask, pa.py_buffer(words.tobytes())])
    with decimal.localcontext(prec=80):
        whole = (max(-top, min(top, int(i))) for i in integers)
        texts = [decimal.Decimal(i).scaleb(-dtype.scale) if v else None for i, v in zip(whole, valid, strict=True)]
    return pa.array(texts, dtype)
