import torch

from synth_ops.model.synthesizer import count_codes
from synth_ops.model.vae import VAE, _Ancestral
from tests.synth_ops.model.toys import LAYOUT, SMALL, rows


def network(n_context: int = 0) -> tuple[VAE, torch.Tensor]:
    codes = torch.from_numpy(rows(50)).long()
    torch.manual_seed(0)
    vae = VAE(LAYOUT, count_codes(codes, LAYOUT), n_context, SMALL.network)
    vae.start(codes, LAYOUT)
    return vae, codes


def logits_of(vae: VAE, codes: torch.Tensor) -> tuple[torch.Tensor, ...]:
    z = torch.zeros(len(codes), SMALL.network.d_latent)
    return torch.split(vae.decoder(vae.embedding(codes), z, codes), list(vae.decoder.sizes), -1)


def test_logits_of_a_sub_column_ignore_itself_and_what_follows() -> None:
    vae, codes = network()
    changed = codes.clone()
    changed[:, 2:] = 0

    before, after = logits_of(vae, codes), logits_of(vae, changed)

    for i in range(3):
        assert torch.equal(before[i], after[i])
    assert not torch.equal(before[3], after[3])


def test_sampling_sees_the_logits_that_training_sees() -> None:
    """Each hidden unit is computed once a row, in the order of its degree, and comes to the same."""
    for n_context in (0, 1):
        vae, codes = network(n_context)
        z = torch.zeros(len(codes), SMALL.network.d_latent)
        one_pass = _Ancestral(vae, codes.clone(), z)
        with torch.no_grad():
            expected = logits_of(vae, codes)
            for i in range(n_context):
                one_pass._embed(i)
            one_pass._hidden(n_context - 1)
            for i in range(n_context, 4):
                torch.testing.assert_close(one_pass._logits(i), expected[i - n_context], atol=1e-5, rtol=1e-4)
                one_pass._embed(i)
                one_pass._hidden(i)


def test_an_untrained_network_knows_the_frequencies() -> None:
    vae, codes = network()
    vae.forget_joints()

    share = torch.softmax(logits_of(vae, codes)[0][0], -1)

    expected = torch.bincount(codes[:, 0], minlength=3) / len(codes)
    torch.testing.assert_close(share, expected, atol=0.01, rtol=0)


def test_a_fine_code_that_its_coarse_code_never_had_is_all_but_impossible() -> None:
    vae, codes = network()

    fine = torch.softmax(logits_of(vae, codes)[2], -1)[codes[:, 1] == 1]

    assert fine[:, 1:].max() < 1e-3
