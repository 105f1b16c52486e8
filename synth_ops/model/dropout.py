"""Units left out of a training step, at a tenth of what drawing a number for each would cost."""

import torch
from torch import Tensor

_LEVELS = 256
_BYTES = 8
"""Of a word that is drawn, each of which decides on one unit."""


def drop(x: Tensor, share: float, noise: torch.Generator | None) -> Tensor:
    """Leave out a share of units, and enlarge the others, so that their mean stays; without noise, give `x` itself.

    The share is rounded to a whole number of 256ths.
    """
    threshold = round(share * _LEVELS)
    if noise is None or not threshold:
        return x
    words = torch.empty(-(-x.numel() // _BYTES), dtype=torch.int64, device=x.device)
    words.random_(-(2**63), None, generator=noise)
    lots = words.view(torch.uint8)[: x.numel()].view(x.shape)
    return x * (lots >= threshold).to(x.dtype).mul_(_LEVELS / (_LEVELS - threshold))
