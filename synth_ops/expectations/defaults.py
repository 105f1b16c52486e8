"""The suite that `init` writes for a table: plain JSON, for the data's owner to edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from synth_ops import __version__
from synth_ops.expectations.rules import RULES
from synth_ops.measure.columns import Scale, compared_columns
from synth_ops.measure.joined import relates
from synth_ops.measure.linked import links
from synth_ops.measure.replay import withheld_columns
from synth_ops.measure.sequences import follows
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Severity
from synth_ops.schema import ForeignKey

MIN_HOLDOUT_ROWS = 200
"""A table with fewer held-out rows gets structural checks only: twice what measuring needs, for it may shrink."""
MIN_PARENTS = 200
"""With fewer parents, the spread of their children is too noisy to block on."""
MIN_RELATED = 500
"""With fewer rows, what goes together across a reference is not asserted: measuring halves them and needs 200 each."""
MIN_MEMBERS, MIN_OUTLIERS = 1_200, 1_400
"""With fewer held-out rows, membership cannot be told from chance: a little more than measuring needs."""
HARD_KEY = "expect_foreign_key_to_resolve"
MIN_COPY_COLUMNS = 3
"""A row of fewer columns says too little for its copy to tell of anyone."""

Expectation = dict[str, Any]


def default_suite(
    plan: Plan, table: TablePlan, n_rows: int, n_rows_of: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Give the suite of one table as Great Expectations' own JSON. It holds bounds, and no value of production.

    With `n_rows_of`, the rows of all tables, the spread of children over few parents warns and does not block.
    """
    scales = compared_columns(plan, table)
    measurable = is_measurable(plan, table, n_rows)
    expectations = [*_structure(table, n_rows), *_keys(table), *_references(plan, table, n_rows, n_rows_of or {})]
    if table.mode == "synthesize":
        expectations += _privacy(table, scales, n_rows * plan.privacy.holdout, measurable=measurable)
    notes = f"What the synthetic copy of {table.name!r} must hold before it is published. Edit the bounds freely."
    if measurable:
        expectations += _fidelity(table, scales)
    elif table.mode == "synthesize":
        notes += f" It had {n_rows} rows when this was written: too few for statistics of its fidelity."
    if plan.privacy.epsilon is not None:
        expectations = [_under_budget(e) for e in expectations]
    meta = {"table": table.name, "written_by": f"synth-ops {__version__}"}
    return {"name": f"{plan.dataset}.{table.name}", "notes": notes, "meta": meta, "expectations": expectations}


def _under_budget(expectation: Expectation) -> Expectation:
    """Let fidelity warn where noise is the price of privacy; structure, keys that resolve and privacy still block."""
    rule = RULES.get(expectation["type"])
    blocks = rule is None or rule.group in {"structure", "privacy"} or expectation["type"] == HARD_KEY
    return expectation if blocks else expectation | {"severity": "warning"}


def is_measurable(plan: Plan, table: TablePlan, n_rows: int) -> bool:
    """Say whether statistics of the table mean something: enough held-out rows, and enough synthetic ones."""
    n_synthetic = table.rows if isinstance(table.rows, int) else table.rows * n_rows
    n_least = min(n_rows * plan.privacy.holdout, n_rows * (1 - plan.privacy.holdout), n_synthetic)
    return table.mode == "synthesize" and n_least >= MIN_HOLDOUT_ROWS


def _structure(table: TablePlan, n_rows: int) -> Iterator[Expectation]:
    yield _expect("expect_table_columns_to_match_source", "Readers of the copy find what readers of production find.")
    least, most = (1.0, 1.0) if table.mode == "copy" else (0.8, 1.25) if n_rows >= MIN_HOLDOUT_ROWS else (0.25, 4.0)
    note = "Children are as many as their synthetic parents have, so a child table's rows vary a little."
    yield _expect("expect_table_row_count_to_match_plan", note, min_ratio=least, max_ratio=most)
    for column in table.table.columns:
        if not column.nullable:
            yield _expect("expect_column_values_to_not_be_null", "Declared NOT NULL.", column=column.name)
        if column.enum:
            note = "The type declares these labels."
            yield _expect("expect_column_values_to_be_in_set", note, column=column.name, value_set=list(column.enum))


def _keys(table: TablePlan) -> Iterator[Expectation]:
    """Assert every unique key; a null in it makes a row equal to no other, as in SQL."""
    for key in dict.fromkeys((table.table.primary_key, *table.table.unique)):
        note = "The primary key." if key == table.table.primary_key else "Declared unique."
        if len(key) == 1:
            yield _expect("expect_column_values_to_be_unique", note, column=key[0])
        elif key:
            yield _expect(
                "expect_compound_columns_to_be_unique",
                note,
                column_list=list(key),
                ignore_row_if="any_value_is_missing",
            )


def _references(plan: Plan, table: TablePlan, n_rows: int, n_rows_of: Mapping[str, int]) -> Iterator[Expectation]:
    present = {t.name for t in plan.tables if t.mode != "skip"}
    for key in table.foreign_keys:
        if key.ref_table in present:
            yield from _reference(plan, table, key, n_rows, n_rows_of.get(key.ref_table, MIN_PARENTS))


