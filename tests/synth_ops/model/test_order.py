from synth_ops.model.order import reading_order, reordered
from tests.synth_ops.model.toys import LAYOUT


def test_small_columns_are_read_first_and_parts_stay_together() -> None:
    assert reading_order(LAYOUT, 0) == (3, 0, 1, 2)


def test_context_keeps_its_place() -> None:
    assert reading_order(LAYOUT, 3) == (0, 1, 2, 3)
    assert reading_order(LAYOUT, 1) == (0, 3, 1, 2)


def test_a_fine_sub_column_still_points_at_its_coarse_one() -> None:
    read = reordered(LAYOUT, reading_order(LAYOUT, 0))

    assert [s.column for s in read.sub_columns] == ["c", "a", "b", "b"]
    assert read.sub_columns[3].within == 2
