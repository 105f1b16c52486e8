"""What each of our expectations asserts of which figure, in one table. Great Expectations is not needed to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synth_ops.measure.records import Measure

Limits = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of expectation: its figure, its bounds and its words."""

    measure: str
    """Name of the figure, as `synth_ops.measure` gives it."""
    subject: str | None = None
    """The parameter that says which one of the table's: ``column``, ``foreign_key``, or none."""
    limits: tuple[str, ...] = ()
    """The bounds that the suite states."""
    holds: Callable[[Measure, Limits], bool]
    expected: str
    """What must hold, with the subject and the bounds in braces."""
    share: bool = True
    """Whether the figure is a share, shown per cent; else it is shown as it is."""
    floored: bool = True
    """Whether the figure means something only beside its floor."""


def _at_most(name: str) -> Callable[[Measure, Limits], bool]:
    return lambda measure, limits: measure.observed is not None and measure.observed <= limits[name]


def _excess_at_most(measure: Measure, limits: Limits) -> bool:
    return measure.excess is not None and measure.excess <= limits["max_excess"]


def _between(low: str, high: str) -> Callable[[Measure, Limits], bool]:
    return lambda measure, limits: measure.observed is not None and limits[low] <= measure.observed <= limits[high]


EXCESS = ("max_excess",)

RULES: Mapping[str, Rule] = {
    "expect_table_columns_to_match_source": Rule(
        measure="undeclared_columns",
        holds=lambda measure, _limits: measure.observed == 0,
        expected="Columns, their types and their order must be those that the source declares",
        share=False,
        floored=False,
    ),
    "expect_table_row_count_to_match_plan": Rule(
        measure="row_count_ratio",
        limits=("min_ratio", "max_ratio"),
        holds=_between("min_ratio", "max_ratio"),
        expected="Rows must be {min_ratio:g} to {max_ratio:g} times those that the plan asks for",
        share=False,
        floored=False,
    ),
    "expect_foreign_key_to_resolve": Rule(
        measure="orphans",
        subject="foreign_key",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of the references {foreign_key} may point at no parent",
    ),
    "expect_foreign_key_orphans_to_match": Rule(
        measure="orphan_share",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="As many references {foreign_key} must point nowhere as in production, to within {max_excess:.3g}",
    ),
    "expect_foreign_key_nulls_to_match": Rule(
        measure="reference_nulls",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="As many rows must refer to nothing by {foreign_key} as in production, to within {max_excess:.3g}",
    ),
    "expect_children_per_parent_to_match": Rule(
        measure="children_per_parent",
        subject="foreign_key",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Children per parent by {foreign_key} must be spread as in production, to within {max_excess:.3g}",
    ),
    "expect_column_values_to_be_within_common_range": Rule(
        measure="outside_range",
        subject="column",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of {column} may lie beyond the range that enough real rows reach",
    ),
    "expect_column_categories_to_be_known": Rule(
        measure="unknown_categories",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Labels of {column} that production does not hold may be {max_excess:.3g} more than its rare ones are",
    ),
    "expect_column_categories_to_not_be_rare": Rule(
        measure="rare_categories",
        subject="column",
        limits=("max_share",),
        holds=_at_most("max_share"),
        expected="At most {max_share:.3g} of {column} may be labels that too few real rows hold to be shown",
    ),
    "expect_column_nulls_to_match_reference": Rule(
        measure="null_share",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="The share of nulls in {column} must be production's, to within {max_excess:.3g} beyond chance",
    ),
    "expect_column_shape_to_match_reference": Rule(
        measure="column_shape",
        subject="column",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="The distribution of {column} must be production's, to within {max_excess:.3g} beyond chance",
    ),
    "expect_column_shapes_to_match_reference": Rule(
        measure="mean_column_shape",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Columns must be distributed as in production, to within {max_excess:.3g} beyond chance on average",
    ),
    "expect_column_pairs_to_match_reference": Rule(
        measure="mean_pair_error",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Pairs of columns must go together as in production, to within {max_excess:.3g} beyond chance",
    ),
    "expect_table_to_be_indistinguishable": Rule(
        measure="classifier_auc",
        limits=("min_auc", "max_auc"),
        holds=_between("min_auc", "max_auc"),
        expected="A classifier told to tell the copy from production must score {min_auc:.3g} to {max_auc:.3g}",
        share=False,
    ),
    "expect_no_record_to_be_copied": Rule(
        measure="exact_copies",
        limits=EXCESS,
        holds=_excess_at_most,
        expected="Rows equal to a telling training row may be {max_excess:.3g} more than held-out real rows are",
    ),
}


def say(rule: Rule, measure: Measure, limits: Limits) -> str:
    """Give one sentence for the data's owner: what was expected, and what was found."""
    wanted = rule.expected.format(**limits)
    if measure.error is not None or measure.observed is None:
        return f"{wanted}; it could not be measured: {measure.error}."
    found = f"it is {_shown(rule, measure.observed)}"
    if rule.floored and measure.floor is not None:
        found += f", and for held-out real rows {_shown(rule, measure.floor)}"
    return f"{wanted}; {found}."


def _shown(rule: Rule, figure: float) -> str:
    return f"{figure:.2%}" if rule.share else f"{figure:.3g}"


def limit_of(rule: Rule, measure: Measure, limits: Limits) -> float | None:
    """Give the bound as the figure itself may reach it: an excess is allowed on top of the floor's upper end."""
    if rule.limits == EXCESS:
        floor = measure.floor_high if measure.floor_high is not None else measure.floor
        return float(limits["max_excess"]) + (floor or 0.0)
    return float(limits[rule.limits[-1]]) if rule.limits else None
