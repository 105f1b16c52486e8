"""Every figure of one table, measured once, each beside its floor."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.arrow_types import parse
from synth_ops.measure.classifier import measure_classifier
from synth_ops.measure.columns import compared_columns
from synth_ops.measure.copies import measure_repeats
from synth_ops.measure.details import measure_coverage, measure_granularity, measure_points
from synth_ops.measure.draws import Draw, draw_samples
from synth_ops.measure.entities import measure_entities
from synth_ops.measure.joined import measure_across, relates
from synth_ops.measure.learned import Learned
from synth_ops.measure.linked import links, measure_linked
from synth_ops.measure.marginals import measure_nulls, measure_order, measure_shapes
from synth_ops.measure.pairs import measure_associations, measure_null_relations, measure_pairs
from synth_ops.measure.private import PRIVATE, measure_privacy
from synth_ops.measure.records import Measure, Measured
from synth_ops.measure.regression import FOLLOWED, measure_regression
from synth_ops.measure.relations import Sides, measure_foreign_key
from synth_ops.measure.replay import measure_replay, withheld_columns
from synth_ops.measure.sequences import follows, measure_sequences
from synth_ops.measure.stack import MIN_ROWS, Stack, stack_rows
from synth_ops.measure.structure import measure_columns, measure_rows
from synth_ops.measure.subject import Figures, Subject, figures_of
from synth_ops.measure.support import Labels, measure_categories, measure_ranges
from synth_ops.measure.triples import measure_null_patterns, measure_triples
from synth_ops.measure.usefulness import measure_usefulness
from synth_ops.owners import enough_to_stay
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.workspace.layout import Workspace

N_DRAWS = 10
MAX_ROWS = 50_000

STATISTICS = (
    "column_shape",
    "mean_column_shape",
    "column_ks",
    "null_share",
    "lost_values",
    "point_masses",
    "granularity",
    "pair_error",
    "mean_pair_error",
    "relations_lost",
    "mean_triple_error",
    "null_patterns",
    "classifier_auc",
    "implausible_rows",
    "repeated_rows",
    "usefulness_lost",
)
"""Figures that need held-out rows to stand beside."""
BY_VALUE = (
    *STATISTICS,
    *PRIVATE,
    *FOLLOWED.values(),
    "null_relations_lost",
    "worst_association_error",
    "replayed_values",
    "outside_range",
    "unknown_categories",
    "rare_categories",
)
"""Figures that compare values: of a table that is copied, or that has no rows, there is nothing to compare."""


def read_sides(workspace: Workspace) -> Sides:
    """Give readers of the night's real and synthetic Parquet files."""
    return Sides(real=partial(_read, workspace.real), synthetic=partial(_read, workspace.synthetic))


def _read(path: Callable[[str], Path], table: str, columns: tuple[str, ...] | None) -> pa.Table:
    """Read those of the columns that the file has: a lost one is a finding of the gate, not a failure of it."""
    found = pq.read_schema(path(table)).names
    return pq.read_table(path(table), columns=[c for c in found if columns is None or c in columns])


def measure_table(subject: Subject, sides: Sides, seed: int, last: Measured | None = None) -> tuple[Measure, ...]:
    """Measure one table's structure, its fidelity, its foreign keys, and how much of production it repeats.

    `last` holds the figures of the night that was published last, if there is one.
    """
    table = subject.table
    found = [
        *figures_of(table, "undeclared_columns", partial(measure_columns, table, subject.synthetic.schema)),
        *figures_of(
            table, "row_count_ratio", partial(measure_rows, table, subject.n_known, subject.synthetic.num_rows)
        ),
        *_measure_keys(subject, sides, seed),
        *_measure_values(subject, sides, seed),
    ]
    tonight = {m.name: m for m in found if not m.subject}
    return (*found, *figures_of(table, "regression", partial(measure_regression, table.name, tonight, last)))


def _measure_keys(subject: Subject, sides: Sides, seed: int) -> Iterator[Measure]:
    plan, table = subject.plan, subject.table
    present = {t.name: t for t in plan.tables if t.mode != "skip"}
    for key in table.foreign_keys:
        if key.ref_table not in present:
            continue
        yield from figures_of(table, "orphans", partial(measure_foreign_key, table.name, key, sides))
        rng = np.random.default_rng(seed)
        if relates(plan, table, key):
            yield from figures_of(table, "relation_lost", partial(measure_across, plan, table, key, sides, rng))
        if links(plan, table, key):
            figures = partial(measure_linked, subject, key, sides, rng)
            yield from figures_of(table, "linkability_across", figures)
        if follows(plan, table, key):
            figures = partial(measure_sequences, plan, table, key, sides, rng)
            yield from figures_of(table, "time_between_events", figures)


