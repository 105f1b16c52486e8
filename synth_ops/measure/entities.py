"""How many entities a table speaks of: with few, tests of privacy tell nothing."""

from collections.abc import Iterator

import numpy as np

from synth_ops.entities import Ids
from synth_ops.measure.records import Measure


def measure_entities(table: str, ids: Ids) -> Iterator[Measure]:
    """Count the different entities of a table's real rows, held-out ones among them.

    **Shape**

    - ids: ``(n_rows,)``
    """
    yield Measure(table=table, name="entities", observed=float(len(np.unique(ids))), n=len(ids))
