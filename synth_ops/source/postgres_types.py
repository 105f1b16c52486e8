"""What becomes of every PostgreSQL type on its way to Arrow.

Each has a stated fate: read as it is, cast in the query where the driver has no Arrow form of it, or carried as
PostgreSQL's own text with a note that says what that means for the synthetic copy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from synth_ops.source.base import NOT_LEARNED


@dataclass(frozen=True)
class Declared:
    """A column's type with its domains unwrapped."""

    name: str
    """The type's name in pg_type: ``numeric``, ``_int4``, ``mood``."""
    text: str
    """With modifiers, as format_type writes it: ``numeric(12,2)``."""
    kind: str
    """pg_type.typtype: b(ase), e(num), r(ange), m(ultirange), c(omposite)."""
    element: str | None
    """An array's element by its name in pg_type."""
    element_kind: str | None
    nullable: bool


@dataclass(frozen=True)
class Reading:
    """How a type is read: the Arrow type it becomes, the SQL that gives it, and what to say about it."""

    arrow_type: str
    sql: str = "{c}"
    note: str | None = None


def reading_of(declared: Declared) -> Reading:
    """Give how a PostgreSQL type is read.

    >>> reading_of(Declared("numeric", "numeric(12,2)", "b", None, None, True)).arrow_type
    'decimal128(12, 2)'
    """
    if declared.element is not None:
        return _array(declared)
    if declared.kind == "e":
        return Reading("string", _TEXT)
    if declared.name == "numeric":
        return _numeric(declared.text)
    if declared.name in _BOUNDED:
        return _bounded(declared)
    if declared.kind in _KINDS:
        return Reading("string", _TEXT, f"{_KINDS[declared.kind]}, carried as text: {NOT_LEARNED}")
    unknown = Reading("string", _TEXT, f"{declared.name}, carried as text: {NOT_LEARNED}")
    return _READINGS.get(declared.name, unknown)


def _numeric(text: str) -> Reading:
    """Read a numeric as a decimal where it is bounded; what no decimal holds is null."""
    match = re.match(r"numeric\((\d+),(-?\d+)\)", text)
    if not match:
        return Reading("double", _TEXT, "numeric without precision is read as double")
    precision, scale = int(match[1]), int(match[2])
    width = max(precision - min(scale, 0), scale)  # PostgreSQL 15 lets scale be negative, or exceed the precision
    if width > _WIDEST_DECIMAL:
        return Reading("string", _TEXT, f"wider than any Arrow decimal, carried as text: {NOT_LEARNED}")
    bits = 128 if width <= _WIDEST_DECIMAL_128 else 256
    return Reading(f"decimal{bits}({width}, {max(scale, 0)})", "CASE WHEN {c} <> 'NaN' THEN {c}::text END")


def _bounded(declared: Declared) -> Reading:
    """Read a date or timestamp within the years that everything downstream can hold."""
    arrow_type, low, high = _BOUNDED[declared.name]
    note = "infinity, and years before 1 or after 9999, are read as "
    if declared.nullable:
        return Reading(arrow_type, f"CASE WHEN {{c}} BETWEEN '{low}' AND '{high}' THEN {{c}} END", f"{note}null")
    return Reading(arrow_type, f"LEAST(GREATEST({{c}}, '{low}'), '{high}')", f"{note}the nearest of them")


def _array(declared: Declared) -> Reading:
    """Read an array of a simple type as a list (several dimensions become one), any other as JSON text."""
    note = f"array: {NOT_LEARNED}"
    listed = _LISTED.get(declared.element or "")
    if listed is not None:
        return Reading(f"list<{listed}>", note=note)
    if declared.element_kind == "e" or declared.element in {"uuid", "bpchar", "name"}:
        return Reading("list<string>", "{c}::text[]", note)
    return Reading("string", "to_json({c})::text", f"carried as JSON text: {NOT_LEARNED}")


_TEXT = "{c}::text"
_WIDEST_DECIMAL_128 = 38
_WIDEST_DECIMAL = 76
_KINDS: Mapping[str, str] = {"r": "range", "m": "multirange", "c": "composite"}
_BOUNDED: Mapping[str, tuple[str, str, str]] = {
    "date": ("date32", "0001-01-01", "9999-12-31"),
    "timestamp": ("timestamp[us]", "0001-01-01", "9999-12-31 23:59:59.999999"),
    "timestamptz": ("timestamp[us, tz=UTC]", "0001-01-01 00:00+00", "9999-12-31 23:59:59.999999+00"),
}
_LISTED: Mapping[str, str] = {
    "bool": "bool",
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "float4": "float",
    "float8": "double",
    "text": "string",
    "varchar": "string",
}
_INTERVAL = (
    "CASE WHEN isfinite({c}) THEN (((extract(year FROM {c}) * 12 + extract(month FROM {c})) * 30"
    " + extract(day FROM {c})) * 86400000000 + extract(hour FROM {c}) * 3600000000"
    " + extract(minute FROM {c}) * 60000000 + extract(microseconds FROM {c}))::int8 END"
)
"""The duration that PostgreSQL's own comparison deems equal; Parquet has no type for calendar intervals."""
_READINGS: Mapping[str, Reading] = {
    "bool": Reading("bool"),
    "int2": Reading("int16"),
    "int4": Reading("int32"),
    "int8": Reading("int64"),
    "float4": Reading("float"),
    "float8": Reading("double"),
    "oid": Reading("int64", "{c}::int8"),
    "money": Reading("decimal128(19, 2)", "{c}::numeric(19,2)::text"),
    "text": Reading("string"),
    "varchar": Reading("string"),
    "citext": Reading("string", _TEXT),
    "bpchar": Reading("string", _TEXT, "char(n) is read without its padding"),
    "name": Reading("string", _TEXT),
    "char": Reading("string", _TEXT),
    "uuid": Reading("string", _TEXT),
    "inet": Reading("string", _TEXT),
    "cidr": Reading("string", _TEXT),
    "macaddr": Reading("string", _TEXT),
    "macaddr8": Reading("string", _TEXT),
    "json": Reading("string", _TEXT, "JSON is carried as text"),
    "jsonb": Reading("string", _TEXT, "JSON is carried as text"),
    "xml": Reading("string", _TEXT, f"XML: {NOT_LEARNED}"),
    "bit": Reading("string", _TEXT, f"bit string: {NOT_LEARNED}"),
    "varbit": Reading("string", _TEXT, f"bit string: {NOT_LEARNED}"),
    "bytea": Reading("binary", note=f"bytes: {NOT_LEARNED}"),
    "time": Reading(
        "time64[us]", "CASE WHEN {c} = '24:00' THEN '23:59:59.999999' ELSE {c} END", "24:00 is read as 23:59:59.999999"
    ),
    "timetz": Reading("string", _TEXT, "a time with a zone is read as text"),
    "interval": Reading("duration[us]", _INTERVAL, "an interval becomes a duration of 24-hour days, 30-day months"),
    "tsvector": Reading("string", _TEXT, f"tsvector: {NOT_LEARNED}"),
    "geometry": Reading("string", _TEXT, f"geometry: {NOT_LEARNED}"),
    "geography": Reading("string", _TEXT, f"geometry: {NOT_LEARNED}"),
    **{
        shape: Reading("string", _TEXT, f"geometry: {NOT_LEARNED}")
        for shape in ("point", "line", "lseg", "box", "path", "polygon", "circle")
    },
}
