import numpy as np
import pytest
import torch

from synth_ops.encode.layout import Layout
from synth_ops.model.ancestral import Ancestral, _Rows
from synth_ops.model.marginals import count_codes
from synth_ops.model.vae import VAE
from tests.synth_ops.model.toys import LAYOUT, SMALL, SMOOTH, rows, smooth_rows


def network(layout: Layout = LAYOUT, codes: np.ndarray | None = None, n_context: int = 0) -> tuple[VAE, torch.Tensor]:
    seen = torch.from_numpy(rows(50) if codes is None else codes).long()
    torch.manual_seed(0)
    vae = VAE(layout, count_codes(seen, layout), n_context, SMALL.network)
    vae.start(seen)
    return vae, seen


def shares_of(vae: VAE, codes: torch.Tensor, i: int) -> torch.Tensor:
    """Give the likelihood of every code of one sub-column in each row, ``(n_rows, size)``."""
    with torch.no_grad():
        outputs = vae.decoder(vae.inputs(codes))
        likelihoods = []
        for code in range(vae.sizes[i]):
            asked = codes.clone()
            asked[:, i] = code
            likelihoods.append(torch.exp(-vae.heads.nats(outputs, asked)[:, i]))
    return torch.stack(likelihoods, 1)


@pytest.mark.parametrize(("layout", "codes"), [(LAYOUT, rows(50)), (SMOOTH, smooth_rows(5_000)[:50])])
def test_a_sub_column_ignores_itself_and_what_follows(layout: Layout, codes: np.ndarray) -> None:
    vae, seen = network(layout, codes)
    last = len(layout.sizes) - 1
    changed = seen.clone()
    changed[:, last - 1 :] = 0

    for i in range(last):
        torch.testing.assert_close(shares_of(vae, seen, i), shares_of(vae, changed, i), atol=1e-6, rtol=1e-4)
    assert not torch.allclose(shares_of(vae, seen, last), shares_of(vae, changed, last))


@pytest.mark.parametrize("n_context", [0, 1])
def test_sampling_sees_the_outputs_that_training_sees(n_context: int) -> None:
    """Each hidden unit is computed once a row, in the order of its degree, and comes to the same."""
    vae, codes = network(SMOOTH, smooth_rows(500), n_context)
    shifts = [torch.randn(len(codes), SMALL.network.d_hidden) for _ in range(1 + SMALL.network.n_blocks)]
    with torch.no_grad():
        expected = vae.decoder(vae.inputs(codes), shifts)
        ancestral = Ancestral(vae.decoder, vae.heads, vae.inputs.tables(), n_context)
        row = _Rows(ancestral, codes.T.contiguous(), [shift.T for shift in shifts])
        for i in range(n_context):
            row.see(i)
        row.compute(n_context - 1)
        for i in range(n_context, 3):
            torch.testing.assert_close(row.outputs(i).T, expected[:, vae.heads.own(i)], atol=1e-4, rtol=1e-3)
            row.see(i)
            row.compute(i)


def test_every_sub_column_s_likelihoods_sum_to_one() -> None:
    for layout, codes in ((LAYOUT, rows(300)), (SMOOTH, smooth_rows(3_000))):
        vae, seen = network(layout, codes)
        for i in range(len(layout.sizes)):
            total = shares_of(vae, seen[:20], i).sum(1)
            torch.testing.assert_close(total, torch.ones(20), atol=1e-3, rtol=0)


def test_draws_follow_the_likelihoods() -> None:
    """What is drawn is what training scores: shares of 40,000 draws of one row against its likelihoods."""
    vae, seen = network(SMOOTH, smooth_rows(5_000))
    with torch.no_grad():
        vae.decoder.out.weight.mul_(20)  # far from the marginals, as after training
        codes = seen[7].repeat(40_000, 1)
        outputs = vae.decoder(vae.inputs(codes[:1]))[:, vae.heads.own(2)].T.repeat(1, 40_000)
        drawn = vae.heads.draw(2, outputs, codes.T, torch.rand(3, 40_000, generator=torch.Generator().manual_seed(1)))

    share = torch.bincount(drawn, minlength=401) / 40_000
    expected = shares_of(vae, codes[:1], 2)[0]

    assert 0.5 * (share - expected).abs().sum() < 0.05


def test_an_untrained_network_knows_the_frequencies() -> None:
    for layout, codes in ((LAYOUT, rows(300)), (SMOOTH, smooth_rows(3_000))):
        vae, seen = network(layout, codes)
        vae.forget_joints()
        for i in (0, 1):
            share = shares_of(vae, seen[:1], i)[0]
            expected = torch.bincount(seen[:, i], minlength=layout.sizes[i]) / len(seen)
            assert 0.5 * (share - expected).abs().sum() < 0.05


def test_a_fine_code_that_its_coarse_code_never_had_is_all_but_impossible() -> None:
    vae, codes = network()

    fine = shares_of(vae, codes, 2)[codes[:, 1] == 1]

    assert fine[:, 1:].max() < 1e-3


def test_a_latent_shifts_what_is_said_of_a_row() -> None:
    seen = torch.from_numpy(rows(50)).long()
    vae = VAE(LAYOUT, count_codes(seen, LAYOUT), 0, SMALL.network.model_copy(update={"d_latent": 2}))

    first, second = (vae.nats(seen, torch.Generator().manual_seed(seed)) for seed in (0, 1))

    assert not torch.equal(first, second)
