"""Every figure of one table, measured once, each beside its floor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth_ops.arrow_types import parse
from synth_ops.measure.classifier import measure_classifier
from synth_ops.measure.columns import compared_columns
from synth_ops.measure.copies import measure_copies, measure_repeats
from synth_ops.measure.details import measure_coverage, measure_granularity, measure_points
from synth_ops.measure.draws import Draw, draw_samples
from synth_ops.measure.joined import measure_across, relates
from synth_ops.measure.marginals import measure_nulls, measure_order, measure_shapes
from synth_ops.measure.pairs import measure_associations, measure_null_relations, measure_pairs
from synth_ops.measure.records import Measure, Measured, unfit
from synth_ops.measure.regression import measure_regression
from synth_ops.measure.relations import Sides, measure_foreign_key
from synth_ops.measure.replay import measure_replay, withheld_columns
from synth_ops.measure.sequences import follows, measure_sequences
from synth_ops.measure.stack import Stack, stack_rows
from synth_ops.measure.structure import measure_columns, measure_rows
from synth_ops.measure.support import measure_categories, measure_ranges
from synth_ops.measure.triples import measure_null_patterns, measure_triples
from synth_ops.measure.usefulness import measure_usefulness
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.workspace.layout import Workspace

N_DRAWS = 10
MAX_ROWS = 50_000
MIN_HOLDOUT_ROWS = 100
"""Fewer held-out rows than these make every statistic noise: it is not measured."""
MIN_ENTITIES = 2_000
"""With fewer entities no attack can be told from chance: nothing is said of privacy, and the gate abstains."""

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
PRIVATE = (
    "exact_copies",
    "near_copies",
    "outlier_membership_auc",
    "outlier_copies",
    "membership_auc",
    "attribute_inference",
    "singling_out",
    "linkability",
)
"""Figures that say how much the copy tells of the rows that it was made of."""

Figures = Callable[[], Iterator[Measure]]


@dataclass(frozen=True)
class Subject:
    """One table as it is measured: real rows, some of which no model has seen, and the rows of the copy."""

    plan: Plan
    table: TablePlan
    real: pa.Table
    synthetic: pa.Table
    held_out: NDArray[np.bool_]
    """Real rows to hold the copy's against: ``(n_real,)``."""
    is_unseen: bool = True
    """Whether the model that made the copy never saw them. If it may have, nothing can be said of membership."""

    @property
    def n_entities(self) -> int:
        """Whose rows the real ones are."""
        return int(self.real.num_rows)


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
        *_figures(table, "undeclared_columns", partial(measure_columns, table, subject.synthetic.schema)),
        *_figures(
            table, "row_count_ratio", partial(measure_rows, table, subject.real.num_rows, subject.synthetic.num_rows)
        ),
        *_measure_keys(subject, sides, seed),
        *_measure_values(subject, sides, seed),
    ]
    tonight = {m.name: m for m in found if not m.subject}
    return (*found, *_figures(table, "regression", partial(measure_regression, table.name, tonight, last)))


def _measure_keys(subject: Subject, sides: Sides, seed: int) -> Iterator[Measure]:
    plan, table = subject.plan, subject.table
    present = {t.name: t for t in plan.tables if t.mode != "skip"}
    for key in table.foreign_keys:
        if key.ref_table not in present:
            continue
        yield from _figures(table, "orphans", partial(measure_foreign_key, table.name, key, sides))
        rng = np.random.default_rng(seed)
        if relates(plan, table, key):
            yield from _figures(table, "relation_lost", partial(measure_across, plan, table, key, sides, rng))
        if follows(plan, table, key):
            figures = partial(measure_sequences, plan, table, key, sides, rng)
            yield from _figures(table, "time_between_events", figures)


def _measure_values(subject: Subject, sides: Sides, seed: int) -> Iterator[Measure]:
    """Measure what is compared by value, where there is such a thing."""
    plan, table = subject.plan, subject.table
    scales = compared_columns(plan, table)
    yield from _measure_withheld(subject, tuple(scales))
    scales = {name: scale for name, scale in scales.items() if name in subject.synthetic.column_names}
    if not scales:
        return
    try:
        stack = stack_rows(subject.real, subject.synthetic, scales, subject.held_out)
    except (pa.ArrowException, KeyError) as exc:
        yield from _unmeasured(table, f"columns cannot be laid over the source's ({type(exc).__name__})")
        return
    yield from _measure_support(plan, table, stack, sides)
    yield from _measure_statistics(subject, stack, seed)
    yield from _measure_privacy(subject, stack)


