import pytest
import torch

from synth_ops.encode.layout import Layout
from synth_ops.model.gan_generator import Generator
from synth_ops.model.marginals import count_codes
from tests.synth_ops.model.toys import LAYOUT, SMALL, SMOOTH, rows, smooth_rows


def generator(layout: Layout = LAYOUT, n_context: int = 0) -> tuple[Generator, torch.Tensor]:
    codes = torch.from_numpy(rows(400) if layout is LAYOUT else smooth_rows(400)).long()
    torch.manual_seed(0)
    network = Generator(layout, count_codes(codes, layout), n_context, SMALL.network)
    network.start(codes)
    return network, codes


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_hidden_is_not_seen() -> None:
    network, codes = generator()
    shown = torch.zeros_like(codes, dtype=torch.bool)
    shown[:, :2] = True
    changed = codes.clone()
    changed[:, 2:] = 0
    z = network.draw_noise(len(codes), noise())

    assert torch.equal(network(codes, shown, z), network(changed, shown, z))
    changed[:, 0] = 0
    assert not torch.equal(network(codes, shown, z), network(changed, shown, z))


@pytest.mark.parametrize("layout", [LAYOUT, SMOOTH])
def test_filling_keeps_what_is_shown_and_stays_in_range(layout: Layout) -> None:
    network, codes = generator(layout)
    shown = torch.rand(codes.shape, generator=noise(1)) < 0.5

    filled = network.fill(codes.clone(), shown, noise())

    assert torch.equal(filled[shown], codes[shown])
    assert not torch.equal(filled, codes)
    assert (filled >= 0).all()
    assert (filled < torch.tensor(layout.sizes)).all()


def test_hidden_codes_do_not_matter_to_filling() -> None:
    network, codes = generator()
    shown = torch.zeros_like(codes, dtype=torch.bool)

    assert torch.equal(network.fill(codes.clone(), shown, noise()), network.fill(codes * 0, shown, noise()))


def test_never_null_leaves_no_null() -> None:
    network, codes = generator(SMOOTH)
    shown = torch.zeros_like(codes, dtype=torch.bool)

    assert (network.fill(codes.clone(), shown, noise())[:, 1] == 0).any()
    assert (network.fill(codes.clone(), shown, noise(), never_null=True)[:, 1] > 0).all()


def entropy(codes: torch.Tensor) -> float:
    share = torch.bincount(codes).double() / len(codes)
    return float(-(share[share > 0] * torch.log(share[share > 0])).sum())


def test_without_joints_rows_have_the_entropy_of_their_columns() -> None:
    network, codes = generator(SMOOTH)
    network.forget_joints()

    nats = float(network.nats(codes, noise()).mean())

    assert nats == pytest.approx(sum(map(entropy, codes.T)), rel=0.05)


def test_without_joints_a_fine_code_still_keeps_to_its_coarse_one() -> None:
    network, codes = generator()
    network.forget_joints()

    nats = float(network.nats(codes, noise()).mean())

    a, b, fine, c = codes.T
    assert nats == pytest.approx(entropy(a) + entropy(b * 4 + fine) + entropy(c), rel=0.03)


@torch.no_grad()
def test_training_counts_a_pass_as_the_bound_does_and_later_ones_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without joints, what is shown does not matter: pass p is hidden from its own rows and from those of p others."""
    monkeypatch.setattr("synth_ops.model.gan_generator._SHOWN_BESIDES", 0.0)
    network, codes = generator()
    network.forget_joints()
    many = codes.repeat(50, 1)

    nats = network.heads.nats(network.out(network(codes, codes < 0, network.draw_noise(len(codes), noise()))), codes)
    expected = sum(float(nats[:, i].mean()) * (1 + int(p) / network.n_passes) for i, p in enumerate(network.passes))

    assert float(network.masked_nats(many, noise()).mean()) == pytest.approx(expected, rel=0.02)
