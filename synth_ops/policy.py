"""What tonight costs, table by table: reuse, refresh or retrain. A pure function of a few facts."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from synth_ops.plan.plan import Family, Plan, TablePlan
from synth_ops.records import Decision, Record
from synth_ops.schema import ForeignKey

CODE_VERSION = "2"
"""Its first number is raised when models of an older version can no longer be read."""
FINETUNE_RATIOS = (0.5, 2.0)
"""A model is refreshed while the table's rows are within these ratios of what it saw."""


class ModelFacts(Record):
    """What is known of a table's latest model; training leaves it as ``latest.json`` beside the models."""

    model_id: str
    family: Family
    table_hash: str
    """Of the plan it was made by; see `table_hash`."""
    fingerprint: str
    """Of the rows of all tables that it saw."""
    n_rows: int
    """Rows of the table when it was made."""
    code_version: str
    parent_id: str | None = None
    """The model that it was warm-started from."""


class Decided(Record):
    """What is done to one table tonight."""

    decision: Decision
    reason: str


def decide(  # noqa: PLR0913 — each is a fact of its own, by keyword
    table: TablePlan,
    *,
    table_hash: str,
    fingerprint: str,
    n_rows: int,
    latest: ModelFacts | None,
    chosen: bool,
    code_version: str = CODE_VERSION,
) -> Decided:
    """Decide from the plan, from what was found tonight, and from what the latest model saw.

    A table that is not `chosen`, for a person named others, keeps a model that can still be used.
    """
    if table.mode != "synthesize":
        return Decided(decision=table.mode, reason="as synth.yaml says")
    if latest is None:
        return Decided(decision="retrain", reason="no model yet")
    outdated = _outdated(table, table_hash, latest, code_version)
    if outdated:
        return Decided(decision="retrain", reason=outdated)
    if not chosen:
        return Decided(decision="reuse", reason="not among the chosen tables")
    if fingerprint == latest.fingerprint:
        return Decided(decision="reuse", reason="nothing changed")
    return _by_size(n_rows, latest.n_rows)


def table_hash(plan: Plan, table: TablePlan) -> str:
    """Give sixteen hex digits over what shapes the training matrix: the table, its parents, its children's keys."""
    by_name = {t.name: t for t in plan.tables}
    content = {
        "table": _encoded(table),
        "key_offset": table.key_offset,
        "privacy": plan.privacy.model_dump(mode="json"),
        "parents": [[_key(k), _encoded(by_name[k.ref_table])] for k in table.foreign_keys if k.ref_table in by_name],
        "children": sorted(_children(plan, table), key=json.dumps),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _outdated(table: TablePlan, content: str, latest: ModelFacts, code_version: str) -> str | None:
    """Say why the model cannot be used any more, or None."""
    if latest.family != table.model:
        return f"the model is to be a {table.model}, and was a {latest.family}"
    if latest.table_hash != content:
        return "the schema or the plan of the table changed"
    if latest.code_version.split(".")[0] != code_version.split(".", maxsplit=1)[0]:
        return "the model was made by a version that is not read any more"
    return None


def _by_size(n_rows: int, n_seen: int) -> Decided:
    low, high = FINETUNE_RATIOS
    if n_seen and low <= n_rows / n_seen <= high:
        return Decided(decision="finetune", reason="rows changed")
    return Decided(decision="retrain", reason=f"rows went from {n_seen:,} to {n_rows:,}")


def _children(plan: Plan, table: TablePlan) -> Iterator[list[Any]]:
    for child in plan.tables:
        yield from ([child.name, child.mode, _key(k)] for k in child.foreign_keys if k.ref_table == table.name)


def _encoded(table: TablePlan) -> dict[str, Any]:
    """Give what decides how a table's rows are encoded; reasons and prose do not."""
    source = table.table
    types = {c.name: [c.arrow_type, c.source_type, c.nullable, c.enum] for c in source.columns}
    return {
        "name": table.name,
        "mode": table.mode,
        "keys": [source.primary_key, source.unique, [_key(k) for k in table.foreign_keys]],
        "columns": [[c.name, c.fate, c.kind, c.provider, *types[c.name]] for c in table.columns],
    }


def _key(key: ForeignKey) -> list[Any]:
    return [key.columns, key.ref_table, key.ref_columns, key.soft]