def _reference(plan: Plan, table: TablePlan, key: ForeignKey, n_rows: int, n_parents: int) -> Iterator[Expectation]:
    if not key.soft:
        note = "Declared in the database, so every reference resolves."
        yield _expect(HARD_KEY, note, foreign_key=key.name, max_share=0.0)
    if table.mode == "copy":
        return
    if key.soft:
        note = "Not declared in the database: it keeps production's share of orphans."
        yield _expect("expect_foreign_key_orphans_to_match", note, foreign_key=key.name, max_excess=0.02)
    if any(table.table.column(name).nullable for name in key.columns):
        note = "As many rows refer to nothing as in production."
        yield _expect("expect_foreign_key_nulls_to_match", note, foreign_key=key.name, max_excess=0.02)
    few = n_parents < MIN_PARENTS
    note = "Joins fan out as they do in production." + (" With so few parents it only warns." if few else "")
    severity: Severity = "warning" if few else "critical"
    yield _expect("expect_children_per_parent_to_match", note, severity, foreign_key=key.name, max_excess=0.05)
    if not few and n_rows >= MIN_RELATED and relates(plan, table, key):
        note = "Of what goes together across the reference; keys that were dealt out anew lose all of it."
        yield _expect("expect_foreign_key_relations_to_match", note, foreign_key=key.name, max_excess=0.6)
    if links(plan, table, key):
        note = "A row, and the one that it refers to, put together by the copy."
        yield _expect("expect_foreign_key_to_be_unlinkable", note, "warning", foreign_key=key.name, max_risk=0.05)
    if not few and follows(plan, table, key):
        note = "Rows are learned one by one, so this only warns."
        yield _expect("expect_time_between_events_to_match", note, "warning", foreign_key=key.name, max_excess=0.1)
        yield _expect("expect_event_order_to_match", note, "warning", foreign_key=key.name, max_excess=0.1)


def _privacy(
    table: TablePlan, scales: Mapping[str, Scale], n_holdout: float, *, measurable: bool
) -> Iterator[Expectation]:
    """Assert what the copy may tell of the rows that it was made of."""
    for name in withheld_columns(table, scales):
        note = "No model learned it, so what is repeated is chance, or a leak."
        yield _expect("expect_column_values_to_not_be_replayed", note, column=name, max_excess=0.005)
    if not scales:
        return
    note = "2,000, or the gate abstains: say why the rows are public in the plan, or leave the table out."
    yield _expect("expect_enough_entities_to_measure_privacy", note)
    if measurable:
        for name, scale in scales.items():
            yield from _support(table, name, scale)
    if len(scales) >= MIN_COPY_COLUMNS:
        note = "A model that learned rows by heart repeats them."
        yield _expect("expect_no_record_to_be_copied", note, max_excess=0.005)
    yield from _attacks(scales, n_holdout)


def _attacks(scales: Mapping[str, Scale], n_holdout: float) -> Iterator[Expectation]:
    """Assert what attackers may reach who know the copy, and rows; of too few rows to tell by, it only warns."""
    if len(scales) >= MIN_COPY_COLUMNS:
        note = "Nearer to a training row than held-out rows are to one."
        yield _expect("expect_no_record_to_be_nearly_copied", note, max_excess=0.005)
        note = "Copied, and then scaled, jittered or drawn anew in some columns."
        yield _expect("expect_no_record_to_be_copied_in_part", note, max_excess=0.005)
    severity: Severity = "critical" if n_holdout >= MIN_MEMBERS else "warning"
    note = "An attacker who knows the copy and a row guesses whether it was made of it; 0.5 is chance."
    yield _expect("expect_membership_to_be_uninferable", note, severity, max_auc=0.55)
    severity = "critical" if n_holdout >= MIN_OUTLIERS else "warning"
    note = "The same of the most isolated rows, for whom it matters most."
    yield _expect("expect_outlier_membership_to_be_uninferable", note, severity, max_auc=0.6)
    yield _expect("expect_no_outlier_to_be_recognised", "At one false alarm in a hundred.", severity, max_share=0.1)
    yield _expect(
        "expect_no_outlier_to_be_copied", "Beyond what chance does once in 4,000 nights.", severity, max_excess=0.0
    )
    yield _expect(
        "expect_no_lone_record_to_be_copied", "Beyond what chance does once in 4,000 nights.", severity, max_excess=0.0
    )
    if len(scales) > 1:
        note = "Two halves of a record put together by the copy."
        yield _expect("expect_records_to_be_unlinkable", note, "warning", max_risk=0.05)
        note = "The column that the copy tells most of, beyond what it tells of rows that it was not made of."
        yield _expect("expect_secrets_to_be_uninferable", note, "warning", max_risk=0.05)
    note = "Statements that hold of one synthetic row, and of exactly one real one."
    yield _expect("expect_no_record_to_be_singled_out", note, "warning", max_risk=0.05)
    note = "By two nights' copies, once enough rows have come in between."
    yield _expect("expect_additions_to_be_uninferable", note, severity, max_auc=0.6)


