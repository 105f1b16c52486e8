"""Which rows no model may see: a stable share of entities, kept to measure against.

An entity's side is decided by its number, a hash keyed by the workspace's secret salt, and by nothing else: not by
other rows, nor by the night. So rows that come never move an entity to the other side, a warm-started model never meets
yesterday's holdout, and who lacks the salt cannot tell the sides apart.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.entities import Ids, ReadColumns, entity_ids, naming_columns
from synth_ops.plan.entities import leads_to_persons
from synth_ops.plan.plan import Plan
from synth_ops.relate.match import find_rows, key_of
from synth_ops.schema import ForeignKey
from synth_ops.workspace.salt import Salt

_PARTS = 10_000


@dataclass(frozen=True)
class Whose:
    """Whose some rows of a table are, and which of them no model sees.

    **Shape**

    - ids: ``(n_rows,)``; equal for rows of one entity
    - held_out: ``(n_rows,)``
    """

    ids: Ids
    held_out: NDArray[np.bool_]


def look_whose(
    plan: Plan, name: str, rows: pa.Table, read: ReadColumns, salt: Salt, *, main: ForeignKey | None = None
) -> Whose:
    """Give the entity and the side of each row.

    A row is held out with its entity. It is so too with the entity of its parent by `main`, the key whose parent its
    model is told of, wherever that is another and the parents are persons, or lead to some: or the model would learn of
    a person who is held out. Of airports there may be three, and with two of them no row would be left to learn.
    """
    ids = entity_ids(plan, name, rows, read, salt)
    held_out = holdout_mask(ids, share=plan.privacy.holdout)
    is_other = main is not None and main != plan.table(name).entity.through
    if main is not None and is_other and plan.privacy.holdout and leads_to_persons(main.ref_table, plan.tables):
        held_out = held_out | _parent_is_held_out(plan, rows, main, read, salt)
    return Whose(ids, held_out)


def holdout_mask(ids: Ids, *, share: float) -> NDArray[np.bool_]:
    """Mark the rows to hold out: all rows of about `share` of the entities.

    **Shape**

    - ids, result: ``(n_rows,)``
    """
    return np.asarray(ids % np.uint64(_PARTS) < np.uint64(round(share * _PARTS)))


def _parent_is_held_out(
    plan: Plan, rows: pa.Table, key: ForeignKey, read: ReadColumns, salt: Salt
) -> NDArray[np.bool_]:
    parent = plan.table(key.ref_table)
    parents = read(parent.name, tuple(dict.fromkeys((*key.ref_columns, *naming_columns(parent)))))
    ids = entity_ids(plan, parent.name, parents, read, salt)
    mask = np.append(holdout_mask(ids, share=plan.privacy.holdout), False)
    return np.asarray(mask[find_rows(key_of(rows, key.columns), key_of(parents, key.ref_columns))])
