"""The plan as a person reads it: thresholds, tables, and each column's fate with its reason.

No address, no path, no default and no enumerated label: of the schema, only names and types.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.report.words import unlabelled
from synth_ops.schema import ForeignKey


def list_plan(plan: Plan) -> str:
    """Give the listing, a line each, indented like YAML."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield f"dataset: {plan.dataset}"
    yield f"hash: {plan.hash}"
    for name in ("privacy", "policy"):
        yield f"{name}:"
        yield from _settings(getattr(plan, name).model_dump(mode="json"), "  ")
    yield "tables:"
    for table in plan.tables:
        yield from _table(table)


def _settings(settings: Mapping[str, Any], indent: str) -> Iterator[str]:
    """List whatever thresholds there are, nested ones beneath their name."""
    for name, value in settings.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _settings(value, f"{indent}  ")
        else:
            yield f"{indent}{name}: {_word(value)}"


def _table(table: TablePlan) -> Iterator[str]:
    yield f"  {table.name}:"
    settings = table.model_dump(mode="json", exclude={"name", "foreign_keys", "columns", "table"})
    yield from _settings({name: value for name, value in settings.items() if value is not None}, "    ")
    if table.table.primary_key:
        yield f"    primary_key: [{', '.join(table.table.primary_key)}]"
    yield from _keys(table.foreign_keys)
    yield "    columns:"
    yield from _columns(table)


def _keys(keys: tuple[ForeignKey, ...]) -> Iterator[str]:
    if keys:
        yield "    foreign_keys:"
    for key in keys:
        soft = "  # soft: orphans are allowed" if key.soft else ""
        yield f"      - [{', '.join(key.columns)}] -> {key.ref_table} [{', '.join(key.ref_columns)}]{soft}"


def _columns(table: TablePlan) -> Iterator[str]:
    types = {c.name: c.source_type for c in table.table.columns}
    width = min(max((len(c.name) for c in table.columns), default=0), 32)
    for column in table.columns:
        made = _made(column)
        why = unlabelled(f"{types.get(column.name, '')}: {column.reason}")
        yield f"      {column.name + ':':<{width + 1}} {made:<18}  # {why}"


def _made(column: ColumnPlan) -> str:
    if column.fate == "fake" and column.provider:
        return f"fake {column.provider}"
    return f"{column.fate} {column.kind}" if column.fate == "learn" else column.fate


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return "none" if value is None else str(value)
