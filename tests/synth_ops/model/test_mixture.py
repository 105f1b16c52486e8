import torch
from torch import Tensor

from synth_ops.model.mixture import N_COMPONENTS, N_MIXTURE, marginal_mixture, mixture_nats


def edges(n_rows: int, n_mixed: int) -> tuple[Tensor, Tensor]:
    """Give cells of a hundredth to some units, and at the ends to where no probability is left."""
    noise = torch.Generator().manual_seed(0)
    low = 3 * torch.randn(n_rows, n_mixed, generator=noise, dtype=torch.float64)
    high = low + 10 ** (torch.rand(n_rows, n_mixed, generator=noise, dtype=torch.float64) * 3 - 2)
    low[0], high[1] = -60.0, 60.0
    return low, high


def mixtures(n_rows: int, n_mixed: int) -> Tensor:
    return torch.randn(
        n_rows, n_mixed * N_MIXTURE, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).requires_grad_()


def test_the_gradient_is_that_of_the_function() -> None:
    low, high = edges(6, 2)

    assert torch.autograd.gradcheck(lambda m: mixture_nats(m, low, high), mixtures(6, 2))


def test_it_is_the_mass_between_the_edges() -> None:
    low, high = edges(8, 1)
    drawn = mixtures(8, 1).detach()
    weights, centres, scales = drawn.unflatten(1, (3, N_COMPONENTS)).unbind(1)
    mass = torch.sigmoid((high - centres) / scales.exp()) - torch.sigmoid((low - centres) / scales.exp())
    expected = (torch.softmax(weights, 1) * mass).sum(1)

    torch.testing.assert_close(torch.exp(-mixture_nats(drawn, low, high))[:, 0], expected)


def test_cells_that_cover_the_scale_share_all_of_it() -> None:
    cuts = torch.cat([torch.tensor([-60.0]), torch.linspace(-6, 6, 50), torch.tensor([60.0])]).double()
    drawn = mixtures(1, 1).detach().expand(len(cuts) - 1, -1)

    nats = mixture_nats(drawn, cuts[:-1, None], cuts[1:, None])

    assert abs(float(torch.exp(-nats).sum()) - 1) < 1e-3  # a wide component reaches a little beyond the ends


def test_far_from_every_component_the_gradient_is_finite() -> None:
    drawn = (torch.full((1, N_MIXTURE), -20.0)).requires_grad_()  # scales at their narrowest
    mixture_nats(drawn, torch.tensor([[50.0]]), torch.tensor([[50.0 + 1e-6]])).sum().backward()

    assert drawn.grad is not None
    assert torch.isfinite(drawn.grad).all()


def test_the_marginal_s_mixture_is_a_standard_logistic_where_the_others_are_closed() -> None:
    low, high = edges(5, 1)

    nats = mixture_nats(marginal_mixture(-1e4).double().expand(5, -1), low, high)

    torch.testing.assert_close(torch.exp(-nats), torch.sigmoid(high) - torch.sigmoid(low))
