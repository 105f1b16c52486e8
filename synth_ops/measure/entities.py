"""How many entities a table speaks of: with few, tests of privacy tell nothing."""

from collections.abc import Iterator

import numpy as np

from synth_ops.entities import Ids
from synth_ops.measure.records import Measure

MIN_ENTITIES = 2_000
"""With fewer, a fifth of them held out is too few to tell copying from chance, and few hide in the rest."""


def measure_entities(table: str, ids: Ids) -> Iterator[Measure]:
    """Count the different entities of a table's real rows, held-out ones among them.

    **Shape**

    - ids: ``(n_rows,)``
    """
    yield Measure(table=table, name="entities", observed=float(len(np.unique(ids))), n=len(ids))
