import json

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.report import ColumnChart, TableCharts, collect_table
from tests.synth_ops.report.toys import RARE, plan_of, real, table_plan

K = 10


def collect(one: pa.Table, other: pa.Table) -> TableCharts:
    plan = table_plan(one)
    return collect_table(plan_of(plan), plan, one, other)


def collect_owned(one: pa.Table, ids: list[int]) -> TableCharts:
    plan = table_plan(one)
    return collect_table(plan_of(plan), plan, one, one, ids=np.array(ids, dtype=np.uint64))


def column(charts: TableCharts, name: str) -> ColumnChart:
    return next(c for c in charts.columns if c.name == name)


def test_no_category_below_the_threshold_is_named() -> None:
    charts = collect(real(), real(1))

    assert column(charts, "plan").labels[:3] == ("free", "pro", "team") or RARE not in column(charts, "plan").labels
    assert "canary" not in charts.model_dump_json()


def test_extremes_are_not_on_the_axis() -> None:
    assert max(column(collect(real(), real(1)), "amount").edges) < 10_000


def test_pool_too_small_to_show_takes_the_smallest_category_in() -> None:
    words = ["a"] * 100 + ["b"] * 50 + ["c"] * 3
    table = pa.table({"id": range(153), "w": words})

    chart = column(collect(table, table), "w")

    assert chart.labels == ("a", "other")
    assert list(chart.real) == pytest.approx([100 / 153, 53 / 153], rel=5e-3)


def test_category_of_few_entities_is_not_named_however_many_rows_they_have() -> None:
    words = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    ids = [*range(100), *(1000 + i % 3 for i in range(100)), *range(200, 300)]
    table = pa.table({"id": range(300), "w": words})

    assert column(collect_owned(table, ids), "w").labels == ("a", "other")
    assert column(collect(table, table), "w").labels == ("a", "b", "c")


def test_a_number_that_is_none_is_a_category_like_others() -> None:
    table = pa.table({"id": range(150), "x": [1.0, 2.0, float("nan")] * 50})

    assert sorted(column(collect(table, table), "x").labels) == ["1", "2", "nan"]


def test_extremes_of_few_entities_are_not_on_the_axis_however_many_rows_they_have() -> None:
    ids = [*range(400), *(1000 + i % 3 for i in range(100))]
    table = pa.table({"id": range(500), "x": [*np.linspace(0, 100, 400), *np.linspace(300, 310, 100)]})

    assert max(column(collect_owned(table, ids), "x").edges) <= 110
    assert max(column(collect(table, table), "x").edges) > 290


@pytest.mark.parametrize("seed", range(8))
def test_every_bin_and_category_holds_enough_real_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 400))
    table = pa.table(
        {
            "id": range(n),
            "heavy": rng.pareto(0.5, n),
            "few": rng.integers(0, 30, n) ** 2,
            "spikes": np.where(rng.random(n) < 0.9, 0.0, rng.normal(size=n)),
            "word": [f"w{int(i)}" for i in rng.geometric(0.3, n)],
        }
    )

    charts = collect(table, table)

    least = min((s for c in charts.columns for s in c.real), default=1.0)
    assert least >= K / max(n, 1) * 0.995, "but for the rounding to three digits"


@pytest.mark.parametrize("name", ["id", "email", "note", "blob", "tags"])
def test_keys_faked_text_and_nested_columns_are_not_drawn(name: str) -> None:
    chart = column(collect(real(), real(1)), name)

    assert (chart.kind, chart.labels, chart.real) == ("withheld", (), ())


@pytest.mark.parametrize("name", ["amount", "at", "day", "clock", "paid"])
def test_numbers_and_times_are_drawn_as_bins(name: str) -> None:
    chart = column(collect(real(), real(1)), name)

    assert chart.kind == "numbers"
    assert len(chart.labels) == len(chart.edges) == len(chart.real) + 1
    assert sum(chart.real) == pytest.approx(1, abs=1e-2)
    assert sum(chart.synthetic) == pytest.approx(1, abs=1e-2)


def test_times_are_labelled_as_times() -> None:
    charts = collect(real(), real(1))

    assert column(charts, "at").labels[0].startswith("1970-")
    assert column(charts, "clock").labels[0] == "00:00"


def test_few_numbers_are_categories_in_their_order() -> None:
    assert column(collect(real(), real(1)), "score").labels == ("0", "1", "2", "3", "4")


