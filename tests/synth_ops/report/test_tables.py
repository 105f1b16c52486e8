import pytest

from synth_ops.report.tables import Headline


@pytest.mark.parametrize(
    ("observed", "floor", "independent", "recovered"),
    [
        (0.02, 0.02, 0.12, 1.0),
        (0.01, 0.02, 0.12, 1.0),
        (0.07, 0.02, 0.12, 0.5),
        (0.30, 0.02, 0.12, 0.0),
        (0.02, 0.02, 0.021, None),
        (0.02, None, 0.12, None),
    ],
)
def test_recovered_is_the_way_from_independent_columns_to_the_floor(
    observed: float, floor: float | None, independent: float, recovered: float | None
) -> None:
    found = Headline(observed=observed, floor=floor, independent=independent).recovered

    assert found == (None if recovered is None else pytest.approx(recovered))


def test_scale_holds_every_mark() -> None:
    assert Headline(observed=0.1, floor=0.3, independent=0.2).end > 0.3
    assert Headline(observed=0.0).end > 0
