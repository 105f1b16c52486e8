"""Whether two nights' copies side by side give away which rows came in between."""

from collections.abc import Iterator

import numpy as np

from synth_ops.measure.privacy.bounds import auc, detectable_auc
from synth_ops.measure.privacy.space import Rows, find_nearest, lay_out, some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_AUC = 0.60
"""Default limit of the upper bound."""

MIN_ROWS = 300
"""Rows on each side: with fewer, an honest night would be beyond the limit more often than once in 200."""

MAX_ROWS, MAX_SYNTHETIC = 5_000, 50_000


def measure_delta(
    table: str, stack: Stack, added: Rows, controls: Rows, yesterday: Rows, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give the area under the curve of an attack that asks how much nearer the copy has come to a row.

    The score is the distance to last night's copy less that to tonight's.

    Args:
        table: The table's name.
        stack: Both nights' copies and the real rows, laid out together. `stack.synthetic` is tonight's.
        added: Positions of training rows that came since last night.
        controls: Positions of held-out rows; best those that came since, for new rows may differ from old ones.
        yesterday: Positions of last night's synthetic rows.
        rng: Draws the sample where there are many.
    """
    n = min(len(added), len(controls))
    if n < MIN_ROWS:
        waived = f"{len(added)} rows were added and {len(controls)} held out since, and {MIN_ROWS} of each are needed"
        yield Measure(table=table, name="delta_membership_auc", n=n, waived=waived)
        return
    space = lay_out(stack)
    added, controls = some_of(added, MAX_ROWS, rng), some_of(controls, MAX_ROWS, rng)
    # As many of each: the nearer of two copies must be so for its rows, not for their number.
    n_copy = min(len(yesterday), len(stack.synthetic), MAX_SYNTHETIC)
    before, now = some_of(yesterday, n_copy, rng), some_of(stack.synthetic, n_copy, rng)
    approach = [
        find_nearest(space, rows, before).distances[:, 0] - find_nearest(space, rows, now).distances[:, 0]
        for rows in (added, controls)
    ]
    area = auc(*approach)
    yield area.measure(
        table,
        "delta_membership_auc",
        floor=0.5,
        detectable=detectable_auc(len(added), len(controls)),
        n=min(len(added), len(controls)),
    )
