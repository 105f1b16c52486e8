"""Arrow columns without nulls as arrays of integers or floats, and back, exactly.

Decimals are their unscaled integers; times, dates and durations the count of their unit. Integers that 64 bits with a
sign do not hold are Python's, in an ``object`` array: slow, and right.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[Any]

_WORD = 8
"""Bytes."""
_WORD_BITS = 64
_NARROW = 32
"""Bits of the types that store times and dates in half a word."""
_DECIMAL_BITS = 128
"""Of the narrowest decimal whose words are read."""


def is_countable(dtype: pa.DataType) -> bool:
    """Tell whether values of this type are whole numbers of something."""
    return bool(pa.types.is_integer(dtype) or pa.types.is_decimal(dtype) or pa.types.is_temporal(dtype))


def read_numbers(values: pa.Array) -> Numbers:
    """Give integers, or floats for a floating type, of a column without nulls."""
    dtype = values.type
    if pa.types.is_floating(dtype):
        return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
    if pa.types.is_decimal(dtype):
        return _read_decimals(values)
    if pa.types.is_temporal(dtype):
        return np.asarray(values.view(_storage(dtype)).to_numpy(zero_copy_only=False), np.int64)
    integers = values.to_numpy(zero_copy_only=False)
    if integers.dtype == np.uint64 and len(integers) and integers.max() > np.iinfo(np.int64).max:
        return np.asarray(integers.astype(object))
    return np.asarray(integers, np.int64)


def write_numbers(numbers: Numbers, dtype: pa.DataType) -> pa.Array:
    """Give the column that `read_numbers` reads as these numbers."""
    if pa.types.is_floating(dtype):
        return pa.array(numbers.astype(np.float64).astype(dtype.to_pandas_dtype()), dtype)
    if pa.types.is_decimal(dtype):
        return _write_decimals(numbers, dtype)
    if pa.types.is_temporal(dtype):
        storage = _storage(dtype)
        return pa.array(numbers.astype(storage.to_pandas_dtype()), storage).view(dtype)
    return pa.array(numbers.astype(dtype.to_pandas_dtype()), dtype)


def _storage(dtype: pa.DataType) -> pa.DataType:
    return pa.int32() if dtype.bit_width == _NARROW else pa.int64()


def _read_decimals(values: pa.Array) -> Numbers:
    """Read the lowest word of each integer if the others are its sign, else all words."""
    if values.type.bit_width < _DECIMAL_BITS:
        values = values.cast(pa.decimal128(38, values.type.scale))
    n_words = values.type.bit_width // _WORD_BITS
    start = values.offset * n_words
    words = np.frombuffer(values.buffers()[1] or b"", np.int64)[start : start + len(values) * n_words]
    words = words.reshape(-1, n_words)
    if (words[:, 1:] == (words[:, :1] >> 63)).all():
        return words[:, 0].copy()
    size = n_words * _WORD
    content = words.tobytes()
    parts = (content[i : i + size] for i in range(0, len(content), size))
    return _objects([int.from_bytes(p, "little", signed=True) for p in parts])


def _objects(integers: list[int]) -> Numbers:
    """Make an array of Python integers that numpy leaves alone."""
    array = np.empty(len(integers), object)
    array[:] = integers
    return array


def _write_decimals(numbers: Numbers, dtype: pa.DataType) -> pa.Array:
    if dtype.bit_width < _DECIMAL_BITS:
        return _write_decimals(numbers, pa.decimal128(dtype.precision, dtype.scale)).cast(dtype)
    n_words = dtype.bit_width // _WORD_BITS
    if numbers.dtype == object:
        content = b"".join(int(v).to_bytes(n_words * _WORD, "little", signed=True) for v in numbers)
    else:
        words = np.repeat((numbers >> 63)[:, None], n_words, axis=1)
        words[:, 0] = numbers
        content = words.tobytes()
    return pa.Array.from_buffers(dtype, len(numbers), [None, pa.py_buffer(content)])
