"""How strongly pairs go together, where the answer is known."""

import numpy as np
import pytest

from synth_ops.measure.associations import Sides, associations, cramers_v, mutual_information


def table(cells: dict[tuple[int, int], float], n: int = 4) -> np.ndarray:
    joint = np.zeros((1, n, n))
    for (i, j), share in cells.items():
        joint[0, i, j] = share
    return joint


INDEPENDENT = np.full((1, 4, 4), 1 / 16)
ONE_TO_ONE = table({(0, 0): 0.5, (1, 1): 0.5})


def test_independent_columns_score_nothing_and_equal_ones_all() -> None:
    assert cramers_v(INDEPENDENT)[0] == pytest.approx(0)
    assert cramers_v(ONE_TO_ONE)[0] == pytest.approx(1)
    assert mutual_information(INDEPENDENT)[0] == pytest.approx(0, abs=1e-12)
    assert mutual_information(ONE_TO_ONE)[0] == pytest.approx(1)


def test_a_constant_column_tells_nothing() -> None:
    constant = table({(0, 0): 0.5, (0, 1): 0.5})

    assert mutual_information(constant)[0] == 0
    assert cramers_v(constant)[0] == 0


def test_two_numbers_have_a_sign() -> None:
    both = Sides(np.array([True]), np.array([True]))
    falling = table({(0, 2): 1 / 3, (1, 1): 1 / 3, (2, 0): 1 / 3})

    assert associations(falling, both)[0] == pytest.approx(-1)
    assert associations(falling[:, ::-1], Sides(np.array([False]), np.array([False])))[0] == pytest.approx(1)


def test_nulls_are_left_out_of_numbers() -> None:
    both = Sides(np.array([True]), np.array([True]))
    rising = table({(0, 0): 0.25, (1, 1): 0.25, (3, 0): 0.5})

    assert associations(rising, both)[0] == pytest.approx(1)


@pytest.mark.parametrize("number_first", [True, False])
def test_a_label_explains_a_number_from_either_side(number_first: bool) -> None:  # noqa: FBT001 — a parameter of the test
    joint = table({(0, 0): 0.5, (1, 2): 0.5})
    sides = Sides(np.array([number_first]), np.array([not number_first]))

    assert associations(joint if not number_first else joint.transpose(0, 2, 1), sides)[0] == pytest.approx(1)
    assert associations(INDEPENDENT, sides)[0] == pytest.approx(0, abs=1e-6)
