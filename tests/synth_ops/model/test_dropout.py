import torch

from synth_ops.model.dropout import drop


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_share_of_units_is_left_out_and_the_mean_stays() -> None:
    kept = drop(torch.ones(1_001, 1_001), 0.1, noise())

    assert abs(float((kept == 0).float().mean()) - 26 / 256) < 0.002
    assert abs(float(kept.mean()) - 1) < 0.002


def test_every_place_is_left_out_as_often() -> None:
    """The bytes of a word are alike: none of them is kept from its highest bit."""
    kept = drop(torch.ones(40_000, 8), 0.5, noise())

    assert ((kept == 0).float().mean(0) - 0.5).abs().max() < 0.015


def test_without_noise_or_share_nothing_is_left_out() -> None:
    x = torch.ones(4, 4)

    assert drop(x, 0.1, None) is x
    assert drop(x, 0.0, noise()) is x
