"""What each of our expectations asserts of which figure, in one table. Great Expectations is not needed to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synth_ops.measure.records import Measure
from synth_ops.records import CheckGroup

Limits = Mapping[str, Any]
Holds = Callable[[Measure, Limits], bool]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of expectation: its figure, its bounds and its words."""

    measure: str
    """Name of the figure, as `synth_ops.measure` gives it."""
    group: CheckGroup
    """What it is about, for a report to sort by."""
    subject: str | None = None
    """The parameter that says which one of the table's: ``column``, ``foreign_key``, or none."""
    limits: tuple[str, ...] = ()
    """The bounds that the suite states."""
    holds: Holds
    expected: str
    """What must hold, with the subject and the bounds in braces."""
    share: bool = True
    """Whether the figure is a share, shown per cent; else it is shown as it is."""
    floored: bool = True
    """Whether the figure means something only beside its floor."""
    by_bound: bool = False
    """Whether the figure's upper bound is held against the limit, and not the figure."""


def _at_most(name: str) -> Holds:
    return lambda measure, limits: measure.observed is not None and measure.observed <= limits[name]


def _bound_at_most(name: str) -> Holds:
    """Hold the upper bound against the limit: what could not be told from harm is not taken for harmless."""
    return lambda measure, limits: measure.high is not None and measure.high <= limits[name]


def _excess_at_most(measure: Measure, limits: Limits) -> bool:
    return measure.excess is not None and measure.excess <= limits["max_excess"]


def _between(low: str, high: str) -> Holds:
    return lambda measure, limits: measure.observed is not None and limits[low] <= measure.observed <= limits[high]


def _keeps(measure: Measure, limits: Limits) -> bool:
    """Hold the excess, and the share of what independent columns would lose."""
    return _excess_at_most(measure, limits) and (lost_share(measure) or 0.0) <= limits["max_lost"]


def lost_share(measure: Measure) -> float | None:
    """Give how far the copy is from the floor towards independent columns; None where they hardly differ."""
    if measure.observed is None or measure.floor_high is None or measure.independent is None:
        return None
    strength = measure.independent - measure.floor_high
    return (measure.observed - measure.floor_high) / strength if strength > WEAK else None


WEAK = 0.01
"""Where independent columns are no further from production than this, there is nothing to lose."""
EXCESS = ("max_excess",)
KEPT = ("max_excess", "max_lost")

