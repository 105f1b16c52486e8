"""Whether the copy lies denser around the rows that a model saw than around others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.privacy.bounds import bounded_auc, detectable_auc, placements
from synth_ops.measure.privacy.space import Rows, Space, find_nearest, lay_out, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_AUC = 0.55
"""Default limit of the upper bound."""

MIN_ROWS = 1_052
"""Training and held-out rows that a margin of .05 takes: an honest copy then stays within it 99 nights of 100."""

MAX_TRAINING, MAX_HOLDOUT, MAX_SYNTHETIC = 10_000, 10_000, 30_000
HAIR = 1e-3
"""Added to distances, for a twin's is zero: a thousandth of a column's spread."""

Floats = NDArray[np.float64]


def measure_membership(table: str, stack: Stack, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the area under the curve of an attack that weighs the copy's density against production's.

    DOMIAS (van Breugel and others, 2023), by nearest neighbours: the score is the log of the distance to the nearest
    held-out row of a reference over that to the nearest synthetic row. One half of the held-out rows are the
    reference, the other the non-members, and then the other way round, so that all of them are members' controls.
    """
    n = min(len(stack.training), len(stack.holdout))
    if n < MIN_ROWS or not len(stack.synthetic):
        error = (
            f"there are {len(stack.training)} training, {len(stack.holdout)} held-out and {len(stack.synthetic)}"
            f" synthetic rows; {MIN_ROWS} of the first two are needed, and some of the last"
        )
        yield Measure(table=table, name="membership_auc", n=n, error=error)
        return
    space = lay_out(stack)
    training, holdout = some_of(stack.training, MAX_TRAINING, rng), some_of(stack.holdout, MAX_HOLDOUT, rng)
    copy = some_of(stack.synthetic, MAX_SYNTHETIC, rng)
    is_first = rng.permutation(len(holdout)) % 2 == 0
    to_copy = [_logs(space, rows, copy) for rows in (training, holdout)]
    of_members, of_others = zip(
        *(_placed(space, training, holdout, to_copy, is_reference) for is_reference in (is_first, ~is_first)),
        strict=True,
    )
    area = bounded_auc(np.mean(of_members, axis=0), of_others)
    yield area.measure(
        table,
        "membership_auc",
        floor=0.5,
        detectable=detectable_auc(len(training), len(holdout)),
        n=min(len(training), len(holdout)),
    )


def _placed(
    space: Space, training: Rows, holdout: Rows, to_copy: list[Floats], is_reference: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Give the placements of members and of the held-out rows that are not the reference, by their scores."""
    reference, others = holdout[is_reference], holdout[~is_reference]
    members = _logs(space, training, reference) - to_copy[0]
    return placements(members, _logs(space, others, reference) - to_copy[1][~is_reference])


def _logs(space: Space, rows: Rows, reference: Rows) -> Floats:
    """Give the log of each row's distance to the nearest of the reference."""
    return np.log(find_nearest(space, rows, reference).distances[:, 0] + HAIR)
