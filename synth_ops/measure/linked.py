"""Whether the copy tells whose child a record is, to one who holds the rows of both tables without the key."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synth_ops.entities import Ids
from synth_ops.measure.joined import OF_PARENT, Joined, compared_on_both, join, joined_scales, relates
from synth_ops.measure.privacy.linkability import measure_halves
from synth_ops.measure.private import no_need, unknowable
from synth_ops.measure.records import Measure
from synth_ops.measure.relations import Sides
from synth_ops.measure.stack import stack_rows
from synth_ops.measure.subject import Subject
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.schema import ForeignKey

NAME = "linkability_across"


def links(plan: Plan, table: TablePlan, key: ForeignKey) -> bool:
    """Say whether there is something to link: columns on both sides, and models behind both."""
    return table.mode == plan.table(key.ref_table).mode == "synthesize" and relates(plan, table, key)


def measure_linked(subject: Subject, key: ForeignKey, sides: Sides, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the risk that a child is put together with its parent by a synthetic pair that is like both.

    Each entity is attacked by one of its rows, for those that it has are alike. The control is held-out children.
    """
    plan, table = subject.plan, subject.table
    figure = Measure(table=table.name, name=NAME, foreign_key=key.name)
    waived = no_need(table)
    if waived is not None:
        yield figure.model_copy(update={"waived": waived})
        return
    of_child, of_parent = compared_on_both(plan, table, key)
    names = (tuple(of_child), tuple(of_parent))
    real = join(table.name, key, sides.whole, names, rng)
    copy = join(table.name, key, sides.synthetic, names, rng)
    ids = real.child.astype(np.uint64) if subject.ids is None else subject.ids[real.child]
    one = _one_of_each(real, ids, rng)
    held_out = subject.held_out[real.child[one]]
    stack = stack_rows(real.rows.take(one), copy.rows, joined_scales(of_child, of_parent), held_out, ids[one])
    reason = unknowable(subject, stack)
    if reason is not None:
        yield figure.model_copy(update={"error": reason})
        return
    halves = list(names[0]), [f"{name}{OF_PARENT}" for name in names[1]]
    found = measure_halves(table.name, stack, halves, rng)
    yield found.model_copy(update={"name": NAME, "foreign_key": key.name})


def _one_of_each(joined: Joined, ids: Ids, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give one row of each entity, by chance which."""
    order = rng.permutation(joined.rows.num_rows)
    return np.sort(order[np.unique(ids[order], return_index=True)[1]])
