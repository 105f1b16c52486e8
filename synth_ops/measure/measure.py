"""Every figure of one table, measured once, each beside its floor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.holdout import look_whose
from synth_ops.measure.classifier import measure_classifier
from synth_ops.measure.columns import compared_columns
from synth_ops.measure.copies import measure_copies
from synth_ops.measure.draws import Draw, draw_samples
from synth_ops.measure.entities import measure_entities
from synth_ops.measure.learned import Learned, read_learned
from synth_ops.measure.marginals import measure_nulls, measure_order, measure_shapes
from synth_ops.measure.pairs import measure_pairs
from synth_ops.measure.records import Measure, unfit
from synth_ops.measure.relations import ReadColumns, measure_foreign_key
from synth_ops.measure.stack import Stack, stack_rows
from synth_ops.measure.structure import measure_columns, measure_rows
from synth_ops.measure.support import measure_categories, measure_ranges
from synth_ops.owners import enough_to_stay
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.workspace.layout import Workspace
from synth_ops.workspace.salt import NO_SALT, Salt, read_salt

N_DRAWS = 10
MAX_ROWS = 50_000
MIN_HOLDOUT_ROWS = 100
"""Fewer held-out rows than these make every statistic noise: it is not measured."""

STATISTICS = (
    "column_shape",
    "mean_column_shape",
    "column_ks",
    "null_share",
    "pair_error",
    "mean_pair_error",
    "classifier_auc",
    "exact_copies",
)
"""Figures that need held-out rows to stand beside."""

Figures = Callable[[], Iterator[Measure]]


@dataclass(frozen=True)
class Sides:
    """Where the real and the synthetic rows are read, and by what they are parted in seen and held out."""

    real: ReadColumns
    synthetic: ReadColumns
    salt: Salt = NO_SALT
    """Of copies that no model of ours made, any will do."""
    learned: Callable[[str], Learned] = lambda _table: Learned()
    """What is known of each table's model."""


def read_sides(workspace: Workspace) -> Sides:
    """Give readers of the night's real and synthetic Parquet files.

    Raises:
        CorruptArtifact: the salt that rows were held out by is gone.
    """
    return Sides(
        real=partial(_read, workspace.real),
        synthetic=partial(_read, workspace.synthetic),
        salt=read_salt(workspace),
        learned=partial(read_learned, workspace),
    )


def _read(path: Callable[[str], Path], table: str, columns: tuple[str, ...] | None) -> pa.Table:
    """Read those of the columns that the file has: a lost one is a finding of the gate, not a failure of it."""
    found = pq.read_schema(path(table)).names
    return pq.read_table(path(table), columns=[c for c in found if columns is None or c in columns])


def measure_table(
    plan: Plan, table: TablePlan, real: pa.Table, synthetic: pa.Table, sides: Sides, seed: int
) -> tuple[Measure, ...]:
    """Measure one table's structure, its fidelity, its foreign keys, and how much of production it repeats."""
    found = [
        *_figures(table, "undeclared_columns", partial(measure_columns, table, synthetic.schema)),
        *_figures(table, "row_count_ratio", partial(measure_rows, table, real.num_rows, synthetic.num_rows)),
    ]
    present = {t.name for t in plan.tables if t.mode != "skip"}
    for key in table.foreign_keys:
        if key.ref_table in present:
            figures = partial(measure_foreign_key, table.name, key, sides.real, sides.synthetic)
            found += _figures(table, "orphans", figures)
    return (*found, *_measure_values(plan, table, real, synthetic, sides, seed))


def _measure_values(
    plan: Plan, table: TablePlan, real: pa.Table, synthetic: pa.Table, sides: Sides, seed: int
) -> Iterator[Measure]:
    """Count the entities, and measure what is compared by value, where there is such a thing."""
    if table.mode != "synthesize":
        return
    scales = compared_columns(plan, table)
    scales = {name: scale for name, scale in scales.items() if name in synthetic.column_names}
    learned = sides.learned(table.name)
    try:
        whose = look_whose(plan, table.name, real, sides.real, sides.salt, main=learned.main)
        stack = stack_rows(real, synthetic, scales, whose.held_out, whose.ids)
    except (pa.ArrowException, KeyError) as exc:
        yield from _unmeasured(table, f"columns cannot be laid over the source's ({type(exc).__name__})")
        return
    yield from _figures(table, "entities", partial(measure_entities, table.name, whose.ids))
    if scales:
        yield from _measure_support(plan, table, stack, sides, learned)
        yield from _measure_statistics(plan, table, stack, seed)


def _measure_support(plan: Plan, table: TablePlan, stack: Stack, sides: Sides, learned: Learned) -> Iterator[Measure]:
    privacy = plan.privacy
    # A bound that stays from an earlier night may by now have half as many entities beyond it.
    enough = privacy.rare_below if learned.stayed is None else enough_to_stay(privacy.rare_below)
    k = enough if privacy.clip_extremes else 1
    yield from _figures(table, "outside_range", partial(measure_ranges, table.name, stack, k))
    declared = {c.name: frozenset(c.enum) for c in table.table.columns if c.enum and c.name in stack.labels}
    shown = _published_keys(plan, table, sides)
    figures = partial(measure_categories, table.name, stack, privacy.rare_below, shown, declared, learned.stayed)
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


def _measure_statistics(plan: Plan, table: TablePlan, stack: Stack, seed: int) -> Iterator[Measure]:
    n_least = min(len(stack.training), len(stack.holdout), len(stack.synthetic))
    if n_least < MIN_HOLDOUT_ROWS:
        yield from _unmeasured(
            table, f"the smallest of training, held-out and synthetic rows has {n_least}; {MIN_HOLDOUT_ROWS} are needed"
        )
        return
    rng = np.random.default_rng(seed)
    draws = draw_samples(stack, N_DRAWS, MAX_ROWS, rng)
    for name, figures in _statistics(table.name, stack, draws, plan.privacy.rare_below, rng):
        yield from _figures(table, name, figures)


def _statistics(
    table: str, stack: Stack, draws: tuple[Draw, ...], rare_below: int, rng: np.random.Generator
) -> tuple[tuple[str, Figures], ...]:
    return (
        ("column_shape", partial(measure_shapes, table, stack, draws, rare_below)),
        ("column_ks", partial(measure_order, table, stack, draws)),
        ("null_share", partial(measure_nulls, table, stack, draws)),
        ("pair_error", partial(measure_pairs, table, stack, draws, rare_below, rng)),
        ("classifier_auc", partial(measure_classifier, table, stack, rare_below, rng)),
        ("exact_copies", partial(measure_copies, table, stack, rare_below)),
    )


def _figures(table: TablePlan, name: str, figures: Figures) -> list[Measure]:
    """Measure, or say why not: whatever is raised makes the gate abstain and leaves the other figures standing."""
    try:
        return [unfit(measure) for measure in figures()]
    except Exception as exc:  # noqa: BLE001 — its text may quote a row, so only its type is kept
        return [Measure(table=table.name, name=name, error=f"measuring raised {type(exc).__name__}")]


def _unmeasured(table: TablePlan, reason: str) -> Iterator[Measure]:
    for name in STATISTICS:
        yield Measure(table=table.name, name=name, error=reason)