def test_value_that_only_the_copy_has_counts_as_other() -> None:
    one = pa.table({"id": range(100), "w": ["a"] * 100})
    other = pa.table({"id": range(100), "w": ["a"] * 60 + ["invented"] * 40})

    chart = column(collect(one, other), "w")

    assert chart.labels == ("a", "other")
    assert chart.synthetic == (0.6, 0.4)
    assert chart.distance == pytest.approx(0.4)


def test_few_nulls_are_not_counted_out() -> None:
    words = [None] * 3 + ["a"] * 97

    chart = column(collect(pa.table({"id": range(100), "w": words}), pa.table({"id": [1], "w": ["a"]})), "w")

    assert chart.null_real is None


def test_few_rows_that_are_not_null_are_not_counted_out_either() -> None:
    words = [None] * 97 + ["a"] * 3

    chart = column(collect(pa.table({"id": range(100), "w": words}), pa.table({"id": [1], "w": ["a"]})), "w")

    assert chart.null_real is None


def test_real_figures_have_three_digits_at_most() -> None:
    table = pa.table({"id": range(12_345), "w": ["a"] * 4567 + ["b"] * 7778})

    charts = collect(table, table)

    assert charts.n_rows_real == 12_300
    assert column(charts, "w").real == (0.63, 0.37)


def test_noise_is_the_distance_that_chance_makes() -> None:
    rng = np.random.default_rng(0)
    one, other = ([pa.table({"id": range(900), "x": rng.normal(size=900)}) for _ in range(20)] for _ in range(2))

    charts = [column(collect(a, b), "x") for a, b in zip(one, other, strict=True)]

    assert np.mean([c.distance for c in charts]) == pytest.approx(np.mean([c.noise for c in charts]), rel=0.1)


def test_association_finds_what_goes_together() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    table = pa.table({"id": range(1000), "x": x, "y": -x, "w": np.where(x > 0, "up", "down"), "v": rng.random(1000)})
    shuffled = table.set_column(2, "y", pa.array(rng.permutation(x)))

    found = collect(table, shuffled).association

    assert found is not None
    assert found.columns == ("x", "y", "w", "v")
    assert found.real[0][1] == -1.0
    assert found.real[0][2] > 0.8
    assert abs(found.synthetic[0][1]) < 0.1
    assert abs(found.real[0][3]) < 0.1


def test_small_tables_show_no_association() -> None:
    table = real().slice(0, 150)

    assert collect(table, table).association is None


@pytest.mark.parametrize("n", [0, 1, 11])
def test_tiny_tables_are_measured_without_a_word(n: int) -> None:
    charts = collect(real().slice(100, n), real(1).slice(0, 0))

    assert charts.n_rows_real == n
    assert "free" not in charts.model_dump_json()


def test_odd_numbers_do_not_break_the_axis() -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1e308, -1e308, *np.linspace(0, 1, 200)]
    table = pa.table({"id": range(205), "x": values, "none": pa.nulls(205), "big": [2**63 - 1] * 205})

    charts = collect(table, table)

    assert column(charts, "x").kind == "numbers"
    assert json.loads(charts.model_dump_json())


def test_charts_are_the_same_every_time() -> None:
    assert collect(real(), real(1)) == collect(real(), real(1))


def test_charts_equal_their_own_json() -> None:
    charts = collect(real(), real(1))

    assert TableCharts.model_validate_json(charts.model_dump_json()) == charts


@pytest.mark.parametrize(
    ("low", "high"), [(-1.7e308, 1.7e308), (0.0, 5e-324), (1e17, 1e17 + 64), (-1e-200, 1e-200), (2.0**62, 2.0**63)]
)
def test_numbers_at_the_ends_of_floating_point_are_drawn_or_left_out(low: float, high: float) -> None:
    table = pa.table({"id": range(400), "x": np.concatenate([np.full(100, low), np.full(100, high), np.zeros(200)])})
    spread = pa.table({"id": range(400), "x": low / 2 + np.linspace(0, 1, 400) * (high / 2 - low / 2)})

    for one, other in ((table, spread), (spread, table)):
        chart = column(collect(one, other), "x")
        assert chart.kind == "withheld" or sum(chart.real) == pytest.approx(1, abs=1e-2)
        assert list(chart.edges) == sorted(set(chart.edges))


def test_dictionaries_are_read_as_their_values() -> None:
    words = pa.chunked_array([["a"] * 50, ["b"] * 50]).dictionary_encode()

    chart = column(collect(pa.table({"id": range(100), "w": words}), pa.table({"id": range(100), "w": words})), "w")

    assert chart.labels == ("a", "b")
