import torch

from synth_ops.encode.layout import Layout
from synth_ops.model.gan_relaxed import FixedVectors, relaxed_draw
from synth_ops.model.heads import Heads
from synth_ops.model.marginals import count_codes, marginals_of
from synth_ops.model.mixture import N_COMPONENTS
from tests.synth_ops.model.toys import LAYOUT, SMOOTH, rows, smooth_rows


def heads_of(layout: Layout) -> tuple[Heads, torch.Tensor]:
    codes = torch.from_numpy(rows(2_000) if layout is LAYOUT else smooth_rows(2_000)).long()
    heads = Heads(marginals_of(layout, count_codes(codes, layout)), 0)
    heads.start(codes)
    return heads, codes


def outputs(heads: Heads, i: int, n_rows: int) -> torch.Tensor:
    return heads.marginal_bias()[heads.own(i)].repeat(n_rows, 1).requires_grad_()


def test_draws_follow_the_distribution_that_heads_draw_from() -> None:
    for layout, i in ((LAYOUT, 0), (LAYOUT, 2), (SMOOTH, 1), (SMOOTH, 2)):
        heads, codes = heads_of(layout)
        many, noise = codes.repeat(10, 1), torch.Generator().manual_seed(0)
        out = outputs(heads, i, len(many)).detach()

        relaxed = relaxed_draw(heads, i, out, many, noise).codes
        exact = heads.draw(i, out.T, many.T, torch.rand(3, len(many), generator=noise))

        shares = [torch.bincount(c * 8 // layout.sizes[i], minlength=8) / len(many) for c in (relaxed, exact)]
        torch.testing.assert_close(shares[0], shares[1], atol=0.02, rtol=0)


def test_a_drawn_row_looks_to_the_critic_as_its_codes_do() -> None:
    for layout, i in ((LAYOUT, 2), (SMOOTH, 1), (SMOOTH, 2)):
        heads, codes = heads_of(layout)
        table = FixedVectors(heads.marginals[i], torch.randn(layout.sizes[i], 5))

        draw = relaxed_draw(heads, i, outputs(heads, i, len(codes)), codes, torch.Generator().manual_seed(0))

        torch.testing.assert_close(table.of_draw(draw), table.of_codes(draw.codes))


def test_a_gradient_moves_the_mixture_towards_what_is_asked() -> None:
    """The vector of a code is its rank here; to ask for a higher rank raises every centre."""
    heads, codes = heads_of(SMOOTH)
    out = outputs(heads, 1, len(codes))
    rank = torch.linspace(0, 1, SMOOTH.sizes[1])[:, None]

    draw = relaxed_draw(heads, 1, out, codes, torch.Generator().manual_seed(0))
    FixedVectors(heads.marginals[1], rank).of_draw(draw).sum().backward()

    assert out.grad is not None
    first = heads.marginals[1].n_outcomes + N_COMPONENTS
    assert (out.grad[:, first : first + N_COMPONENTS].sum(0) > 0).all()
    assert out.grad[:, 0].sum() < 0  # null has the lowest rank of all
