"""The Arrow types that extract, sample and snapshots carry, and their names in plans and manifests.

Names are those that Arrow prints, but for ``date32`` and ``list<T>``, which it prints with needless detail.
"""

import re
from collections.abc import Callable, Mapping

import pyarrow as pa

from synth_ops.errors import PlanError
from synth_ops.schema import Table

MAX_DIGITS = 38
"""Decimals that 128 bits hold."""

_PLAIN: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date32": pa.date32(),
    "month_day_nano_interval": pa.month_day_nano_interval(),
}
_ALIASES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "utf8": pa.string(),
    "large_string": pa.string(),
    "large_binary": pa.binary(),
    "date32[day]": pa.date32(),
    "date64": pa.timestamp("ms"),
    "halffloat": pa.float32(),
}
_NAMES: Mapping[pa.DataType, str] = {dtype: name for name, dtype in _PLAIN.items()}
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[..., pa.DataType]], ...] = (
    (re.compile(r"timestamp\[(s|ms|us|ns)(?:, ?tz=(.+))?\]"), pa.timestamp),
    (re.compile(r"time32\[(s|ms)\]"), pa.time32),
    (re.compile(r"time64\[(us|ns)\]"), pa.time64),
    (re.compile(r"duration\[(s|ms|us|ns)\]"), pa.duration),
    (re.compile(r"decimal128\((\d+), ?(-?\d+)\)"), lambda p, s: pa.decimal128(int(p), int(s))),
    (re.compile(r"decimal256\((\d+), ?(-?\d+)\)"), lambda p, s: pa.decimal256(int(p), int(s))),
    (re.compile(r"fixed_size_binary\[(\d+)\]"), lambda size: pa.binary(int(size))),
    (re.compile(r"list<(?:\w+: )?(.+)>"), lambda inner: pa.list_(parse(inner))),
)


def parse(text: str) -> pa.DataType:
    """Give the Arrow type of that name.

    >>> parse("list<decimal128(12, 2)>").value_type
    Decimal128Type(decimal128(12, 2))

    Raises:
        PlanError: it is no type that is carried.
    """
    plain = _PLAIN.get(text) or _ALIASES.get(text)
    if plain is not None:
        return plain
    for pattern, make in _PATTERNS:
        match = pattern.fullmatch(text)
        if match:
            return make(*match.groups())
    raise PlanError(
        f"An Arrow type must be one of {', '.join(_PLAIN)}, timestamp[us, tz=UTC], time64[us], duration[us],"
        f" decimal128(p, s) or list<T>, however: {text!r}. Correct the record that holds it."
    )


def text(dtype: pa.DataType) -> str:
    """Give the type's name, which `parse` reads back to an equal type.

    >>> text(pa.date32()), text(pa.list_(pa.int32()))
    ('date32', 'list<int32>')
    """
    if pa.types.is_list(dtype):
        return f"list<{text(dtype.value_type)}>"
    return _NAMES.get(dtype) or str(dtype)


def carried(dtype: pa.DataType) -> pa.DataType:
    """Give the type that stands for any Arrow type: itself where it is carried, text (JSON) for what has no flat form.

    >>> carried(pa.dictionary(pa.int32(), pa.large_string())), carried(pa.struct({"a": pa.int8()}))
    (DataType(string), DataType(string))
    """
    if isinstance(dtype, pa.BaseExtensionType):
        return pa.string() if dtype.extension_name == "arrow.uuid" else carried(dtype.storage_type)
    if pa.types.is_dictionary(dtype) or pa.types.is_run_end_encoded(dtype):
        return carried(dtype.value_type)
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_fixed_size_list(dtype):
        inner = carried(dtype.value_type)
        return pa.string() if _is_deep(dtype.value_type) else pa.list_(inner)
    return _flat(dtype)


def arrow_schema(table: Table) -> pa.Schema:
    """Give the Arrow schema of a table: declared names, types and nullability, in order."""
    return pa.schema([pa.field(c.name, parse(c.arrow_type), nullable=c.nullable) for c in table.columns])


def _flat(dtype: pa.DataType) -> pa.DataType:
    """Give the carried type of one that is not a list, a dictionary or an extension."""
    if pa.types.is_decimal(dtype):
        return pa.decimal128(dtype.precision, dtype.scale) if dtype.precision <= MAX_DIGITS else dtype
    try:
        return parse(str(dtype))
    except PlanError:
        return pa.binary() if str(dtype).endswith("binary_view") else pa.string()


def _is_deep(dtype: pa.DataType) -> bool:
    """Tell whether a list of it has no flat form."""
    return bool(pa.types.is_nested(dtype))
