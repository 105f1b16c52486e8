"""How long a training will go on until it stops improving, told from how it has improved so far."""

import math
from collections.abc import Sequence
from itertools import pairwise

_PRIOR = 0.5
"""What the next gain is of the last, before there is anything to tell it from."""
_RECENT = 3
"""Pairs of gains that tell it."""
_SLOWEST, _FASTEST = 0.95, 0.05
_NEGLIGIBLE = 3e-4
"""Share of the whole gain that noise hides: a validation that gains less is about the last that gains."""


def validations_left(losses: Sequence[float], n_bad: int, patience: int) -> float:
    """Estimate how many validations are to come: gains shrink by a steady factor until noise hides them.

    It knows nothing before the second validation, and too little before the fourth.

    Args:
        losses: of all validations so far, the one before training first; at least two.
        n_bad: how many of the last ones brought no gain.
        patience: how many of those end the training.
    """
    if n_bad:
        return float(patience - n_bad)
    gains = [max(before - after, 0.0) for before, after in pairwise(losses)]
    least = max(1e-4, _NEGLIGIBLE * (losses[0] - losses[-1]))
    ratios = [after / before for before, after in list(pairwise(gains))[-_RECENT:] if before and after]
    logs = [math.log(min(max(r, _FASTEST), _SLOWEST)) for r in [_PRIOR, *ratios]]
    gaining = math.log(least / max(gains[-1], least)) / (sum(logs) / len(logs))
    return gaining + patience