def _fidelity(table: TablePlan, scales: Mapping[str, Scale]) -> Iterator[Expectation]:
    """Assert fidelity, from single columns to whole rows."""
    for name, scale in scales.items():
        yield from _column(table, name, scale)
    if not scales:
        return
    note = "The mean over columns of total variation, beyond what chance does to held-out rows."
    yield _expect("expect_column_shapes_to_match_reference", note, max_excess=0.05)
    yield _expect("expect_column_shapes_to_not_regress", "Against the copy that was published last.", max_increase=0.03)
    if len(scales) > 1:
        yield from _relations(table, scales)
    note = "Far below one half, each synthetic row has a twin in production."
    yield _expect("expect_table_to_be_indistinguishable", note, min_auc=0.4, max_auc=0.9)
    note = "Above this, look at the report for the columns that give the copy away."
    yield _expect("expect_table_to_be_indistinguishable", note, "warning", min_auc=0.4, max_auc=0.75)
    note = "Garbage among sound rows, which no mean shows."
    yield _expect("expect_no_row_to_be_implausible", note, max_excess=0.03)
    note = "A generator that collapsed gives the same rows over and over."
    yield _expect("expect_no_row_to_be_repeated", note, max_excess=0.05)
    note = "Against the copy that was published last."
    yield _expect("expect_table_to_not_become_distinguishable", note, max_increase=0.1)
    if table.target is not None:
        note = "Of the area under the curve, or of R². The plan names the target."
        yield _expect("expect_column_to_be_as_predictable", note, column=table.target, max_excess=0.1)


def _column(table: TablePlan, name: str, scale: Scale) -> Iterator[Expectation]:
    if table.table.column(name).nullable:
        note = "Beyond what chance does to held-out rows."
        yield _expect("expect_column_nulls_to_match_reference", note, column=name, max_excess=0.02)
    note = "Total variation on bins that real and synthetic share."
    yield _expect("expect_column_shape_to_match_reference", note, column=name, max_excess=0.15)
    note = "Values, or bins of them, that the copy has fewer than a quarter of."
    yield _expect("expect_column_values_to_be_covered", note, column=name, max_share=0.02)
    if scale == "number":
        note = "Zeros, defaults, round prices: values that a hundredth of the rows or more hold."
        yield _expect("expect_column_point_masses_to_match_reference", note, column=name, max_excess=0.1)
        note = "Total variation over how many decimals, trailing zeros, whole hours and which weekdays there are."
        yield _expect("expect_column_granularity_to_match_reference", note, column=name, max_excess=0.15)


def _relations(table: TablePlan, scales: Mapping[str, Scale]) -> Iterator[Expectation]:
    note = "The headline of fidelity. Shuffled columns score ten times what held-out rows do, or more."
    yield _expect("expect_column_pairs_to_match_reference", note, max_excess=0.05, max_lost=0.5)
    yield _expect("expect_column_pairs_to_not_regress", "Against the copy that was published last.", max_increase=0.03)
    note = "The worst of those pairs whose association is above 0.3."
    yield _expect("expect_column_associations_to_match_reference", note, max_excess=0.2)
    if len(scales) >= MIN_COPY_COLUMNS:
        note = "What pairs do not show."
        yield _expect("expect_column_triples_to_match_reference", note, max_excess=0.07, max_lost=0.5)
    for name in scales:
        note = "Of what goes together with it in production; a shuffled column loses all."
        yield _expect("expect_column_relations_to_match_reference", note, column=name, max_excess=0.7)
    nullable = [name for name in scales if table.table.column(name).nullable]
    for name in nullable:
        note = "Nulls that were put in at random lose all."
        yield _expect("expect_column_null_relations_to_match_reference", note, column=name, max_excess=0.7)
    if len(nullable) > 1:
        note = "Which columns are null together."
        yield _expect("expect_null_patterns_to_match_reference", note, max_excess=0.05, max_lost=0.5)


def _support(table: TablePlan, name: str, scale: Scale) -> Iterator[Expectation]:
    if scale == "number":
        note = "Extremes tell of single rows; they are clipped before training."
        yield _expect("expect_column_values_to_be_within_common_range", note, column=name, max_share=0.005)
        return
    # Orphans of a soft key may be new labels; how many there are is asserted with the key.
    if not any(key.soft and name in key.columns for key in table.foreign_keys):
        note = "Rare labels are pooled before training; what stands for them may be new, and nothing else."
        yield _expect("expect_column_categories_to_be_known", note, column=name, max_excess=0.02)
    note = "Rare labels tell of few rows; no model ever sees them."
    yield _expect("expect_column_categories_to_not_be_rare", note, column=name, max_share=0.001)


def _expect(kind: str, notes: str, severity: Severity = "critical", **kwargs: Any) -> Expectation:  # noqa: ANN401 — whatever the expectation takes
    return {"type": kind, "kwargs": kwargs, "severity": severity, "notes": notes}