def _measure_values(subject: Subject, sides: Sides, seed: int) -> Iterator[Measure]:
    """Measure what is compared by value, where there is such a thing."""
    plan, table = subject.plan, subject.table
    waived = "the rows are copied" if table.mode == "copy" else None if subject.real.num_rows else "there are no rows"
    if waived is not None:
        yield from (Measure(table=table.name, name=name, waived=waived) for name in BY_VALUE)
        return
    scales = compared_columns(plan, table)
    yield from _measure_withheld(subject, tuple(scales))
    scales = {name: scale for name, scale in scales.items() if name in subject.synthetic.column_names}
    if not scales:
        return
    try:
        stack = stack_rows(subject.real, subject.synthetic, scales, subject.held_out, subject.ids)
    except (pa.ArrowException, KeyError) as exc:
        yield from _unmeasured(table, f"columns cannot be laid over the source's ({type(exc).__name__})")
        return
    yield from figures_of(table, "entities", partial(measure_entities, table.name, stack.ids))
    shown = _published_keys(plan, table, sides)
    yield from _measure_support(plan, table, stack, shown, subject.learned)
    yield from _measure_statistics(subject, _with_orphans_alike(table, stack, shown), seed)
    yield from measure_privacy(subject, stack, seed)


def _measure_withheld(subject: Subject, compared: tuple[str, ...]) -> Iterator[Measure]:
    table, synthetic = subject.table, subject.synthetic
    present = [c for c in withheld_columns(table, compared) if c in synthetic.column_names]
    columns = {name: table.column(name).fate == "fake" for name in present}
    figures = partial(
        measure_replay, table.name, subject.real, synthetic, columns, subject.held_out, subject.plan.privacy.rare_below
    )
    yield from figures_of(table, "replayed_values", figures)


def _with_orphans_alike(table: TablePlan, stack: Stack, shown: Labels) -> Stack:
    """Let all orphans of a key be one label: they are made up, and how many there are is asserted with the key."""
    for key in table.foreign_keys:
        for column in key.columns if key.soft else ():
            if column in stack.labels and column in shown:
                stack = stack.pooled(column, shown[column])
    return stack


def _measure_support(plan: Plan, table: TablePlan, stack: Stack, shown: Labels, learned: Learned) -> Iterator[Measure]:
    privacy = plan.privacy
    # A bound that stays from an earlier night may by now have half as many entities beyond it.
    enough = privacy.rare_below if learned.stayed is None else enough_to_stay(privacy.rare_below)
    k = enough if privacy.clip_extremes else 1
    yield from figures_of(table, "outside_range", partial(measure_ranges, table.name, stack, k))
    declared = {c.name: frozenset(c.enum) for c in table.table.columns if c.enum and c.name in stack.labels}
    figures = partial(measure_categories, table.name, stack, privacy.rare_below, shown, declared, learned.stayed)
    yield from figures_of(table, "unknown_categories", figures)


def _published_keys(plan: Plan, table: TablePlan, sides: Sides) -> Labels:
    """Give the keys of copied tables, by the column that refers to them: they are published as they are."""
    copied = {t.name for t in plan.tables if t.mode == "copy"}
    shown: dict[str, frozenset[str]] = {}
    for key in (k for k in table.foreign_keys if k.ref_table in copied):
        parents = sides.real(key.ref_table, key.ref_columns)
        for child, parent in zip(key.columns, key.ref_columns, strict=True):
            values = frozenset(str(v) for v in parents.column(parent).unique().to_pylist() if v is not None)
            shown[child] = shown.get(child, frozenset()) | values
    return shown


def _measure_statistics(subject: Subject, stack: Stack, seed: int) -> Iterator[Measure]:
    table = subject.table
    if stack.n_least < MIN_ROWS:
        fewest = f"the smallest of training, held-out and synthetic rows has {stack.n_least}"
        yield from _unmeasured(table, f"{fewest}; {MIN_ROWS} are needed")
        return
    rng = np.random.default_rng(seed)
    draws = draw_samples(stack, N_DRAWS, MAX_ROWS, rng)
    for name, figures in _statistics(subject, stack, draws, rng):
        yield from figures_of(table, name, figures)


def _statistics(
    subject: Subject, stack: Stack, draws: tuple[Draw, ...], rng: np.random.Generator
) -> Iterator[tuple[str, Figures]]:
    table, rare_below = subject.table.name, subject.plan.privacy.rare_below
    types = {c.name: parse(c.arrow_type) for c in subject.table.table.columns}
    yield "column_shape", partial(measure_shapes, table, stack, draws, rare_below)
    yield "column_ks", partial(measure_order, table, stack, draws)
    yield "null_share", partial(measure_nulls, table, stack, draws)
    yield "lost_values", partial(measure_coverage, table, stack, rare_below)
    yield "point_masses", partial(measure_points, table, stack, draws)
    yield "granularity", partial(measure_granularity, table, stack, types, rng)
    yield "pair_error", partial(measure_pairs, table, stack, draws, rare_below, rng)
    yield "association_error", partial(measure_associations, table, stack, draws[:3], rare_below, rng)
    yield "null_relations_lost", partial(measure_null_relations, table, stack, draws, rare_below, rng)
    yield "mean_triple_error", partial(measure_triples, table, stack, draws[:3], rare_below, rng)
    yield "null_patterns", partial(measure_null_patterns, table, stack, draws, rare_below, rng)
    yield "classifier_auc", partial(measure_classifier, table, stack, rare_below, rng)
    yield "repeated_rows", partial(measure_repeats, table, stack, draws[:3])
    if subject.table.target is not None:
        yield "usefulness_lost", partial(measure_usefulness, table, stack, subject.table.target, rare_below, rng)


def _unmeasured(table: TablePlan, reason: str) -> Iterator[Measure]:
    for name in STATISTICS:
        yield Measure(table=table.name, name=name, error=reason)
