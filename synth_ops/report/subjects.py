"""Which figure a check is about, for the few that the page knows by name."""

from synth_ops.expectations.rules import RULES
from synth_ops.records import Check

CLASSIFIER = "classifier_auc"
MEMBERSHIP = "membership"
"""A word that the names of membership attacks hold, and no other's."""


def measure_of(check: Check) -> str:
    """Give the name of the figure, or nothing for an expectation that is not ours."""
    rule = RULES.get(check.name.partition("(")[0])
    return rule.measure if rule else ""


def is_classifier(check: Check) -> bool:
    """Tell the check of how well a classifier tells synthetic rows from real ones."""
    return measure_of(check) == CLASSIFIER


def is_membership(check: Check) -> bool:
    """Tell a check of how well an attacker tells which rows were learned."""
    return MEMBERSHIP in check.name


def is_auc(check: Check) -> bool:
    """Tell a figure that is one half where nothing is told apart."""
    return is_membership(check) or "auc" in measure_of(check).split("_")
