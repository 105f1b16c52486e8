import numpy as np
import pytest
import torch
from torch import Tensor

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model.config import NetworkConfig
from synth_ops.model.marginals import count_codes
from synth_ops.model.row_gradient import RowGradient
from synth_ops.model.vae import VAE

SIZES = NetworkConfig(d_embedding=6, d_hidden=24, n_blocks=2, d_conditioning=1, dropout=0.0)
N_LEAVES = 300


def toy_rows(n: int) -> Tensor:
    """Give a category, a boolean, and an ordered column of so many codes that a mixture models it."""
    rng = np.random.default_rng(5)
    category = rng.integers(0, 7, n)
    leaf = 1 + np.clip(rng.normal(40 * category, 25, n), 0, N_LEAVES - 2).astype(int)
    return torch.from_numpy(np.stack([category, rng.integers(0, 3, n), leaf], 1))


@pytest.fixture
def network() -> VAE:
    layout = Layout(
        sub_columns=(
            SubColumn(column="kind", part="value", size=7),
            SubColumn(column="ok", part="value", size=3, n_special=1),
            SubColumn(column="size", part="value", size=N_LEAVES, ordinal=True, n_special=1),
        )
    )
    torch.manual_seed(0)
    network = VAE(layout, count_codes(toy_rows(3_000), layout), 0, SIZES)
    with torch.no_grad():  # away from where its outputs begin, which is nearly zero
        for name, parameter in network.named_parameters():
            if name.startswith("decoder") and parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def of_row(network: VAE, row: Tensor) -> list[Tensor]:
    """Give one row's gradient as autograd has it."""
    parameters = network.parts()["evidence"]
    found = torch.autograd.grad(network.row_nats(row[None]).sum(), parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def length(gradient: list[Tensor]) -> float:
    return float(torch.cat([g.flatten() for g in gradient]).norm())


def test_lengths_are_those_of_each_rows_own_gradient(network: VAE) -> None:
    rows = toy_rows(16)
    found = RowGradient(network, 1.0).lengths(rows)

    expected = torch.tensor([length(of_row(network, row)) for row in rows])
    assert len(network.heads.mixed) == 1
    assert torch.allclose(found, expected, rtol=1e-4)


def test_sum_is_that_of_gradients_clipped_one_by_one(network: VAE) -> None:
    rows, clip = toy_rows(16), 2.0
    each = [of_row(network, row) for row in rows]
    scaled = [[part * min(1.0, clip / length(g)) for part in g] for g in each]
    found = RowGradient(network, clip).clipped_sum(rows)

    assert any(length(g) > clip for g in each)
    assert all(torch.allclose(f, sum(p), atol=1e-4) for f, *p in zip(found, *scaled, strict=True))


def test_one_row_more_moves_the_sum_by_no_more_than_the_clip(network: VAE) -> None:
    rows, clip = toy_rows(64), 0.5
    gradient = RowGradient(network, clip)
    whole, fewer = gradient.clipped_sum(rows), gradient.clipped_sum(rows[:-1])

    moved = length([a - b for a, b in zip(whole, fewer, strict=True)])
    assert 0.9 * clip < moved <= clip * (1 + 1e-3)


def test_row_without_a_finite_gradient_counts_for_nothing(network: VAE) -> None:
    """Else one row could spoil the sum of all, which noise does not hide."""
    rows = toy_rows(8)
    gradient = RowGradient(network, 1.0)
    category = int(rows[0, 0])
    kept = rows[rows[:, 0] != category]
    with torch.no_grad():
        network.inputs.free[category] = torch.nan
    found = gradient.clipped_sum(rows)

    assert 0 < len(kept) < len(rows)
    assert all(torch.allclose(a, b) for a, b in zip(found, gradient.clipped_sum(kept), strict=True))


def test_no_rows_give_no_gradient(network: VAE) -> None:
    assert length(RowGradient(network, 1.0).clipped_sum(toy_rows(4)[:0])) == 0
