"""How far a decoder is to be believed, column by column, by rows that it did not learn from.

A network that has learned long enough to know most columns well knows some by heart, and its word on those is too
sharp: for new rows it is worse than what counting says. So what it says of a column beyond that column's frequencies is
scaled by one number, the one that explains held-out rows best. The scale goes into the weights, and costs nothing.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from synth_ops.model.vae import VAE

SCALES = (1.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1)
"""Those that are tried; the first leaves a column as it is."""


@torch.no_grad()
def calibrate(vae: "VAE", rows: Tensor) -> Tensor:
    """Scale the outputs of each sub-column in place, where that gains more than chance would, and give the scales.

    **Shape**

    - rows: ``(n_rows, n_sub_columns)`` codes that were not learned from
    - result: ``(n_sub_columns,)``
    """
    marginal = vae.heads.marginal_bias().to(rows.device)
    gain, noise = (torch.zeros(len(SCALES), rows.shape[1], dtype=torch.float64, device=rows.device) for _ in range(2))
    for piece in rows.long().split(vae.rows_at_once):
        said = vae.decoder(vae.inputs(piece)).float() - marginal
        as_is = vae.heads.nats(marginal + said, piece)
        for k, scale in enumerate(SCALES[1:], start=1):
            gained = (as_is - vae.heads.nats(marginal + scale * said, piece)).double()
            gain[k] += gained.sum(0)
            noise[k] += gained.square().sum(0)
    is_sure = gain > noise.sqrt()  # by more than one standard error
    best = torch.where(is_sure, gain, 0.0).argmax(0)
    scales = torch.tensor(SCALES, device=rows.device)[best]
    _apply(vae, scales[vae.heads.degrees().to(rows.device)], marginal)
    return scales


def _apply(vae: "VAE", scales: Tensor, marginal: Tensor) -> None:
    """Scale what each output says beyond the marginal, ``(n_outputs,)``."""
    for layer in filter(None, (vae.decoder.out, vae.decoder.direct)):
        layer.weight.mul_(scales[:, None])
        layer.bias.mul_(scales)
    vae.decoder.out.bias.add_(marginal * (1 - scales))
