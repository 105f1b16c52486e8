import numpy as np
import pytest

from synth_ops.encode.leaves import Leaves

LEAVES = Leaves(
    points=(1, 2, 130, 149),
    point_codes=(0, 1, 3, 4),
    lows=(4, 6),
    high=7,
    counts=(9, 8),
    firsts=(0,),
    interval_codes=(2,),
    heaviest=2,
)


@pytest.mark.parametrize(
    ("value", "code"),
    [(1, 0), (130, 3), (4, 2), (7, 2), (8, 2), (60, 2), (100, 3), (131, 3), (140, 4), (10**9, 4), (-5, 0)],
)
def test_a_value_that_was_never_seen_goes_to_the_nearest_leaf(value: int, code: int) -> None:
    """An interval is no place for all that is no point: 100 children are not six."""
    assert LEAVES.encode(np.array([value])).tolist() == [code]


def test_numbers_that_64_bits_do_not_hold_go_there_too() -> None:
    huge = Leaves(
        points=(1, 2**70, 2**72),
        point_codes=(0, 2, 3),
        lows=(4,),
        high=7,
        counts=(9,),
        firsts=(0,),
        interval_codes=(1,),
    )

    assert huge.encode(np.array([5, 9, 2**71 - 2**69, 2**72], dtype=object)).tolist() == [1, 1, 2, 3]


def test_points_alone_share_what_lies_between() -> None:
    alone = Leaves(points=(1, 10), point_codes=(0, 1))

    assert alone.encode(np.array([0, 4, 7, 99])).tolist() == [0, 0, 1, 1]
