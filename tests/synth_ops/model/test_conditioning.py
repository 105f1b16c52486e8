import numpy as np
import pytest

from synth_ops.model import Given, Synthesizer, fit_synthesizer
from tests.synth_ops.model.toys import LAYOUT, SMALL, SMOOTH, rows, smooth_rows

LONGER = SMALL.model_copy(update={"n_epochs": 40, "patience": 20, "conditioning": 1.0})


@pytest.fixture(scope="module")
def of_rows() -> Synthesizer:
    return fit_synthesizer("vae", rows(4_000), LAYOUT, 0, LONGER)[0]


@pytest.fixture(scope="module")
def of_smooth_rows() -> Synthesizer:
    return fit_synthesizer("vae", smooth_rows(4_000), SMOOTH, 0, LONGER)[0]


def given_columns(codes: np.ndarray, *columns: int, never_null: bool = False) -> Given:
    is_given = np.zeros(codes.shape, np.bool_)
    is_given[:, columns] = True
    return Given(codes=codes, is_given=is_given, never_null=never_null)


@pytest.mark.parametrize("columns", [(3,), (0,), (1, 2, 3), (0, 3)])
def test_any_columns_can_be_given_and_the_joint_holds(of_rows: Synthesizer, columns: tuple[int, ...]) -> None:
    asked = rows(2_000, seed=9)

    sampled = of_rows.sample(2_000, context=None, seed=1, given=given_columns(asked, *columns))

    np.testing.assert_array_equal(sampled[:, columns], asked[:, columns])
    a, b, fine, c = sampled.T
    assert np.mean((a % 2 == b % 2) == c) > 0.97
    assert np.mean(fine < np.maximum(b, 1)) > 0.98


def test_rows_may_differ_in_what_is_given(of_rows: Synthesizer) -> None:
    asked = rows(2_000, seed=9)
    is_given = np.zeros(asked.shape, np.bool_)
    is_given[:1_000, 3] = is_given[500:, 0] = True

    sampled = of_rows.sample(2_000, context=None, seed=1, given=Given(asked, is_given))

    np.testing.assert_array_equal(sampled[is_given], asked[is_given])
    assert np.mean((sampled[:, 0] % 2 == sampled[:, 1] % 2) == sampled[:, 3]) > 0.97


def test_an_ordered_column_follows_a_later_one_that_is_given(of_smooth_rows: Synthesizer) -> None:
    asked = smooth_rows(2_000, seed=9)
    asked[:, 2] = np.where(asked[:, 2] == 200, 350, asked[:, 2])

    sampled = of_smooth_rows.sample(2_000, context=None, seed=1, given=given_columns(asked, 2))

    known = sampled[:, 1] > 0
    assert abs(known.mean() - 0.9) < 0.05
    assert np.median(np.abs(sampled[known, 1] - asked[known, 2])) < 20
    assert np.mean((asked[known, 2] > 200) == sampled[known, 0]) > 0.9


def test_missing_values_are_filled_with_others_than_null(of_smooth_rows: Synthesizer) -> None:
    asked = smooth_rows(2_000, seed=9)

    sampled = of_smooth_rows.sample(2_000, context=None, seed=1, given=given_columns(asked, 0, 2, never_null=True))

    assert (sampled[:, 1] > 0).all()


def test_nothing_given_is_sampled_as_ever() -> None:
    told, _ = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, SMALL)
    untold, _ = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, SMALL.model_copy(update={"conditioning": 0.0}))

    np.testing.assert_array_equal(told.sample(500, context=None, seed=3), untold.sample(500, context=None, seed=3))


def test_first_rows_do_not_depend_on_how_many_follow() -> None:
    synthesizer, _ = fit_synthesizer("vae", rows(1_000), LAYOUT, 0, SMALL)

    few, many = (synthesizer.sample(n, context=None, seed=3) for n in (20_000, 40_000))

    np.testing.assert_array_equal(few[:16_384], many[:16_384])
    assert not np.array_equal(many[:16_384], many[16_384 : 2 * 16_384])
