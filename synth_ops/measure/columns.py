"""Which columns are compared by value, and as what."""

from typing import Literal

import pyarrow as pa

from synth_ops.arrow_types import parse
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan

Scale = Literal["number", "label"]


def compared_columns(plan: Plan, table: TablePlan) -> dict[str, Scale]:
    """Give the columns whose values can be held against production, each with its scale.

    Keys that are minted, faked values and free text are not among them: no value of theirs is meant to resemble a
    real one. A foreign key to a copied table is, as a category.
    """
    if table.mode != "synthesize":
        return {}
    scales = {c.name: _scale(c, parse(table.table.column(c.name).arrow_type)) for c in table.columns}
    minted = minted_references(plan, table)
    copied = copied_references(plan, table)
    return {
        name: "label" if name in copied else scale
        for name, scale in scales.items()
        if scale is not None and name not in minted and _by_value(table, name, copied)
    }


def published_columns(table: TablePlan) -> dict[str, Scale]:
    """Give the columns of a copied table, each with its scale: what its children may go with."""
    scales = {c.name: _scale(c, parse(table.table.column(c.name).arrow_type)) for c in table.columns}
    return {name: scale for name, scale in scales.items() if scale is not None}


def minted_references(plan: Plan, table: TablePlan) -> frozenset[str]:
    """Give the columns that refer to a synthesised table's minted keys."""
    return frozenset(
        child
        for key in table.foreign_keys
        if _mode(plan, key.ref_table) == "synthesize"
        for child, parent in zip(key.columns, key.ref_columns, strict=True)
        if not _learned(plan, key.ref_table, parent)
    )


def copied_references(plan: Plan, table: TablePlan) -> frozenset[str]:
    """Give the columns that refer to a copied table, whose keys are published as they are."""
    keys = (k for k in table.foreign_keys if _mode(plan, k.ref_table) == "copy")
    return frozenset(name for key in keys for name in key.columns)


def _by_value(table: TablePlan, name: str, copied: frozenset[str]) -> bool:
    if name in copied:
        return True
    return table.column(name).fate == "learn" and table.table.primary_key != (name,)


def _learned(plan: Plan, name: str, column: str, seen: frozenset[str] = frozenset()) -> bool:
    """Say whether a parent's column holds learned values: a part of its key, and not minted at any remove."""
    parent = plan.table(name)
    if parent.mode != "synthesize" or name in seen:
        return parent.mode == "copy"
    if parent.column(column).fate != "learn" or (column,) in (parent.table.primary_key, *parent.table.unique):
        return False
    further = [
        (key.ref_table, key.ref_columns[key.columns.index(column)])
        for key in parent.foreign_keys
        if column in key.columns and _mode(plan, key.ref_table) != "skip"
    ]
    return all(_learned(plan, table, there, seen | {name}) for table, there in further)


def _mode(plan: Plan, table: str) -> str:
    return next((t.mode for t in plan.tables if t.name == table), "skip")


def _scale(column: ColumnPlan, dtype: pa.DataType) -> Scale | None:
    """Choose how a column's values are binned; None where they are not comparable."""
    if column.kind == "text" or pa.types.is_nested(dtype) or pa.types.is_null(dtype):
        return None
    if column.kind in {"categorical", "boolean"} or not _ordered(dtype):
        return "label"
    return "number"


def _ordered(dtype: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal)
    return any(test(dtype) for test in tests) and not pa.types.is_interval(dtype)
