"""The fingerprint of a table's rows."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from synth_ops.arrow_types import text
from synth_ops.fingerprint import fingerprint
from synth_ops.schema import Column, Table

ROWS = pa.table(
    {
        "i": pa.array([1, None, 3, 4], pa.int32()),
        "s": pa.array(["a", "", None, "ñ🙂"]),
        "b": pa.array([True, None, False, True]),
        "d": pa.array([Decimal("1.5"), None, Decimal("-2.5"), Decimal(0)], pa.decimal128(5, 1)),
        "t": pa.array([dt.datetime(2024, 1, 1), None, None, dt.datetime(1, 1, 1)], pa.timestamp("us", "UTC")),
        "l": pa.array([[1, None], None, [], [3]], pa.list_(pa.int8())),
        "x": pa.array([b"\x00", None, b"", b"\xff"]),
        "f": pa.array([0.0, float("nan"), None, -0.0]),
        "u": pa.array([dt.timedelta(1), None, None, dt.timedelta(2)], pa.duration("us")),
        "h": pa.array([dt.time(1), None, None, dt.time(2)], pa.time64("us")),
    }
)


def table_of(rows: pa.Table, comment: str | None = None) -> Table:
    columns = tuple(Column(name=f.name, source_type="x", arrow_type=text(f.type)) for f in rows.schema)
    return Table(name="t", columns=columns, comment=comment)


def mark(rows: pa.Table, n_rows: int = 65_536) -> str:
    return fingerprint(table_of(rows), rows.combine_chunks().to_batches(n_rows))


def replaced(name: str, values: "pa.Array[pa.Scalar[pa.DataType]]") -> pa.Table:
    return ROWS.set_column(ROWS.schema.get_field_index(name), name, values)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_batches_do_not_matter(n_rows: int) -> None:
    assert mark(ROWS, n_rows) == mark(ROWS)


def test_comment_does_not_matter() -> None:
    assert fingerprint(table_of(ROWS, "new"), ROWS.to_batches()) == mark(ROWS)


def test_what_lies_under_a_null_does_not_matter() -> None:
    masked = pa.Array.from_buffers(
        pa.int32(), 4, [pa.py_buffer(b"\x0d"), pa.array([1, 99, 3, 4], pa.int32()).buffers()[1]]
    )

    assert mark(replaced("i", masked)) == mark(ROWS)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("i", pa.array([1, 0, 3, 4], pa.int32())),
        ("i", pa.array([1, None, 3, 5], pa.int32())),
        ("i", pa.array([1, None, 3, 4], pa.int64())),
        ("s", pa.array(["", "a", None, "ñ🙂"])),
        ("s", pa.array(["a", None, "", "ñ🙂"])),
        ("b", pa.array([True, False, False, True])),
        ("l", pa.array([[1], None, [None], [3]], pa.list_(pa.int8()))),
        ("l", pa.array([[1, None], [], None, [3]], pa.list_(pa.int8()))),
        ("f", pa.array([0.0, float("nan"), None, 0.0])),
    ],
)
def test_any_change_of_a_value_or_type_matters(name: str, values: "pa.Array[pa.Scalar[pa.DataType]]") -> None:
    assert mark(replaced(name, values)) != mark(ROWS)


def test_row_lost_matters() -> None:
    assert mark(ROWS.slice(0, 3)) != mark(ROWS)


def test_empty_table_has_one_however_it_comes() -> None:
    assert fingerprint(table_of(ROWS), []) == fingerprint(table_of(ROWS), ROWS.slice(0, 0).to_batches())
