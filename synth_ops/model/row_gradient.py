"""The sum of a batch's gradients, each row's clipped to one length, without any row's gradient being held.

A row's gradient of a matrix is an outer product, so that its length follows from two vectors (Goodfellow 2015; "ghost
clipping", Li et al. 2022, section 4): a first pass backward gives every row's length, and a second the sum of the
gradients, each loss weighted so that its row counts for as much as it may.

NOTE[DIFF] Opacus' `GradSampleModule` finds gradients by hooks on the layers that it knows, and falls back on
`torch.func` elsewhere. Our products and mixtures are autograd functions with a backward pass of their own, which
`torch.func` does not enter, and the inputs' parameters belong to no layer that it knows. Of a masked map the length is
not the product of two lengths either: the mask says which pairs count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.model.masked import MaskedLinear
from synth_ops.model.vae import VAE


class RowGradient:
    """Computes sums of clipped gradients of a VAE without a latent."""

    def __init__(self, network: VAE, clip: float) -> None:
        """Say how long a row's gradient may be at most."""
        if network.d_latent or len(network.heads.refine):
            raise AssertionError("a latent, or codes within codes, have gradients that are not measured here")
        self.network, self.clip = network, clip
        self.parameters = network.parts()["evidence"]
        self.layers = [m for m in network.decoder.modules() if isinstance(m, MaskedLinear)]

    def lengths(self, codes: Tensor) -> Tensor:
        """Give the length of each row's gradient, over all parameters, before clipping.

        **Shape**

        - codes: ``(n_rows, n_sub_columns)``
        - result: ``(n_rows,)``
        """
        return self._passed(codes).lengths

    def clipped_sum(self, codes: Tensor) -> list[Tensor]:
        """Give the sum of the rows' clipped gradients, parameter by parameter.

        A row whose gradient is not finite counts for nothing.
        """
        if not len(codes):
            return [torch.zeros_like(p) for p in self.parameters]
        nats, lengths = self._passed(codes)
        is_finite = torch.isfinite(lengths)
        if not is_finite.all():
            return self.clipped_sum(codes[is_finite])
        weights = self.clip / lengths.clamp(min=self.clip)
        gradients = torch.autograd.grad((nats * weights).sum(), self.parameters, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, gradients, strict=True)]

    def _passed(self, codes: Tensor) -> "_Passed":
        """Pass forward, and backward once to learn the lengths; the graph is kept for a second time."""
        with self._watched() as seen:
            nats = self.network.row_nats(codes)
        x = seen.inputs[0]
        outputs = [y for _, y in seen.products]
        of_x, *of_outputs = torch.autograd.grad(nats.sum(), [x, *outputs], retain_graph=True)
        squares = self._of_inputs(codes, of_x.square())
        for layer, (given, _), gradient in zip(self.layers, seen.products, of_outputs, strict=True):
            squares = squares + _of_layer(layer, given.detach().square(), gradient.square())
        return _Passed(nats, squares.sqrt())

    def _of_inputs(self, codes: Tensor, of_x: Tensor) -> Tensor:
        """Give the squared lengths of the vectors' gradients: of each code's free part, and of the smooth one.

        **Shape**

        - of_x: ``(n_rows, d_in)``, squared gradients of the inputs
        - result: ``(n_rows,)``
        """
        inputs = self.network.inputs
        total = of_x.sum(1)  # codes of different sub-columns have different free parts
        if len(inputs.ordinal):
            of_sub_columns = of_x.new_zeros(codes.shape).index_add(1, inputs.owners, of_x)
            features = functional.embedding(codes[:, inputs.ordinal] + inputs.basis_offsets, inputs.basis)
            total = total + (of_sub_columns[:, inputs.ordinal] * features.square().sum(2)).sum(1)
        return total

    @contextmanager
    def _watched(self) -> Iterator["_Seen"]:
        """Note what goes in and out of each layer, in the order of `layers`."""
        inputs: list[Tensor] = []
        products: dict[nn.Module, tuple[Tensor, Tensor]] = {}

        def note(layer: nn.Module, given: tuple[Tensor, ...], y: Tensor) -> None:
            products[layer] = given[0], y

        hooks = [layer.register_forward_hook(note) for layer in self.layers]
        hooks.append(self.network.inputs.register_forward_hook(lambda _m, _given, y: inputs.append(y)))
        seen = _Seen(inputs, [])
        try:
            yield seen
        finally:
            for hook in hooks:
                hook.remove()
        seen.products.extend(products[layer] for layer in self.layers)


class _Passed(NamedTuple):
    """One pass over a batch."""

    nats: Tensor
    lengths: Tensor


class _Seen(NamedTuple):
    """What a pass forward went through."""

    inputs: list[Tensor]
    products: list[tuple[Tensor, Tensor]]
    """What goes in and out of each masked layer."""


def _of_layer(layer: MaskedLinear, given: Tensor, gradient: Tensor) -> Tensor:
    """Give the squared lengths of a masked map's gradients, of squared inputs and squared gradients of outputs.

    **Shape**

    - given: ``(n_rows, d_in)``
    - gradient: ``(n_rows, d_out)``
    - result: ``(n_rows,)``
    """
    return (given @ layer.mask.T * gradient).sum(1) + gradient.sum(1)
