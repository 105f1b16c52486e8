import numpy as np
import pytest
import torch

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model.calibration import calibrate
from synth_ops.model.marginals import count_codes
from synth_ops.model.vae import VAE
from tests.synth_ops.model.toys import LAYOUT, SMALL, SMOOTH, rows, smooth_rows

TWO = Layout(sub_columns=tuple(SubColumn(column=c, part="value", size=2) for c in "ab"))


def vae_of(layout: Layout, codes: np.ndarray, *, sharpness: float) -> tuple[VAE, torch.Tensor]:
    """Give a network whose word on each column is of that sharpness, and whatever it says."""
    seen = torch.from_numpy(codes).long()
    torch.manual_seed(0)
    vae = VAE(layout, count_codes(seen, layout), 0, SMALL.network)
    vae.start(seen)
    with torch.no_grad():
        vae.decoder.out.weight.mul_(sharpness)
    return vae, seen


@pytest.mark.parametrize(("layout", "codes"), [(LAYOUT, rows(1_000)), (SMOOTH, smooth_rows(1_000))])
def test_a_sharp_word_that_is_wrong_is_softened(layout: Layout, codes: np.ndarray) -> None:
    vae, seen = vae_of(layout, codes, sharpness=40.0)
    before = vae.nats(seen, torch.Generator()).mean()

    scales = calibrate(vae, seen)

    assert (scales[1:] == 0.5).all()
    assert vae.nats(seen, torch.Generator()).mean() < before - 0.1


def test_what_is_borne_out_is_left_as_it_is() -> None:
    """Of a fair coin that says nothing of another, counting and the network agree."""
    vae, seen = vae_of(TWO, np.random.default_rng(0).integers(0, 2, (2_000, 2)), sharpness=0.0)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    with torch.no_grad():
        assert vae.decoder.direct is not None
        vae.decoder.direct.weight.zero_()

    scales = calibrate(vae, seen)

    assert (scales == 1).all()
    assert torch.equal(vae.decoder.out.bias, before["decoder.out.bias"])


def test_the_scale_that_was_measured_is_the_one_that_is_applied() -> None:
    vae, seen = vae_of(LAYOUT, rows(500), sharpness=10.0)
    with torch.no_grad():
        marginal = vae.heads.marginal_bias()
        said = vae.decoder(vae.inputs(seen)) - marginal

        scales = calibrate(vae, seen)

        expected = marginal + scales[vae.heads.degrees()] * said
        torch.testing.assert_close(vae.decoder(vae.inputs(seen)), expected, atol=1e-4, rtol=1e-4)
