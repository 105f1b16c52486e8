import pytest

from synth_ops.model.eta import validations_left


def shrinking(factor: float, n: int) -> list[float]:
    """Give losses each of whose gains is that share of the gain before; the first is 8."""
    losses = [20.0]
    for i in range(n):
        losses.append(losses[-1] - 8 * factor**i)
    return losses


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.7])
def test_gains_that_shrink_steadily_tell_when_they_will_be_lost_in_noise(factor: float) -> None:
    whole = shrinking(factor, 60)
    last = next(i for i in range(1, 60) if whole[i - 1] - whole[i] < 3e-4 * (whole[0] - whole[-1]))

    after_a_few = 5 + validations_left(whole[:6], 0, patience=5)

    assert after_a_few == pytest.approx(last + 5, rel=0.2)


def test_validations_without_gain_count_down_what_patience_is_left() -> None:
    assert validations_left([9.0, 5.0, 4.0, 4.1, 4.2], 2, patience=5) == 3


def test_a_training_that_never_gained_is_given_its_patience() -> None:
    assert validations_left([9.0, 9.0], 0, patience=5) == 5
