"""The text of a new synth.yaml: what was decided stands in it, and why stands beside it."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from synth_ops.errors import OutsideError
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.schema import ForeignKey

HEADER = """\
# What synth-ops does every night. `synth-ops plan` shows what tonight would do, `synth-ops refresh` does it.
# What is left out is decided by the safe thing; every word here is yours to change.
"""
FOOTER = """\
# Categories of fewer entities than rare_below are pooled before anything is learned; holdout is the share of entities
# that no model sees, kept to measure against. An entity is the row that declared keys lead to, such as the customer of
# an order; `entity: customer_id` at a table names another.
privacy: {rare_below: 10, holdout: 0.2, clip_extremes: true}
"""


def config_text(
    plan: Plan, source: str, *, soft: Mapping[str, Sequence[ForeignKey]], lone: Collection[str] = ()
) -> str:
    """Give the whole file.

    Args:
        plan: what comes of it.
        source: the URL, as the file is to hold it.
        soft: the undeclared references of each table.
        lone: tables whose entities are to be written down.
    """
    head = [
        HEADER.rstrip(),
        f"dataset: {_word(plan.dataset)}",
        f"source: {_word(source)}",
        "publish: ./snapshots",
        "defaults: {model: vae, rows: 1.0}   # rows: a ratio of the source's (1.0), or a count (10000)",
        "",
        "tables:" if plan.tables else "tables: {}",
    ]
    referred = {k.ref_table for t in plan.tables for k in t.foreign_keys}
    body = [line for t in plan.tables for line in _table(t, soft.get(t.name, ()), referred, is_lone=t.name in lone)]
    return "\n".join([*head, *body, FOOTER])


def needs_look(column: ColumnPlan) -> bool:
    """Tell whether a person should look at what was decided: it was told from a name, or the values are lost."""
    return "like" in column.reason.split() or column.fate == "null" or column.provider is not None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Translate what the file system says."""
    try:
        yield
    except OSError as exc:
        if isinstance(exc, OutsideError):
            raise
        raise OutsideError(
            f"{folder} must be writable, however the system says: {exc.strerror}."
            " Correct the permissions or name another folder, and run the same command again."
        ) from None


def _table(table: TablePlan, soft: Sequence[ForeignKey], referred: set[str], *, is_lone: bool) -> Iterator[str]:
    yield from (f"  # {fact}" for fact in _facts(table, referred))
    looked = [c for c in table.columns if needs_look(c)]
    yield f"  {_word(table.name)}:" if looked or soft or is_lone else f"  {_word(table.name)}: {{}}"
    if is_lone:
        named = ", ".join(map(_word, table.entity.columns))
        yield f"    entity: [{named}]   # each row is its own: {_plain(table.entity.reason)}"
    if looked:
        yield "    columns:"
        yield from (f"      {_column(c)}" for c in looked)
    if soft:
        yield "    foreign_keys:   # not declared in the database, but told by names and rows; orphans keep their share"
        yield from (f"      - {_key(k)}" for k in soft)
    yield ""


def _facts(table: TablePlan, referred: set[str]) -> Iterator[str]:
    key = f"key {_words(table.table.primary_key)}" if table.table.primary_key else "no key"
    refers = [k for k in table.foreign_keys if not k.soft]
    parents = f"; refers to {_words(dict.fromkeys(k.ref_table for k in refers))}" if refers else ""
    yield f"{_words([table.name])}: {len(table.columns)} columns, {key}{parents}"
    if table.name in referred and not table.foreign_keys and not any(needs_look(c) for c in table.columns):
        yield "If this is public reference data that speaks of no person, {mode: copy} publishes it as it is."


def _column(column: ColumnPlan) -> str:
    said = {"fake": f"{{fake: {column.provider}}}", "mint": "{mint: true}", "null": "{null: true}"}[column.fate]
    return f"{_word(column.name)}: {said}   # {_plain(column.reason)}"


def _key(key: ForeignKey) -> str:
    columns, referred = (f"[{', '.join(map(_word, c))}]" for c in (key.columns, key.ref_columns))
    return f"{{columns: {columns}, references: {_word(key.ref_table)}, ref_columns: {referred}}}"


def _word(text: str) -> str:
    """Write text as YAML: as it is where that reads back to the same text, else in quotes."""
    plain = re.fullmatch(r"[A-Za-z_./$][\w./$:{}?=@&+-]*", text, re.ASCII) and not re.search(r":$|[{},]", text)
    if plain and yaml.safe_load(text) == text:
        return text
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False))


def _words(names: Sequence[str] | Mapping[str, None]) -> str:
    return ", ".join(_plain(name) for name in names)


def _plain(text: str) -> str:
    """Keep a comment in its line."""
    return re.sub(r"[^\x20-\x7e\u00a0-\ud7ff]+", " ", text)
