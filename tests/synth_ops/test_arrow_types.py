"""Names of Arrow types, there and back."""

import pyarrow as pa
import pytest

from synth_ops.arrow_types import arrow_schema, carried, parse, text
from synth_ops.errors import PlanError
from synth_ops.schema import Column, Table

NAMES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "string",
    "binary", "date32", "time32[s]", "time64[us]", "time64[ns]", "timestamp[s]", "timestamp[ms]", "timestamp[us]",
    "timestamp[ns]", "timestamp[us, tz=UTC]", "timestamp[ns, tz=Europe/Paris]", "duration[us]", "duration[ns]",
    "decimal128(12, 2)", "decimal128(38, 0)", "decimal256(76, 10)", "fixed_size_binary[16]",
    "month_day_nano_interval", "list<int32>", "list<list<timestamp[us, tz=UTC]>>", "list<decimal128(5, 1)>",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_reads_back_to_itself(name: str) -> None:
    assert text(parse(name)) == name


@pytest.mark.parametrize("dtype", [parse(name) for name in NAMES], ids=str)
def test_what_arrow_prints_is_read(dtype: pa.DataType) -> None:
    assert parse(str(dtype)) == dtype


@pytest.mark.parametrize("name", ["", "int", "timestamp", "decimal128(5)", "struct<a: int8>", "list<>"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match="An Arrow type must be one of"):
        parse(name)


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("list<list")])
def test_carried_type_stands_for_itself(name: str) -> None:
    assert carried(parse(name)) == parse(name)


@pytest.mark.parametrize(
    ("dtype", "stands"),
    [
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.large_list(pa.int8()), pa.list_(pa.int8())),
        (pa.list_(pa.struct([pa.field("a", pa.int8())])), pa.string()),
        (pa.decimal256(20, 2), pa.decimal128(20, 2)),
        (pa.string_view(), pa.string()),
        (pa.binary_view(), pa.binary()),
        (pa.uuid(), pa.string()),
        (pa.json_(), pa.string()),
        (pa.null(), pa.string()),
        (pa.float16(), pa.float32()),
    ],
)
def test_other_types_have_one_that_stands_for_them(dtype: pa.DataType, stands: pa.DataType) -> None:
    assert carried(dtype) == stands


def test_schema_keeps_order_types_and_nullability() -> None:
    columns = (
        Column(name="b", source_type="int", arrow_type="int64", nullable=False),
        Column(name="a", source_type="date", arrow_type="date32"),
    )

    found = arrow_schema(Table(name="t", columns=columns))

    assert (found.names, found.types) == (["b", "a"], [pa.int64(), pa.date32()])
    assert [field.nullable for field in found] == [False, True]
