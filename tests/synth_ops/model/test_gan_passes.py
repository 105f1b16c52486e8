import torch

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model.gan_passes import dependence, plan_passes
from tests.synth_ops.model.toys import LAYOUT, rows


def flat(n_columns: int) -> Layout:
    return Layout(sub_columns=tuple(SubColumn(column=str(i), part="value", size=4) for i in range(n_columns)))


def test_a_narrow_table_takes_one_pass_a_column_and_a_finer_code_follows_its_coarser_one() -> None:
    assert plan_passes(torch.from_numpy(rows(500)), LAYOUT, 0).tolist() == [0, 1, 2, 2]


def test_context_is_filled_by_no_pass() -> None:
    assert plan_passes(torch.from_numpy(rows(500)), LAYOUT, 1).tolist() == [-1, 0, 1, 1]


def test_columns_that_determine_each_other_share_no_pass() -> None:
    codes = torch.randint(4, (2_000, 12), generator=torch.Generator().manual_seed(0))
    codes[:, 8:] = codes[:, :4]

    passes = plan_passes(codes, flat(12), 0)

    assert int(passes.max()) == 7
    assert all(passes[i] != passes[i + 8] for i in range(4))


def test_a_wide_table_takes_more_passes_but_no_more_than_sixteen() -> None:
    codes = torch.randint(4, (300, 100), generator=torch.Generator().manual_seed(0))

    assert int(plan_passes(codes[:, :48], flat(48), 0).max()) == 11
    assert int(plan_passes(codes, flat(100), 0).max()) == 15


def test_dependence_is_entropy_of_a_copy_and_nothing_of_chance() -> None:
    codes = torch.randint(4, (20_000, 2), generator=torch.Generator().manual_seed(0))

    information = dependence(torch.cat([codes, codes[:, :1]], 1))

    torch.testing.assert_close(information[0, 2], torch.log(torch.tensor(4.0)), atol=0.01, rtol=0)
    assert information[0, 1] < 0.01
