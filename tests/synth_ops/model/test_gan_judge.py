import torch

from synth_ops.model.gan_judge import tell_apart
from tests.synth_ops.model.toys import rows


def test_rows_of_one_kind_cannot_be_told_apart() -> None:
    assert abs(tell_apart(torch.from_numpy(rows(2_000)), torch.from_numpy(rows(4_000, seed=1))) - 0.5) < 0.04


def test_a_broken_joint_is_told_apart_though_each_column_is_right() -> None:
    made = torch.from_numpy(rows(4_000, seed=1))
    made[:, 3] = made[torch.randperm(4_000, generator=torch.Generator().manual_seed(0)), 3]

    assert tell_apart(torch.from_numpy(rows(2_000)), made) > 0.7
