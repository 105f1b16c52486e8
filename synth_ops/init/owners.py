"""Tables whose declared keys lead to a handful of rows that are nobody's: each of their own rows is its own, then.

A plan may not depend on rows, for on which side of the holdout a row is must not change overnight. So it is told from
the rows once, when a project is written, and stands in synth.yaml from then on.
"""

from collections.abc import Mapping

from synth_ops.entities import MIN_ENTITIES
from synth_ops.plan import Plan, TablePlan
from synth_ops.plan.entities import leads_to_persons
from synth_ops.plan.plan import Entity


def with_owners(plan: Plan, n_rows: Mapping[str, int]) -> tuple[Plan, tuple[str, ...]]:
    """Give the plan with those tables' entities, and their names.

    A track of a media type, of which there are five, is held out with a fifth of all tracks, or no track is. Where
    the keys lead to persons it stays so, however few they are: their rows must be held out together.

    Args:
        plan: as the schema alone has it.
        n_rows: how many rows each table has.
    """
    lone = tuple(t.name for t in plan.tables if _is_lone(plan, t, n_rows))
    tables = tuple(_alone(t) if t.name in lone else t for t in plan.tables)
    return plan.model_copy(update={"tables": tables}), lone


def _is_lone(plan: Plan, table: TablePlan, n_rows: Mapping[str, int]) -> bool:
    """Tell whether a table with many rows and a key of its own hangs on one that has few."""
    through = table.entity.through
    if through is None or not table.table.primary_key or leads_to_persons(table.name, plan.tables):
        return False
    return n_rows[through.ref_table] < MIN_ENTITIES <= n_rows[table.name]


def _alone(table: TablePlan) -> TablePlan:
    reason = f"{table.entity.reason}, which has too few rows to hold some of them out"
    return table.model_copy(update={"entity": Entity(columns=table.table.primary_key, reason=reason)})
