"""What the copy tells of the rows that it was made of, or why that cannot be said, or need not be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.entities import MIN_ENTITIES
from synth_ops.measure.columns import Scale, compared_columns
from synth_ops.measure.copies import measure_copies
from synth_ops.measure.privacy import LIMITS, list_attacks, measure_delta
from synth_ops.measure.records import Measure
from synth_ops.measure.relations import hash_keys
from synth_ops.measure.stack import MIN_ROWS, Stack, stack_rows
from synth_ops.measure.subject import Subject, figures_of
from synth_ops.plan.plan import TablePlan

ENOUGH = "measurable_entities"
PRIVATE = (ENOUGH, "exact_copies", "worst_attribute_inference", *LIMITS)
"""Figures that say how much the copy tells of the rows that it was made of."""


def measure_privacy(subject: Subject, stack: Stack, seed: int) -> Iterator[Measure]:
    """Measure what the copy tells of the rows that it was made of, or say why not, or why there is no need."""
    table = subject.table
    waived = no_need(table)
    if waived is not None:
        yield from (Measure(table=table.name, name=name, waived=waived) for name in PRIVATE)
        return
    reason = unknowable(subject, stack)
    if reason is not None:
        yield from (Measure(table=table.name, name=name, error=reason) for name in PRIVATE)
        return
    yield Measure(table=table.name, name=ENOUGH, observed=float(stack.n_entities), n=subject.real.num_rows)
    figures = partial(measure_copies, table.name, stack, subject.plan.privacy.rare_below)
    yield from figures_of(table, "exact_copies", figures)
    for name, attack in list_attacks(table.name, stack, np.random.default_rng(seed)):
        found = figures_of(table, name, attack)
        yield from found
        if name == "attribute_inference":
            yield _worst_inference(table, found)
    yield from figures_of(table, "delta_membership_auc", partial(_measure_delta, subject, stack, seed))


def _worst_inference(table: TablePlan, found: Sequence[Measure]) -> Measure:
    """Give the secret that the copy tells most of: which columns are guessed is not known before."""
    known = [m for m in found if m.high is not None]
    if not known:
        reason = next((m.error for m in found if m.error), "no column can be guessed from another")
        return Measure(table=table.name, name="worst_attribute_inference", error=reason)
    worst = max(known, key=lambda m: m.high or 0.0)
    return worst.model_copy(update={"name": "worst_attribute_inference", "column": None})


def _measure_delta(subject: Subject, stack: Stack, seed: int) -> Iterator[Measure]:
    """Attack the rows that came since the copy that was published last, by both copies."""
    before, table = subject.before, subject.table
    if before is None:
        yield Measure(table=table.name, name="delta_membership_auc", waived="no copy was published before")
        return
    scales = compared_columns(subject.plan, table)
    scales = {name: scale for name, scale in scales.items() if name in subject.synthetic.column_names}
    schema = pa.schema([subject.real.schema.field(name).with_nullable(nullable=True) for name in scales])
    copies = [rows.select(list(scales)).cast(schema) for rows in (subject.synthetic, before.synthetic)]
    both = stack_rows(subject.real, pa.concat_tables(copies), scales, subject.held_out, subject.ids)
    tonight, yesterday = np.split(both.synthetic, [len(stack.synthetic)])
    is_new = ~np.isin(_row_hashes(subject.real, scales), _row_hashes(before.real, scales))
    added, controls = (rows[is_new[rows]] for rows in (both.training, both.holdout))
    whole = replace(both, synthetic=tonight)
    yield from measure_delta(table.name, whole, added, controls, yesterday, np.random.default_rng(seed))


def _row_hashes(rows: pa.Table, scales: Mapping[str, Scale]) -> NDArray[np.uint64]:
    """Give one hash for each row over some columns, nulls as any other value."""
    columns = tuple(name for name in scales if name in rows.column_names)
    return hash_keys(rows, columns, [rows.schema.field(name).type for name in columns])[0]


def no_need(table: TablePlan) -> str | None:
    """Give the reason why nothing need be measured, if there is one."""
    return None if table.public is None else f"the plan says that the rows are public: {table.public}"


def unknowable(subject: Subject, stack: Stack) -> str | None:
    """Give the reason why nothing can be said of privacy, if there is one."""
    if not subject.is_unseen:
        return "there are no held-out rows that the copy was surely not made of; give them with --holdout"
    if stack.n_entities < MIN_ENTITIES:
        return (
            f"the rows are of {stack.n_entities} entities, and {MIN_ENTITIES} are needed to tell an attack from"
            " chance; if the rows are public, say why in the plan (`public: why`)"
        )
    if stack.n_least < MIN_ROWS:
        return f"{MIN_ROWS} rows are needed of training, held-out and synthetic rows each"
    return None
