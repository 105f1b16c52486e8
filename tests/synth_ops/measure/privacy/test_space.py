"""Distances between rows of mixed types."""

import numpy as np
import pytest
from gate.toys import draw
from gate.toys import stack as stack_rows

from synth_ops.measure.privacy.space import MISMATCH, find_nearest, lay_out, lay_out_cells, some_of
from synth_ops.measure.stack import Stack


def stack_of(numbers: dict[str, list[float]], labels: dict[str, list[int]], n_synthetic: int = 0) -> Stack:
    """All rows but the last so many are training rows."""
    n = max(len(values) for values in [*numbers.values(), *labels.values()])  # type: ignore[arg-type] # joined lists
    return Stack(
        numbers={k: np.array(v, dtype=float) for k, v in numbers.items()},
        labels={k: np.array(v, dtype=np.int64) for k, v in labels.items()},
        words={},
        training=np.arange(n - n_synthetic),
        holdout=np.arange(0),
        synthetic=np.arange(n - n_synthetic, n),
        ids=np.arange(n - n_synthetic, dtype=np.uint64),
    )


def distance(stack: Stack, row: int, other: int) -> float:
    return float(find_nearest(lay_out(stack), np.array([row]), np.array([other])).distances[0, 0])


def test_the_nearest_are_those_that_all_pairs_show() -> None:
    rng = np.random.default_rng(0)
    stack = stack_rows(draw(300, rng), draw(200, rng), draw(5000, rng))
    space = lay_out(stack)
    found = find_nearest(space, stack.training, stack.synthetic, 5)
    points = space.points[stack.training][:, None].astype(float) - space.points[stack.synthetic]
    codes = space.codes[:, stack.training][:, :, None] != space.codes[:, stack.synthetic][:, None]
    pairs = (points**2).sum(axis=2) + MISMATCH * codes.sum(axis=0)

    assert len(space.codes) == 1
    assert found.distances**2 == pytest.approx(np.sort(pairs, axis=1)[:, :5], abs=1e-4)


def test_a_row_is_not_its_own_neighbour_but_its_twin_is() -> None:
    stack = stack_of({"x": [1.0, 1.0, 7.0]}, {})
    found = find_nearest(lay_out(stack), np.arange(3), np.arange(3))

    assert found.rows[:2, 0].tolist() == [1, 0]
    assert found.distances[:2, 0].tolist() == [0, 0]


def test_too_few_neighbours_are_infinitely_far() -> None:
    found = find_nearest(lay_out(stack_of({"x": [1.0, 2.0]}, {})), np.arange(2), np.arange(2), 3)

    assert found.rows.tolist() == [[1, -1, -1], [0, -1, -1]]
    assert np.isinf(found.distances[:, 1:]).all()


def test_nulls_equal_each_other_and_nothing_else() -> None:
    stack = stack_of({"x": [np.nan, np.nan, 1.0, 2.0]}, {"label": [-1, -1, -1, -1]})

    assert distance(stack, 0, 1) == 0
    assert distance(stack, 0, 2) >= np.sqrt(MISMATCH) - 1e-6


def test_rare_labels_are_as_far_apart_as_common_ones() -> None:
    stack = stack_of({}, {"few": [0] * 50 + [1] * 48 + [2, 3]})

    assert distance(stack, 0, 60) == pytest.approx(distance(stack, 98, 99)) == pytest.approx(np.sqrt(MISMATCH))


@pytest.mark.parametrize("n_labels", [2, 3, 16, 17, 200])
def test_a_mismatch_costs_the_same_however_many_labels_there_are(n_labels: int) -> None:
    stack = stack_of({}, {"label": list(range(n_labels))})

    assert distance(stack, 0, n_labels - 1) == pytest.approx(np.sqrt(MISMATCH))


def test_extremes_stay_far_from_the_others_and_from_each_other() -> None:
    rng = np.random.default_rng(0)
    stack = stack_of({"x": [*rng.normal(size=1000), 20.0, 40.0, 1e9, 2e9]}, {})

    assert distance(stack, 1000, int(np.argmax(stack.numbers["x"][:1000]))) > 5
    assert distance(stack, 1000, 1001) > 1
    assert distance(stack, 1002, 1003) > 1


def test_scale_and_sign_of_a_number_do_not_matter() -> None:
    x = np.random.default_rng(0).lognormal(size=500).tolist()
    plain, turned = (stack_of({"x": v}, {}) for v in (x, [-1e6 * value - 3 for value in x]))

    assert lay_out(plain).points == pytest.approx(-lay_out(turned).points, abs=1e-3)


def test_a_number_that_is_mostly_one_value_keeps_its_spread() -> None:
    stack = stack_of({"x": [0.0] * 995 + [1.0, 2.0, 50.0, 100.0, -5.0]}, {})

    assert distance(stack, 998, 997) > distance(stack, 996, 995) > 0


def test_infinite_values_have_finite_places() -> None:
    space = lay_out(stack_of({"x": [np.inf, -np.inf, 0.0, 1.0, np.nan]}, {}))

    assert np.isfinite(space.points).all()


def test_values_that_only_synthetic_rows_hold_have_places() -> None:
    space = lay_out(stack_of({"x": [1.0, 1.0, 5.0], "empty": [np.nan, np.nan, 3.0]}, {"label": [0, 0, 9]}, 1))

    assert np.isfinite(space.points).all()
    assert find_nearest(space, np.array([2]), np.arange(2)).distances[0, 0] > 1


def test_cells_weigh_by_what_they_tell() -> None:
    """The first differs from the others in the telling column, or in the other; it is nearer by the latter."""
    telling, other = [1.5, 7.5, 1.5, *np.arange(50.0)], [0, 0, 1, *[0, 1] * 25]
    space = lay_out_cells(stack_of({"telling": telling}, {"other": other, "constant": [3] * 53}))

    assert len(space.codes) == 2
    assert find_nearest(space, np.array([0]), np.array([1, 2])).rows[0, 0] == 2


def test_a_sample_is_drawn_only_of_many() -> None:
    rng, rows = np.random.default_rng(0), np.arange(10, 20)

    assert some_of(rows, 10, rng) is rows
    assert len(set(some_of(rows, 4, rng).tolist()) & set(rows.tolist())) == 4
