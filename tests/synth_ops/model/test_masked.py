import pytest
import torch
from torch.nn import functional

from synth_ops.model.masked import MaskedLinear, plan_runs

IN = torch.arange(40).repeat_interleave(5)
OUT = torch.cat([torch.arange(40).repeat(4), torch.arange(40)])


def layer(*, strict: bool) -> MaskedLinear:
    torch.manual_seed(0)
    made = MaskedLinear(IN, OUT, strict=strict)
    made.runs = plan_runs(made.mask.sum(1).long().tolist())
    return made


@pytest.mark.parametrize("strict", [True, False])
def test_products_in_runs_and_their_gradients_are_those_of_the_whole_matrix(*, strict: bool) -> None:
    made, x = layer(strict=strict), torch.randn(30, 200, requires_grad=True)
    again, weight = x.detach().clone().requires_grad_(), made.weight.detach().clone().requires_grad_()

    y, expected = made(x), functional.linear(again, weight * made.mask, made.bias)
    for result in (y, expected):
        result.square().sum().backward()

    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(x.grad, again.grad)
    torch.testing.assert_close(made.weight.grad, weight.grad)


def test_a_weight_that_does_not_count_is_zero_and_has_no_gradient() -> None:
    made = layer(strict=True)
    made(torch.randn(8, 200)).sum().backward()

    assert made.weight.grad is not None
    assert not made.weight[made.mask == 0].any()
    assert not made.weight.grad[made.mask == 0].any()


def test_weights_put_in_by_hand_are_silenced() -> None:
    made = layer(strict=True)
    with torch.no_grad():
        made.weight.fill_(1.0)

    made.silence()

    assert torch.equal(made.weight, made.mask)


def test_runs_cover_all_outputs_in_order_and_spare_a_third_of_a_triangle() -> None:
    n_seen = list(range(1, 2_001))
    runs = plan_runs(n_seen)

    assert [run.start for run in runs] == [0, *(run.stop for run in runs[:-1])]
    assert runs[-1].stop == 2_000
    assert all(run.seen >= max(n_seen[run.start : run.stop]) for run in runs)
    assert sum((run.stop - run.start) * run.seen for run in runs) < 0.67 * 2_000**2


def test_no_outputs_are_no_runs() -> None:
    assert plan_runs([]) == []
