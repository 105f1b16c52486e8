import torch
from torch import nn

from synth_ops.model.adamw import AdamW


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(4))]


def walk(optimizer: AdamW, own: list[nn.Parameter], n_steps: int) -> None:
    for step in range(n_steps):
        for parameter in own:
            parameter.grad = torch.sin(parameter.detach() + step)
        optimizer.step(0.01 / (1 + step))


def test_it_steps_as_torch_s_own_does() -> None:
    own, other = parameters(), parameters()
    theirs = torch.optim.AdamW(
        [{"params": [other[0]], "weight_decay": 0.1}, {"params": [other[1]], "weight_decay": 0.0}], betas=(0.9, 0.99)
    )
    for step in range(5):
        for parameter in other:
            parameter.grad = torch.sin(parameter.detach() + step)
        for group in theirs.param_groups:
            group["lr"] = 0.01 / (1 + step)
        theirs.step()

    walk(AdamW(own, weight_decay=0.1, betas=(0.9, 0.99)), own, 5)

    for mine, expected in zip(own, other, strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_parameter_without_a_gradient_stays() -> None:
    own = parameters()
    before = own[0].detach().clone()
    own[1].grad = torch.ones(4)

    AdamW(own, weight_decay=0.1, betas=(0.9, 0.99)).step(0.1)

    assert torch.equal(own[0], before)


def test_a_state_that_was_put_away_goes_on_as_if_nothing_had_been() -> None:
    own, other = parameters(), parameters()
    first, second = (AdamW(p, weight_decay=0.1, betas=(0.9, 0.99)) for p in (own, other))
    walk(first, own, 6)
    walk(second, other, 3)
    resumed = AdamW(other, weight_decay=0.1, betas=(0.9, 0.99))
    resumed.load(second.tensors())
    for step in range(3, 6):
        for parameter in other:
            parameter.grad = torch.sin(parameter.detach() + step)
        resumed.step(0.01 / (1 + step))

    assert all(torch.equal(a, b) for a, b in zip(own, other, strict=True))
