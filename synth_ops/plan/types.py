"""What a column's declared type says about its fate, by the name of its Arrow type and the source's own words."""

import re

from synth_ops.plan.plan import Kind
from synth_ops.schema import Column

_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"bool(ean)?", "boolean"),
    (r"u?int(8|16|32|64)|float(16|32|64)?|double|halffloat|decimal.*", "numeric"),
    (r"duration.*", "numeric"),
    (r"date(32|64).*|timestamp.*", "datetime"),
    (r"time(32|64).*", "time"),
    (r"string|large_string|utf8", "auto"),
)
_FITTING: dict[Kind, tuple[Kind, ...]] = {
    "boolean": ("auto", "boolean", "categorical"),
    "numeric": ("auto", "numeric", "categorical"),
    "datetime": ("auto", "datetime", "categorical"),
    "time": ("auto", "time", "categorical"),
    "auto": ("auto", "categorical", "text"),
}
_UNLEARNABLE = re.compile(
    r"jsonb?|xml|bytea|blob|varbinary|binary|variant|hstore|tsvector|tsquery|bit( varying)?|varbit"
    r"|(int[48]|num|ts|tstz|date)(multi)?range|geometry|geography|point|line|lseg|box|path|polygon|circle"
    r"|struct|map|union|.*\[\d*\]|array|sdo_geometry|image|rowversion",
    re.IGNORECASE,
)
_NETWORK = {"inet": "ipv4", "cidr": "ipv4", "macaddr": "mac_address", "macaddr8": "mac_address"}
_LENGTH = re.compile(r"char(?:acter)?(?: varying)?\d*\s*\(\s*(\d+)\s*\)", re.IGNORECASE)


def kind_of(column: Column) -> Kind | None:
    """Give how a column's type is encoded, or None where no model learns it.

    >>> kind_of(Column(name="price", source_type="numeric(12,2)", arrow_type="decimal128(12, 2)"))
    'numeric'
    >>> kind_of(Column(name="tags", source_type="jsonb", arrow_type="string")) is None
    True
    """
    if column.enum is not None:
        return "categorical"
    words = re.sub(r"(?<!\[)\((?:.*)\)", "", column.source_type).strip()
    if _UNLEARNABLE.fullmatch(words) or "cannot be learned" in (column.note or ""):
        return None
    return next((kind for pattern, kind in _KINDS if re.fullmatch(pattern, column.arrow_type)), None)


def fitting_kinds(column: Column) -> tuple[Kind, ...]:
    """Give the kinds that a person may ask for."""
    kind = kind_of(column)
    if column.enum is not None:
        return ("auto", "categorical")
    return _FITTING[kind] if kind else ()


def network_provider(column: Column) -> str | None:
    """Give the fake that stands for a network address's type, or None for any other."""
    return _NETWORK.get(column.source_type.lower())


def is_uuid(column: Column) -> bool:
    """Tell whether the source declares the column as an identifier of 16 bytes."""
    return column.source_type.lower() in ("uuid", "uniqueidentifier") or column.arrow_type == "fixed_size_binary[16]"


def is_text(column: Column) -> bool:
    """Tell whether it is text that may say anything."""
    return kind_of(column) == "auto" and not is_uuid(column)


def max_length(column: Column) -> int | None:
    """Give the characters that the type has room for, or None where it does not say."""
    match = _LENGTH.search(column.source_type)
    return int(match[1]) if match else None


def comparable(one: Column, other: Column) -> bool:
    """Tell whether values of the two may be equal: both whole numbers, both text, or of the same Arrow type."""
    return _family(one) == _family(other)


def _family(column: Column) -> str:
    name = column.arrow_type
    if re.fullmatch(r"u?int\d+", name) or re.fullmatch(r"decimal\d+\(\d+, ?0\)", name):
        return "a whole number"
    return re.sub(r"(?<=^timestamp)\[\w+", "[", name.replace("large_", ""))
