"""Each figure on tables small enough to know it by heart."""

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.measure.copies import measure_copies, upper_bound
from synth_ops.measure.draws import draw_samples
from synth_ops.measure.grid import bin_edges, bin_labels, bin_numbers
from synth_ops.measure.marginals import kolmogorov_smirnov, measure_nulls, total_variation
from synth_ops.measure.pairs import MAX_PAIRS, choose_pairs, measure_pairs
from synth_ops.measure.records import Measure, Measured, unfit
from synth_ops.measure.relations import ReadColumns, Sides, distance_of_counts, hash_keys, measure_foreign_key
from synth_ops.measure.stack import Stack, stack_rows
from synth_ops.measure.support import common_range, measure_categories, measure_ranges
from synth_ops.schema import ForeignKey

Columns = dict[str, list[object]]


def stack_of(real: pa.Table, synthetic: pa.Table, ids: np.ndarray | None = None) -> Stack:
    """Hold out each fifth row; text is labels and the rest numbers."""
    scales = {f.name: "label" if pa.types.is_string(f.type) else "number" for f in real.schema}
    return stack_rows(real, synthetic, scales, np.arange(real.num_rows) % 5 == 0, ids)  # type: ignore[arg-type] # two of the scales


def normal(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pa.table({"x": x, "y": x + 0.1 * rng.normal(size=n), "label": rng.choice(["a", "b"], n)})


def test_total_variation_of_disjoint_distributions_is_one() -> None:
    assert total_variation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1


def test_kolmogorov_smirnov_sees_order() -> None:
    p, near, far = np.eye(3)

    assert kolmogorov_smirnov(p, near) == kolmogorov_smirnov(p, far) == 1
    assert kolmogorov_smirnov(np.array([0.5, 0.5, 0]), np.array([0.5, 0, 0.5])) == 0.5


def test_few_values_are_bins_of_their_own() -> None:
    assert bin_edges(np.array([3.0, 1.0, 1.0, np.nan]), 10).tolist() == [1, 3]


def test_infinities_and_nulls_have_bins() -> None:
    values = np.concatenate([[-np.inf, np.inf, np.nan], np.arange(1000.0)])

    codes = bin_numbers(values, np.arange(len(values)), 10)

    assert codes[0] == 1
    assert codes[1] == codes[-1] == 10
    assert codes[2] == 11


def test_rare_and_unknown_labels_share_a_bin() -> None:
    codes = np.array([0] * 20 + [1] * 3 + [2, -1])

    bins = bin_labels(codes, np.arange(23), 10, rare_below=10)

    assert bins[[0, 20, 23, 24]].tolist() == [0, 10, 10, 11]


def test_common_range_leaves_out_the_extremes() -> None:
    assert common_range(np.arange(100.0), 10) == (9, 90)
    assert common_range(np.arange(8.0), 10) == (1, 6)


def test_no_value_is_common_to_an_empty_column() -> None:
    low, high = common_range(np.array([np.nan]), 10)

    assert low > high


def test_range_counts_what_lies_beyond() -> None:
    real, copy = pa.table({"x": np.arange(1000.0)}), pa.table({"x": [5.0, 500.0, 500.0, 5000.0]})

    (measure,) = measure_ranges("t", stack_of(real, copy), 10)

    assert measure.observed == 0.5


def test_unknown_and_rare_labels_are_told_apart() -> None:
    real = pa.table({"label": ["a"] * 90 + ["rare"] * 3})
    copy = pa.table({"label": ["a", "a", "rare", "new"]})

    unknown, rare = measure_categories("t", stack_of(real, copy), 10, {}, {})

    assert (unknown.observed, rare.observed) == (0.25, 0.25)


def test_labels_that_the_type_declares_are_never_rare() -> None:
    real = pa.table({"label": ["a"] * 90 + ["rare"] * 3})
    stack = stack_of(real, pa.table({"label": ["rare", "declared"]}))

    figures = measure_categories("t", stack, 10, {}, {"label": frozenset({"a", "rare", "declared"})})

    assert [m.observed for m in figures] == [0, 0]


def test_labels_that_a_copied_table_publishes_are_never_rare() -> None:
    real = pa.table({"label": ["a"] * 90 + ["rare"] * 3})
    stack = stack_of(real, pa.table({"label": ["rare", "new"]}))

    unknown, rare = measure_categories("t", stack, 10, {"label": frozenset({"rare"})}, {})

    assert (unknown.observed, rare.observed) == (0.5, 0)


def test_labels_of_one_prolific_customer_are_rare() -> None:
    real = pa.table({"label": ["a"] * 60 + ["theirs"] * 40})
    copy = pa.table({"label": ["a", "theirs"]})
    ids = np.append(np.arange(60), np.full(40, 99)).astype(np.uint64)

    _, by_rows = measure_categories("t", stack_of(real, copy), 10, {}, {})
    _, by_entities = measure_categories("t", stack_of(real, copy, ids), 10, {}, {})

    assert (by_rows.observed, by_entities.observed) == (0, 0.5)


def test_a_label_that_stayed_needs_half_as_many_entities() -> None:
    real = pa.table({"label": ["a"] * 60 + ["edge"] * 6 + ["rare"] * 4})
    stack = stack_of(real, pa.table({"label": ["edge", "edge", "edge", "rare"]}))
    kept = {"label": frozenset({"a", "edge", "rare"})}

    _, first_night = measure_categories("t", stack, 10, {}, {})
    _, later = measure_categories("t", stack, 10, {}, {}, kept)

    assert (first_night.observed, later.observed) == (1, 0.25)


def test_the_range_ends_with_the_kth_entity_and_not_with_the_kth_row() -> None:
    """Twenty of the largest values are one customer's; the encoder and the gate agree on where the range ends."""
    values = np.append(np.arange(400.0), 5_000 + np.arange(20.0))
    ids = np.append(np.arange(400), np.full(20, 999)).astype(np.uint64)
    stack = stack_of(pa.table({"x": values}), pa.table({"x": [5_005.0, 200.0]}), ids)

    (measure,) = measure_ranges("t", stack, 10)

    training = stack.training
    codec = TableCodec.fit(pa.table({"x": values[training]}), {}, FitRules(seed=0), ids=ids[training])
    made = codec.decode(codec.encode(pa.table({"x": values[training]})), np.random.default_rng(0)).column("x")
    low, high = common_range(values[training], 10, stack.owners)
    assert measure.observed == 0.5
    assert low <= min(made.to_pylist()) < max(made.to_pylist()) <= high < 400


def test_nulls_are_a_difference_of_shares() -> None:
    real = pa.table({"x": pa.array([1.0, None] * 500)})
    stack = stack_of(real, pa.table({"x": [1.0] * 1000}))

    (measure,) = measure_nulls("t", stack, draw_samples(stack, 3, 1000, np.random.default_rng(0)))

    assert measure.observed == pytest.approx(0.5, abs=0.05)
    assert measure.floor_high is not None
    assert measure.floor_high < 0.1


def test_a_copy_from_the_same_law_scores_its_floor() -> None:
    stack = stack_of(normal(5000, 1), normal(5000, 2))
    rng = np.random.default_rng(0)

    summary = next(iter(measure_pairs("t", stack, draw_samples(stack, 5, 1000, rng), 10, rng)))

    assert summary.observed == pytest.approx(summary.floor, abs=0.02)
    assert summary.independent is not None
    assert summary.floor is not None
    assert summary.independent > summary.floor + 0.1


def test_too_many_pairs_are_sampled() -> None:
    pairs = choose_pairs(tuple(f"c{i}" for i in range(60)), np.random.default_rng(0))

    assert len(set(pairs)) == MAX_PAIRS


def test_common_combinations_are_not_copies() -> None:
    real = pa.table({"label": ["a", "b"] * 500, "other": ["c"] * 1000})

    (measure,) = measure_copies("t", stack_of(real, real), 10)

    assert measure.observed == 0


def test_what_many_rows_of_few_entities_share_is_copied() -> None:
    real = pa.table({"label": ["a", "b"] * 500, "other": ["c"] * 1000})

    (measure,) = measure_copies("t", stack_of(real, real, np.arange(1000, dtype=np.uint64) % 8), 10)

    assert measure.observed == 1


def test_copies_of_telling_rows_are_counted() -> None:
    (measure,) = measure_copies("t", stack_of(normal(1000, 1), normal(1000, 1)), 10)

    assert measure.observed == 0.8
    assert measure.floor == 0


def test_rows_of_common_values_stand_beside_such_rows() -> None:
    """Rare labels never meet, so held-out rows with them would make a copy of common ones look like copying."""
    rng = np.random.default_rng(0)
    a, b, other_a, other_b = rng.integers(0, 30, (4, 2000)).astype(str)
    rare = np.where(rng.random(2000) < 0.4, np.arange(2000).astype(str), b)
    real, honest = pa.table({"a": a, "b": rare}), pa.table({"a": other_a, "b": other_b})

    (measure,) = measure_copies("t", stack_of(real, honest), 10)

    assert measure.observed is not None
    assert measure.floor_high is not None
    assert measure.observed < measure.floor_high


def test_a_share_never_seen_is_still_possible() -> None:
    assert 0 < upper_bound(0, 300) < 0.01


def test_keys_of_other_widths_meet() -> None:
    child, parent = pa.table({"k": pa.array([7], pa.int32())}), pa.table({"k": pa.array([7], pa.int64())})
    types: list[pa.DataType] = [pa.int64()]

    assert hash_keys(child, ("k",), types)[0] == hash_keys(parent, ("k",), types)[0]


def read_from(tables: dict[str, Columns]) -> ReadColumns:
    return lambda name, columns: pa.table(tables[name]).select(list(columns or ()))


def test_composite_keys_with_nulls_and_orphans_are_measured() -> None:
    key = ForeignKey(columns=("a", "b"), ref_table="parent", ref_columns=("x", "y"))
    parents: Columns = {"x": [1, 1, 2], "y": ["p", "q", "p"]}
    real: dict[str, Columns] = {"parent": parents, "child": {"a": [1, 1, 2, 2], "b": ["p", "q", "p", "p"]}}
    copy: dict[str, Columns] = {"parent": parents, "child": {"a": [1, 2, None, 1], "b": ["p", "q", "p", "q"]}}

    found = {m.name: m for m in measure_foreign_key("child", key, Sides(read_from(real), read_from(copy)))}

    assert found["orphans"].observed == pytest.approx(1 / 3)
    assert found["reference_nulls"].observed == 0.25
    assert found["children_per_parent"].observed == pytest.approx(1 / 3)


def test_spreads_of_no_parents_agree() -> None:
    none = np.zeros(0, dtype=np.int64)

    assert distance_of_counts(none, none) == 0
    assert distance_of_counts(none, np.ones(1, dtype=np.int64)) == 1


def test_a_figure_that_is_no_number_is_an_error() -> None:
    assert unfit(Measure(table="t", name="n", observed=float("nan"))).error is not None


def test_a_figure_never_measured_says_so() -> None:
    measured = Measured(night="2026-01-31", inputs="", measures=(), seconds=0)

    assert measured.find("t", "column_shape", "x").error == "no such figure was measured"
