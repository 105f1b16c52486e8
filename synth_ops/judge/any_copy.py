"""What may be asked of a copy that no plan of ours was behind: of extremes and rare labels, what held-out rows do."""

from collections.abc import Iterator, Mapping
from typing import Any

from synth_ops.measure.records import Measured

PREVENTIVE: Mapping[str, float] = {
    "expect_column_values_to_be_within_common_range": 0.002,
    "expect_column_categories_to_not_be_rare": 0.002,
}
"""What our encoders see to before training. Of any other copy no more is asked than of held-out rows, and this."""
TIMES_FLOOR, DEVIATIONS = 1.5, 3.0
"""By so much more than the floor, and so many deviations of both shares by chance, for a table has many columns."""
HELD_AT_LEAST = 4.0
"""Held-out rows that may have been there, had chance not been low."""


def for_any_copy(
    expectations: list[dict[str, Any]], table: str, measured: Measured, n_held: int, n_copy: int
) -> Iterator[dict[str, Any]]:
    """Ask no more of a copy than can be asked without a plan.

    Args:
        expectations: of the suite that `init` would write.
        table: its name.
        measured: the figures of the copy.
        n_held: rows of production that the copy is held against.
        n_copy: rows of the copy.
    """
    parts = n_held / max(n_copy, 1)
    for expectation in expectations:
        kind, kwargs = expectation["type"], expectation["kwargs"]
        if kind == "expect_table_row_count_to_match_plan":
            continue
        if kind in PREVENTIVE:
            share = max(float(kwargs["max_share"]), _as_held_out(kind, kwargs["column"], table, measured, parts))
            yield expectation | {"kwargs": kwargs | {"max_share": share}}
        else:
            yield expectation


def _as_held_out(kind: str, column: str, table: str, measured: Measured, parts: float) -> float:
    """Give the limit of a share, for so many as it was counted in; of one entity's rows, no more than one counts.

    Held-out values are taken to be `parts` times as many as the copy's.
    """
    from synth_ops.expectations.rules import RULES

    found, whose = measured.find(table, RULES[kind].measure, column), measured.find(table, "entities")
    each = (whose.observed or 1.0) / max(whose.n, 1)
    floor = found.floor or 0.0
    return round(allowed_share(floor, each * found.n * parts, each * found.n) + PREVENTIVE[kind], 4)


def allowed_share(floor: float, n_held: float, n_copy: float) -> float:
    """Give the share that a copy may have where so many held-out rows have that of `floor`, and chance is granted.

    >>> round(allowed_share(0.005, 2_000, 4_000), 4), round(allowed_share(0.02, 500, 1_000), 4)
    (0.0168, 0.0672)
    """
    n_held, n_copy = max(n_held, 1.0), max(n_copy, 1.0)
    variance = (floor + HELD_AT_LEAST / n_held) * (1 / n_copy + TIMES_FLOOR**2 / n_held)
    return float(TIMES_FLOOR * floor + DEVIATIONS * variance**0.5)
