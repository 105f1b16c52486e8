import torch

from synth_ops.model.gan_judge import tell_apart
from tests.synth_ops.model.toys import rows


def test_rows_of_one_kind_cannot_be_told_apart() -> None:
    area = tell_apart(torch.from_numpy(rows(2_000)), torch.from_numpy(rows(4_000, seed=1)))

    assert 0.5 + 2 * (6_001 / (12 * 2_000 * 4_000)) ** 0.5 <= area < 0.54


def test_a_broken_joint_is_told_apart_though_each_column_is_right() -> None:
    made = torch.from_numpy(rows(4_000, seed=1))
    made[:, 3] = made[torch.randperm(4_000, generator=torch.Generator().manual_seed(0)), 3]

    assert tell_apart(torch.from_numpy(rows(2_000)), made) > 0.7
