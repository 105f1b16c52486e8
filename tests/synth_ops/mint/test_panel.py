"""Composite keys are unique, keep their groups' shares, and lie where the original's lie."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_ops.mint.panel import Panel

HOUR = 3_600_000_000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pairs(groups: pa.Array | None, values: pa.Array) -> set[tuple[object, object]]:
    labels = [None] * len(values) if groups is None else groups.to_pylist()
    return set(zip(labels, values.to_pylist(), strict=True))


def hourly(n_hours: int, labels: list[str], *, missing: int = 0) -> tuple[pa.Array, pa.ChunkedArray]:
    hours = np.tile(np.arange(n_hours), len(labels)) * HOUR + 1_356_998_400_000_000
    groups = np.repeat(labels, n_hours)
    kept = np.sort(rng().permutation(len(hours))[missing:])
    return pa.array(groups[kept]), pa.chunked_array([pa.array(hours[kept]).view(pa.timestamp("us"))])


def test_a_nearly_complete_panel_comes_out_nearly_complete() -> None:
    groups, values = hourly(2000, ["a", "b", "c"], missing=20)
    panel = Panel.fit(groups, values, rare_below=10)

    labels, times = panel.mint(5980, rng())

    assert len(pairs(labels, times)) == 5980
    assert times.type == pa.timestamp("us")
    assert all((t.minute, t.second) == (0, 0) for t in times.to_pylist())
    assert pc.count_distinct(times).as_py() < 2100
    assert pc.value_counts(labels).field(1).to_pylist() == pytest.approx([1993, 1993, 1993], abs=10)


def test_twice_the_rows_extend_the_range() -> None:
    groups, values = hourly(500, ["a"])

    labels, times = Panel.fit(groups, values, rare_below=10).mint(1000, rng())

    assert len(pairs(labels, times)) == 1000


def test_groups_that_are_given_are_kept() -> None:
    groups, values = hourly(500, ["a", "b"])
    given_groups = pa.array(["b", "new", "b", None, "a"])

    labels, times = Panel.fit(groups, values, rare_below=10).mint(5, rng(), given_groups)

    assert labels is given_groups
    assert len(pairs(labels, times)) == 5


def test_lines_within_an_order_count_from_one() -> None:
    orders = pa.array(np.repeat(np.arange(100), 3))
    panel = Panel.fit(orders, pa.chunked_array([pa.array([1, 2, 3] * 100, pa.int16())]), rare_below=10)

    _, lines = panel.mint(6, rng(), pa.array(["x", "y", "x", "x", "z", "y"]))

    assert panel.kind == "sequence"
    assert lines == pa.array([1, 1, 2, 3, 1, 2], pa.int16())


def test_orders_are_drawn_where_none_are_given() -> None:
    orders = pa.array(np.repeat(np.arange(100), 3))
    panel = Panel.fit(orders, pa.chunked_array([pa.array([1, 2, 3] * 100)]), rare_below=10)

    labels, lines = panel.mint(30, rng())

    assert lines.to_pylist() == [1, 2, 3] * 10
    assert len(pairs(labels, lines)) == 30


def test_weekends_stay_closed() -> None:
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(700)]
    open_days = [d for d in days if d.weekday() < 5] * 2
    groups = pa.array(["a"] * (len(open_days) // 2) + ["b"] * (len(open_days) // 2))
    panel = Panel.fit(groups, pa.chunked_array([pa.array(open_days)]), rare_below=10)

    labels, minted = panel.mint(900, rng())

    assert len(pairs(labels, minted)) == 900
    assert {d.weekday() for d in minted.to_pylist()} == {0, 1, 2, 3, 4}


def test_months_stay_months() -> None:
    months = [dt.date(2000 + i // 12, i % 12 + 1, 1) for i in range(120)]
    panel = Panel.fit(None, pa.chunked_array([pa.array(months)]), rare_below=10)

    labels, minted = panel.mint(110, rng())

    assert labels is None
    assert len(set(minted.to_pylist())) == 110
    assert {d.day for d in minted.to_pylist()} == {1}


def test_busy_times_stay_busy() -> None:
    days = np.where(rng().random(4000) < 0.9, rng().integers(0, 1000, 4000), rng().integers(9000, 10_000, 4000))
    groups = pa.array(rng().integers(0, 40, 4000))
    panel = Panel.fit(groups, pa.chunked_array([pa.array(days.astype(np.int32)).view(pa.date32())]), rare_below=10)

    _, minted = panel.mint(3000, rng())

    early = np.mean(minted.view(pa.int32()).to_numpy() < 1500)
    assert early == pytest.approx(0.9, abs=0.05)


def test_small_groups_are_not_named() -> None:
    groups, values = hourly(500, ["large"])
    both = pa.concat_arrays([groups, pa.array(["small"] * 5)])
    times = pa.chunked_array([*values.chunks, values.chunk(0)[:5]])

    panel = Panel.fit(both, times, rare_below=10)

    assert "small" not in panel.model_dump_json()


def test_a_panel_is_json() -> None:
    panel = Panel.fit(*hourly(100, ["a", "b"]), rare_below=10)

    assert Panel.model_validate_json(panel.model_dump_json()) == panel


@pytest.mark.parametrize("n_fit", [0, 1, 5, 30])
@pytest.mark.parametrize("n", [0, 1, 50])
def test_tiny_tables_work(n_fit: int, n: int) -> None:
    groups, values = hourly(30, ["a"])

    labels, times = Panel.fit(groups[:n_fit], values[:n_fit], rare_below=10).mint(n, rng())

    assert len(times) == n
    assert len(pairs(labels, times)) == n


def test_decimals_keep_their_scale() -> None:
    values = pa.array([Decimal(i) / 4 for i in range(200)], pa.decimal128(8, 2))

    _, minted = Panel.fit(None, pa.chunked_array([values]), rare_below=10).mint(150, rng())

    assert minted.type == values.type
    assert len(set(minted.to_pylist())) == 150
    assert all(v % Decimal("0.25") == 0 for v in minted.to_pylist())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(-300, 300)), max_size=150),
    st.integers(0, 200),
)
def test_minted_pairs_are_unique(rows: list[tuple[str, int]], n: int) -> None:
    groups = pa.array([g for g, _ in rows], pa.string())
    values = pa.chunked_array([pa.array([v for _, v in rows], pa.int64())])

    labels, minted = Panel.fit(groups, values, rare_below=3).mint(n, rng())

    assert len(pairs(labels, minted)) == n


@pytest.mark.parametrize("n_groups", [3, 10_000])
def test_many_rows_stay_distinct(n_groups: int) -> None:
    n = 40_000
    groups = pa.array(rng().integers(0, n_groups, n))
    days = pa.chunked_array([pa.array(rng().integers(0, 200_000, n).astype(np.int32)).view(pa.date32())])

    panel = Panel.fit(groups, days, rare_below=10)
    labels, minted = panel.mint(n, rng(), groups)

    assert len(pa.table({"g": labels, "v": minted}).group_by(["g", "v"]).aggregate([])) == n
