import pytest
import torch

from synth_ops.model.gan_critic import PAC, Critic, critic_vectors, gradient_penalty, in_packs
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.marginals import count_codes, marginals_of
from tests.synth_ops.model.toys import SMOOTH, smooth_rows


class Slope(torch.nn.Module):
    """Judge packs by the sum of their numbers, times a slope."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.slope * in_packs(rows).sum(1)


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_penalty_is_the_squared_distance_of_the_slope_from_one(slope: float, penalty: float) -> None:
    real, made = torch.randn(2, 8 * PAC, 4).unbind()
    critic = Slope(slope / (4 * PAC) ** 0.5)  # the gradient of a sum over a pack is as long as the root of its width

    measured = gradient_penalty(critic, real, made, torch.Generator().manual_seed(0))

    assert float(measured) == pytest.approx(penalty, abs=1e-5)


def test_packs_are_judged_one_by_one() -> None:
    critic, rows = Critic(3), torch.randn(4 * PAC, 3)
    changed = rows.clone()
    changed[0] += 1

    before, after = critic(rows), critic(changed)

    assert before.shape == (4,)
    assert before[0] != after[0]
    assert torch.equal(before[1:], after[1:])


def test_the_critic_sees_outcomes_and_ranks() -> None:
    codes = torch.from_numpy(smooth_rows(2_000)).long()
    marginals = marginals_of(SMOOTH, count_codes(codes, SMOOTH))

    half, x, _ = critic_vectors(marginals, CodeInputs(marginals, 4, own_days=True))

    assert torch.equal(half.vectors, torch.eye(2))
    flags, ranks = x.vectors.split([marginals[1].n_outcomes, x.vectors.shape[1] - marginals[1].n_outcomes], 1)
    assert torch.equal(flags.sum(1), torch.ones(401))
    assert not ranks[0].any()  # null has no rank
    assert (ranks[2:, 0] > ranks[1:-1, 0]).all()
