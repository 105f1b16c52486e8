"""From how many rows on the columns of a table are learned together, and not each by itself."""

MIN_ROWS = 100
"""Fewer training rows cannot show a joint without giving away whose it is."""
_SPARE = 1.2
"""How many times as many are expected where there are surely enough: chance decides who is held out."""


def keeps_joint(n_rows: int, holdout: float) -> bool:
    """Tell whether a table of so many rows, of which a share is held out, surely keeps what goes with what.

    >>> keeps_joint(120, 0.2), keeps_joint(150, 0.2)
    (False, True)
    """
    return n_rows * (1 - holdout) >= _SPARE * MIN_ROWS
