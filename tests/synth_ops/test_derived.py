"""Derived columns are found only where they always hold, and computing them changes nothing."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from synth_ops.derived import Derived, apply, detect

N = 400


def found(table: pa.Table) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {d.column: (d.kind, d.sources) for d in detect(table)}


def recomputed(table: pa.Table) -> pa.Table:
    """Drop what is derived, and compute it again."""
    derived = detect(table)
    left = table.drop_columns([d.column for d in derived])
    return apply(left, derived).select(table.column_names)


def instants(n: int = N, *, step: int = 3600 * 23, tz: str | None = None) -> pa.Array:
    seconds = 1_350_000_000 + np.arange(n, dtype=np.int64) * step
    return pa.array(seconds * 10**6).view(pa.timestamp("us")).cast(pa.timestamp("us", tz))


def noise(n: int = N, high: int = 1000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, high, n)


def test_the_parts_of_a_timestamp_are_found() -> None:
    stamps = instants()
    moments = stamps.to_pylist()
    table = pa.table(
        {
            "at": stamps,
            "y": pa.array([m.month for m in moments], pa.int16()),
            "d": pa.array([float(m.day) for m in moments]),
            "h": [m.hour for m in moments],
            "dow": [m.isoweekday() for m in moments],
            "doy": [m.timetuple().tm_yday for m in moments],
            "on": pa.array([m.date() for m in moments], pa.date32()),
        }
    )

    assert {k: kind for k, (kind, _) in found(table).items()} == dict.fromkeys(table.column_names[1:], "calendar")
    assert recomputed(table).equals(table)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_zone_of_an_hour_is_found(zone: str) -> None:
    stamps = instants()
    local = [m.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)) for m in stamps.to_pylist()]
    table = pa.table({"at": stamps, "hour": [m.hour for m in local], "day": [m.day for m in local]})

    assert set(found(table)) == {"hour", "day"}
    assert recomputed(table).equals(table)


def test_the_own_zone_of_a_column_is_tried_first() -> None:
    stamps = instants(tz="Europe/Berlin")
    table = pa.table({"at": stamps, "hour": [m.hour for m in stamps.to_pylist()]})

    assert detect(table)[0].parameters["zone"] == "Europe/Berlin"


def test_a_constant_year_is_believed_by_its_name_beside_another_part() -> None:
    stamps = instants(200, step=3600)
    moments = stamps.to_pylist()
    table = pa.table({"at": stamps, "year": [m.year for m in moments], "h": [m.hour for m in moments]})

    assert set(found(table)) == {"year", "h"}


def test_an_hour_and_minute_number_follows_its_timestamp() -> None:
    """So that ``sched_dep_time`` 1430 and ``hour`` 14 can never disagree."""
    stamps, minute = instants(), noise(high=60)
    hour = np.array([m.hour for m in stamps.to_pylist()])
    table = pa.table({"at": stamps, "clock": hour * 100 + minute, "hour": hour, "minute": minute})

    assert found(table) == {"hour": ("calendar", ("at",)), "clock": ("recombined", ("at", "minute"))}
    assert recomputed(table).equals(table)


def test_without_a_timestamp_hours_and_minutes_are_digits() -> None:
    clock = noise(high=24) * 100 + noise(high=60, seed=1)
    table = pa.table({"clock": clock, "hour": clock // 100, "minute": clock % 100})

    assert found(table) == {"hour": ("quotient", ("clock",)), "minute": ("remainder", ("clock",))}


def test_an_equal_column_follows_the_earlier_one() -> None:
    values = [None if i % 7 == 0 else f"v{i}" for i in range(N)]

    assert found(pa.table({"a": values, "b": values})) == {"b": ("equal", ("a",))}


def test_equal_but_for_one_null_is_not_equal() -> None:
    values = [f"v{i}" for i in range(N)]

    assert found(pa.table({"a": values, "b": [*values[:-1], None]})) == {}


def test_a_ratio_is_exact_in_decimals() -> None:
    cents = noise(high=10**6)
    euros = pa.array([Decimal(int(c)) / 100 for c in cents], pa.decimal128(12, 2))
    table = pa.table({"euros": euros, "cents": cents})

    assert found(table) == {"cents": ("ratio", ("euros",))}
    assert recomputed(table).equals(table)


def test_a_constant_difference_is_found() -> None:
    assert found(pa.table({"a": noise(), "b": noise() + 7})) == {"b": ("difference", ("a",))}


def test_sums_and_products_of_decimals_are_exact() -> None:
    price = pa.array([Decimal(int(c)) / 100 for c in noise(high=10**6)], pa.decimal128(12, 2))
    quantity, tax = noise(high=9, seed=1), noise(high=10**4, seed=2)
    net = pa.array([p * int(q) for p, q in zip(price.to_pylist(), quantity, strict=True)], pa.decimal128(14, 2))
    fee = pa.array([Decimal(int(t)) / 100 for t in tax], pa.decimal128(12, 2))
    gross = pa.array([n + f for n, f in zip(net.to_pylist(), fee.to_pylist(), strict=True)], pa.decimal128(14, 2))
    lines = pa.table({"price": price, "quantity": quantity, "net": net})
    totals = pa.table({"net": net, "tax": fee, "gross": gross})

    assert found(lines) == {"net": ("product", ("price", "quantity"))}
    assert found(totals) == {"gross": ("sum", ("net", "tax"))}
    assert recomputed(lines).equals(lines)
    assert recomputed(totals).equals(totals)


def test_a_sum_with_one_wrong_row_is_not_derived() -> None:
    a, b = noise(), noise(seed=1)
    c = a + b
    c[N // 2 + 3] += 1

    assert found(pa.table({"a": a, "b": b, "c": c})) == {}


def test_nulls_of_a_source_are_nulls_of_the_sum() -> None:
    a, b = noise(), noise(seed=1)
    hole = np.arange(N) % 9 == 0
    table = pa.table({"a": pa.array(a, mask=hole), "b": b, "c": pa.array(a + b, mask=hole)})

    assert set(found(table)) == {"c"}
    assert recomputed(table).equals(table)


def test_lower_case_is_found() -> None:
    table = pa.table({"a": [f"Name {i}" for i in range(N)], "b": [f"name {i}" for i in range(N)]})

    assert found(table) == {"b": ("lower", ("a",))}


@pytest.mark.parametrize("n", [0, 1, 49])
def test_few_rows_prove_nothing(n: int) -> None:
    assert found(pa.table({"a": list(range(n)), "b": list(range(n))})) == {}


def test_few_values_prove_nothing() -> None:
    flags = [i % 2 for i in range(N)]

    assert found(pa.table({"a": flags, "b": flags})) == {}


def test_only_candidates_are_derived() -> None:
    a = noise()

    assert detect(pa.table({"a": a, "b": a}), candidates=["a"]) == ()


def test_derived_columns_depend_on_none_that_is_derived() -> None:
    a, b = noise(), noise(seed=1)
    relations = detect(pa.table({"a": a, "b": b, "c": a + b, "d": a, "f": 3 * a}))

    derived = {r.column for r in relations}
    assert derived == {"c", "d", "f"}
    assert not derived & {s for r in relations for s in r.sources}


def test_missing_columns_come_back_with_their_type() -> None:
    a = pa.array(noise(), pa.int16())
    relations = detect(pa.table({"a": a, "b": a}))

    made = apply(pa.table({"a": pa.array([5, None], pa.int16())}), relations)

    assert made.column("b").to_pylist() == [5, None]
    assert made.schema.field("b").type == pa.int16()


def test_what_a_type_cannot_hold_is_put_at_its_end() -> None:
    relation = Derived(
        column="b", kind="ratio", sources=("a",), parameters={"numerator": 9, "denominator": 1}, arrow_type="int8"
    )

    assert apply(pa.table({"a": [1, 100, -100]}), [relation]).column("b").to_pylist() == [9, 127, -128]


def test_a_relation_is_json() -> None:
    relation = detect(pa.table({"a": noise(), "b": noise() + 3}))[0]

    assert Derived.model_validate_json(relation.model_dump_json()) == relation


def test_int64_extremes_do_not_overflow() -> None:
    a = np.array([2**63 - 1 - i for i in range(N)])
    table = pa.table({"a": a, "b": a - 2**62, "u": pa.array([2**64 - 1 - i for i in range(N)], pa.uint64())})

    assert found(table) == {"b": ("difference", ("a",))}
    assert recomputed(table).equals(table)


@pytest.mark.parametrize(
    "dtype", [pa.list_(pa.int64()), pa.struct([("a", pa.int64())]), pa.binary(), pa.null()], ids=str
)
def test_other_types_are_left_alone(dtype: pa.DataType) -> None:
    assert detect(pa.table({"a": pa.nulls(N, dtype), "b": noise()})) == ()


def test_years_far_from_ours_are_computed() -> None:
    days = pa.array(np.linspace(-700_000, 2_900_000, N).astype(np.int32)).view(pa.date32())
    table = pa.table({"on": days, "year": [d.year for d in days.to_pylist()]})

    assert found(table) == {"year": ("calendar", ("on",))}


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(st.integers(-50, 50) | st.none(), st.integers(-50, 50), st.floats(allow_nan=True) | st.none()),
        min_size=50,
        max_size=80,
    ),
    st.sampled_from(["sum", "copy", "scaled", "none"]),
)
def test_detecting_and_applying_changes_no_value(rows: list[tuple[int | None, int, float | None]], kind: str) -> None:
    a, b, x = (list(column) for column in zip(*rows, strict=True))
    made: dict[str, Callable[[int, int], int]] = {
        "sum": lambda p, q: p + q,
        "copy": lambda p, _q: p,
        "scaled": lambda p, _q: p * 4,
        "none": lambda _p, q: q % 3,
    }
    c = [None if p is None else made[kind](p, q) for p, q in zip(a, b, strict=True)]
    table = pa.table(
        {"a": pa.array(a, pa.int64()), "b": b, "x": pa.array(x, pa.float64()), "c": pa.array(c, pa.int32())}
    )

    again = apply(table, detect(table))

    assert again.drop_columns("x").equals(table.drop_columns("x"))


def test_relations_among_twenty_columns_are_found() -> None:
    n = 10_000
    columns = {f"c{i}": noise(n, 10**6, seed=i) for i in range(16)}
    stamps = instants(n, step=311)
    columns |= {"at": stamps, "sum": columns["c0"] + columns["c1"], "q": columns["c2"] // 100, "same": columns["c3"]}
    table = pa.table(columns)

    assert {r.column for r in detect(table)} == {"sum", "q", "same"}