RULES: Mapping[str, Rule] = {
    "expect_table_columns_to_match_source": Rule(
        measure="undeclared_columns",
        group="structure",
        holds=lambda measure, _limits: measure.observed == 0,
        expected="Columns, their types and their order must be those that the source declares",
        share=False,
        floored=False,
    ),
    "expect_table_row_count_to_match_plan": Rule(
        measure="row_count_ratio",
        group="structure",
        limits=("min_ratio", "max_ratio"),
        holds=_between("min_ratio", "max_ratio"),
        expected="Rows must be {min_ratio:g} to {max_ratio:g} times those that the plan asks for",
        share=False,
        floored=False,
    ),
    "expect_foreign_key_to_resolve": Rule(
        measure="orphans",
        group="keys",
        subject="foreign_key",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of the references {foreign_key} may point at no parent",
    ),
    "expect_foreign_key_orphans_to_match": Rule(
        measure="orphan_share",
        group="keys",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="As many references {foreign_key} must point nowhere as in production, to within {max_excess:.3g}",
    ),
    "expect_foreign_key_nulls_to_match": Rule(
        measure="reference_nulls",
        group="keys",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="As many rows must refer to nothing by {foreign_key} as in production, to within {max_excess:.3g}",
    ),
    "expect_children_per_parent_to_match": Rule(
        measure="children_per_parent",
        group="keys",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Children per parent by {foreign_key} must be spread as in production, to within {max_excess:.3g}",
    ),
    "expect_foreign_key_relations_to_match": Rule(
        measure="relation_lost",
        group="keys",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Children must go with their parents by {foreign_key} as in production: at most {max_excess:.3g} of it"
            " may be lost"
        ),
    ),
    "expect_time_between_events_to_match": Rule(
        measure="time_between_events",
        group="sequences",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "The time between one row and the next of one parent by {foreign_key} must be spread as in production,"
            " to within {max_excess:.3g}"
        ),
    ),
    "expect_event_order_to_match": Rule(
        measure="event_order",
        group="sequences",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "One row must go over into the next of one parent by {foreign_key} as in production, to within"
            " {max_excess:.3g}"
        ),
    ),
    "expect_column_values_to_be_within_common_range": Rule(
        measure="outside_range",
        group="privacy",
        subject="column",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of {column} may lie beyond the range that enough real rows reach",
    ),
    "expect_column_categories_to_be_known": Rule(
        measure="unknown_categories",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Labels of {column} that production does not hold may be {max_excess:.3g} more than its rare ones are",
    ),
    "expect_column_categories_to_not_be_rare": Rule(
        measure="rare_categories",
        group="privacy",
        subject="column",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of {column} may be labels that too few real rows hold to be shown",
    ),
    "expect_column_values_to_not_be_replayed": Rule(
        measure="replayed_values",
        group="privacy",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Values of {column} that few real rows hold may be repeated {max_excess:.3g} more often than held-out"
            " rows repeat them"
        ),
    ),
    "expect_column_nulls_to_match_reference": Rule(
        measure="null_share",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="The share of nulls in {column} must be production's, to within {max_excess:.3g} beyond chance",
    ),
    "expect_column_null_relations_to_match_reference": Rule(
        measure="null_relations_lost",
        group="relations",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Nulls of {column} must go with other columns as in production: at most {max_excess:.3g} of it may be lost"
        ),
    ),
    "expect_column_shape_to_match_reference": Rule(
        measure="column_shape",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="The distribution of {column} must be production's, to within {max_excess:.3g} beyond chance",
    ),
    "expect_column_ranks_to_match_reference": Rule(
        measure="column_ks",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "The cumulated distribution of {column} must be production's, to within {max_excess:.3g} beyond chance"
        ),
    ),
    "expect_column_values_to_be_covered": Rule(
        measure="lost_values",
        group="columns",
        subject="column",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="Values that make up at most {max_share:.3g} of the real {column} may be all but lost in the copy",
    ),
    "expect_column_point_masses_to_match_reference": Rule(
        measure="point_masses",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Values of {column} that many rows hold must be held as often as in production, to within {max_excess:.3g}"
        ),
    ),
    "expect_column_granularity_to_match_reference": Rule(
        measure="granularity",
        group="columns",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Decimals, round numbers, whole hours and weekdays of {column} must be production's, to within"
            " {max_excess:.3g}"
        ),
    ),
    "expect_column_shapes_to_match_reference": Rule(
        measure="mean_column_shape",
        group="columns",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Columns must be distributed as in production, to within {max_excess:.3g} beyond chance on average",
    ),
    "expect_column_pairs_to_match_reference": Rule(
        measure="mean_pair_error",
        group="relations",
        limits=KEPT,
        holds=_keeps,
        expected=(
            "Pairs of columns must go together as in production, to within {max_excess:.3g} beyond chance and"
            " {max_lost:.3g} of what independent columns lose"
        ),
    ),
    "expect_column_relations_to_match_reference": Rule(
        measure="relations_lost",
        group="relations",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="{column} must go with the other columns as in production: at most {max_excess:.3g} of it may be lost",
    ),
    "expect_column_associations_to_match_reference": Rule(
        measure="worst_association_error",
        group="relations",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Columns that go together strongly must go together as strongly as in production, to within"
            " {max_excess:.3g}"
        ),
    ),
    "expect_column_triples_to_match_reference": Rule(
        measure="mean_triple_error",
        group="relations",
        limits=KEPT,
        holds=_keeps,
        expected=(
            "Triples of columns must go together as in production, to within {max_excess:.3g} beyond chance and"
            " {max_lost:.3g} of what independent columns lose"
        ),
    ),
    "expect_null_patterns_to_match_reference": Rule(
        measure="null_patterns",
        group="relations",
        limits=KEPT,
        holds=_keeps,
        expected=(
            "Columns must be null together as in production, to within {max_excess:.3g} beyond chance and"
            " {max_lost:.3g} of what independent nulls lose"
        ),
    ),
    "expect_table_to_be_indistinguishable": Rule(
        measure="classifier_auc",
        group="whole rows",
        limits=("min_auc", "max_auc"),
        holds=_between("min_auc", "max_auc"),
        expected="A classifier told to tell the copy from production must score {min_auc:.3g} to {max_auc:.3g}",
        share=False,
    ),
    "expect_no_row_to_be_implausible": Rule(
        measure="implausible_rows",
        group="whole rows",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Rows that a classifier is sure are not real may be {max_excess:.3g} more than among held-out real rows"
        ),
    ),
    "expect_no_row_to_be_repeated": Rule(
        measure="repeated_rows",
        group="whole rows",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Rows that repeat another row of the copy may be {max_excess:.3g} more than among as many real rows",
    ),
    "expect_column_to_be_as_predictable": Rule(
        measure="usefulness_lost",
        group="whole rows",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "A model that is trained on the copy must predict {column} as well as one trained on production, to"
            " within {max_excess:.3g}"
        ),
        share=False,
    ),
    "expect_column_shapes_to_not_regress": Rule(
        measure="column_shape_regression",
        group="columns",
        limits=("max_increase",),
        holds=_at_most("max_increase"),
        expected="Columns may be {max_increase:.3g} further from production than in the copy that was published last",
        share=False,
        floored=False,
    ),
    "expect_column_pairs_to_not_regress": Rule(
        measure="pair_error_regression",
        group="relations",
        limits=("max_increase",),
        holds=_at_most("max_increase"),
        expected=(
            "Pairs of columns may be {max_increase:.3g} further from production than in the copy that was published"
            " last"
        ),
        share=False,
        floored=False,
    ),
    "expect_table_to_not_become_distinguishable": Rule(
        measure="classifier_regression",
        group="whole rows",
        limits=("max_increase",),
        holds=_at_most("max_increase"),
        expected="A classifier may score {max_increase:.3g} more than on the copy that was published last",
        share=False,
        floored=False,
    ),
    "expect_enough_entities_to_measure_privacy": Rule(
        measure="measurable_entities",
        group="privacy",
        holds=lambda measure, _limits: measure.observed is not None,
        expected="Rows must be of enough entities to tell an attack from chance, or be public",
        share=False,
        floored=False,
    ),
    "expect_no_record_to_be_copied": Rule(
        measure="exact_copies",
        group="privacy",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Rows equal to a telling training row may be {max_excess:.3g} more than held-out real rows are",
    ),
    "expect_no_record_to_be_nearly_copied": Rule(
        measure="near_copies",
        group="privacy",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Rows nearly equal to a training row may be {max_excess:.3g} more than held-out real rows are",
    ),
    "expect_no_record_to_be_copied_in_part": Rule(
        measure="altered_copies",
        group="privacy",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Rows that agree with a training row in telling columns may be {max_excess:.3g} more than chance brings"
            " about"
        ),
    ),
    "expect_membership_to_be_uninferable": Rule(
        measure="membership_auc",
        group="privacy",
        limits=("max_auc",),
        holds=_bound_at_most("max_auc"),
        expected=(
            "Whoever guesses from the copy which rows it was made of must score at most {max_auc:.3g}, with 95 %"
            " certainty"
        ),
        share=False,
        floored=False,
        by_bound=True,
    ),
    "expect_outlier_membership_to_be_uninferable": Rule(
        measure="outlier_membership_auc",
        group="privacy",
        limits=("max_auc",),
        holds=_bound_at_most("max_auc"),
        expected=(
            "Whoever guesses of the most exposed rows which the copy was made of must score at most {max_auc:.3g},"
            " with 95 % certainty"
        ),
        share=False,
        floored=False,
        by_bound=True,
    ),
    "expect_no_outlier_to_be_recognised": Rule(
        measure="outlier_membership_tpr",
        group="privacy",
        limits=("max_share",),
        holds=_bound_at_most("max_share"),
        expected="At most {max_share:.3g} of the most exposed rows may be told from the copy, with 95 % certainty",
        floored=False,
        by_bound=True,
    ),
    "expect_no_outlier_to_be_copied": Rule(
        measure="outlier_copies",
        group="privacy",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Of the rows that the copy comes closest to, at most {max_excess:.3g} more may be exposed ones than"
            " chance allows"
        ),
    ),
    "expect_no_lone_record_to_be_copied": Rule(
        measure="lone_copies",
        group="privacy",
        limits=EXCESS,
        holds=_excess_at_most,
        expected=(
            "Of the rows that the copy comes closest to, at most {max_excess:.3g} more may be lone ones than chance"
            " allows"
        ),
    ),
    "expect_column_values_to_be_uninferable": Rule(
        measure="attribute_inference",
        group="privacy",
        subject="column",
        limits=("max_risk",),
        holds=_bound_at_most("max_risk"),
        expected=(
            "At most {max_risk:.3g} of the rows that the copy was made of may have {column} told from it beyond what"
            " it tells of any row, with 95 % certainty"
        ),
        share=True,
        floored=False,
        by_bound=True,
    ),
    "expect_secrets_to_be_uninferable": Rule(
        measure="worst_attribute_inference",
        group="privacy",
        limits=("max_risk",),
        holds=_bound_at_most("max_risk"),
        expected=(
            "At most {max_risk:.3g} of the training rows may have a secret told by the copy beyond what it tells of"
            " any row"
        ),
        floored=False,
        by_bound=True,
    ),
    "expect_no_record_to_be_singled_out": Rule(
        measure="singling_out",
        group="privacy",
        limits=("max_risk",),
        holds=_bound_at_most("max_risk"),
        expected=(
            "At most {max_risk:.3g} of guesses from the copy may single out a row that it was made of beyond chance,"
            " with 95 % certainty"
        ),
        share=True,
        floored=False,
        by_bound=True,
    ),
    "expect_records_to_be_unlinkable": Rule(
        measure="linkability",
        group="privacy",
        limits=("max_risk",),
        holds=_bound_at_most("max_risk"),
        expected=(
            "At most {max_risk:.3g} of the rows that the copy was made of may have two halves linked by it beyond"
            " chance, with 95 % certainty"
        ),
        share=True,
        floored=False,
        by_bound=True,
    ),
    "expect_foreign_key_to_be_unlinkable": Rule(
        measure="linkability_across",
        group="privacy",
        subject="foreign_key",
        limits=("max_risk",),
        holds=_bound_at_most("max_risk"),
        expected=(
            "At most {max_risk:.3g} of the rows that the copy was made of may be linked by it to the rows that they"
            " refer to by {foreign_key}, beyond chance, with 95 % certainty"
        ),
        share=True,
        floored=False,
        by_bound=True,
    ),
    "expect_additions_to_be_uninferable": Rule(
        measure="delta_membership_auc",
        group="privacy",
        limits=("max_auc",),
        holds=_bound_at_most("max_auc"),
        expected=(
            "Whoever guesses from two nights' copies which rows are new must score at most {max_auc:.3g}, with 95 %"
            " certainty"
        ),
        share=False,
        floored=False,
        by_bound=True,
    ),
}