def _measure_withheld(subject: Subject, compared: tuple[str, ...]) -> Iterator[Measure]:
    table, synthetic = subject.table, subject.synthetic
    if table.mode != "synthesize":
        return
    columns = [c for c in withheld_columns(table, compared) if c in synthetic.column_names]
    figures = partial(
        measure_replay, table.name, subject.real, synthetic, columns, subject.held_out, subject.plan.privacy.rare_below
    )
    yield from _figures(table, "replayed_values", figures)


def _measure_support(plan: Plan, table: TablePlan, stack: Stack, sides: Sides) -> Iterator[Measure]:
    privacy = plan.privacy
    k = privacy.rare_below if privacy.clip_extremes else 1
    yield from _figures(table, "outside_range", partial(measure_ranges, table.name, stack, k))
    declared = {c.name: frozenset(c.enum) for c in table.table.columns if c.enum and c.name in stack.labels}
    shown = _published_keys(plan, table, sides)
    figures = partial(measure_categories, table.name, stack, privacy.rare_below, shown, declared)
    yield from _figures(table, "unknown_categories", figures)


def _published_keys(plan: Plan, table: TablePlan, sides: Sides) -> dict[str, frozenset[str]]:
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
    n_least = min(len(stack.training), len(stack.holdout), len(stack.synthetic))
    if n_least < MIN_HOLDOUT_ROWS:
        yield from _unmeasured(
            table, f"the smallest of training, held-out and synthetic rows has {n_least}; {MIN_HOLDOUT_ROWS} are needed"
        )
        return
    rng = np.random.default_rng(seed)
    draws = draw_samples(stack, N_DRAWS, MAX_ROWS, rng)
    for name, figures in _statistics(subject, stack, draws, rng):
        yield from _figures(table, name, figures)


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


def _measure_privacy(subject: Subject, stack: Stack) -> Iterator[Measure]:
    """Measure what the copy tells of the rows that it was made of, or say why not, or why there is no need."""
    table = subject.table
    if table.public is not None:
        yield from (Measure(table=table.name, name=name, waived=table.public) for name in PRIVATE)
        return
    reason = _unknowable(subject, stack)
    if reason is not None:
        yield from (Measure(table=table.name, name=name, error=reason) for name in PRIVATE)
        return
    figures = partial(measure_copies, table.name, stack, subject.plan.privacy.rare_below)
    yield from _figures(table, "exact_copies", figures)


def _unknowable(subject: Subject, stack: Stack) -> str | None:
    """Give the reason why nothing can be said of privacy, if there is one."""
    if not subject.is_unseen:
        return "there are no held-out rows that the copy was surely not made of; give them with --holdout"
    if subject.n_entities < MIN_ENTITIES:
        return (
            f"the rows are of {subject.n_entities} entities, and {MIN_ENTITIES} are needed to tell an attack from"
            " chance; if the rows are public, say why in the plan (`public: why`)"
        )
    if min(len(stack.training), len(stack.holdout), len(stack.synthetic)) < MIN_HOLDOUT_ROWS:
        return f"{MIN_HOLDOUT_ROWS} rows are needed of training, held-out and synthetic rows each"
    return None


def _figures(table: TablePlan, name: str, figures: Figures) -> list[Measure]:
    """Measure, or say why not: whatever is raised makes the gate abstain and leaves the other figures standing."""
    try:
        return [unfit(measure) for measure in figures()]
    except Exception as exc:  # noqa: BLE001 — its text may quote a row, so only its type is kept
        return [Measure(table=table.name, name=name, error=f"measuring raised {type(exc).__name__}")]


def _unmeasured(table: TablePlan, reason: str) -> Iterator[Measure]:
    for name in STATISTICS:
        yield Measure(table=table.name, name=name, error=reason)