MANY = 1000.0
"""From here on figures are written as counts are."""


def say(rule: Rule, measure: Measure, limits: Limits) -> str:
    """Give one sentence for the data's owner: what was expected, and what was found."""
    wanted = wanted_of(rule, limits)
    if measure.waived is not None:
        return f"{wanted}; it need not be measured, as {measure.waived}."
    if measure.error is not None or measure.observed is None:
        return f"{wanted}; it could not be measured: {measure.error}."
    return f"{wanted}; it is {_shown(rule, measure.observed)}{_beside(rule, measure)}."


def wanted_of(rule: Rule, limits: Limits) -> str:
    """Give what is expected as half a sentence, limits of shares in per cent.

    >>> wanted_of(RULES["expect_column_nulls_to_match_reference"], {"column": "age", "max_excess": 0.005})
    "The share of nulls in age must be production's, to within 0.5% beyond chance"
    """
    words = {k: _Share(v) if rule.share and k in rule.limits else v for k, v in limits.items()}
    return rule.expected.format(**words)


class _Share(float):
    """A share, which is written in per cent."""

    def __format__(self, spec: str) -> str:
        return f"{100 * self:.3g}%"


def _beside(rule: Rule, measure: Measure) -> str:
    """Give what the figure is read by: its floor, or its bounds and what could have been seen."""
    if rule.by_bound:
        if measure.low is None or measure.high is None:
            return ""
        bounds = f", {_shown(rule, measure.low)} to {_shown(rule, measure.high)}"
        seen = f", and {_shown(rule, measure.detectable)} would have been seen" if measure.detectable else ""
        return bounds + seen
    return (
        f", and for held-out real rows {_shown(rule, measure.floor)}"
        if rule.floored and measure.floor is not None
        else ""
    )


def _shown(rule: Rule, figure: float) -> str:
    if rule.share:
        return f"{figure:.2%}"
    return f"{figure:,.0f}" if abs(figure) >= MANY else f"{figure:.3g}"


def limit_of(rule: Rule, measure: Measure, limits: Limits) -> float | None:
    """Give the bound as the figure itself may reach it: an excess is allowed on top of the floor's upper end."""
    if rule.limits[:1] == EXCESS:
        floor = measure.floor_high if measure.floor_high is not None else measure.floor
        limit = float(limits["max_excess"]) + (floor or 0.0)
        if rule.limits == KEPT and lost_share(measure) is not None and measure.independent is not None:
            kept = (floor or 0.0) + float(limits["max_lost"]) * (measure.independent - (floor or 0.0))
            return min(limit, kept)
        return limit
    return float(limits[rule.limits[-1]]) if rule.limits else None
