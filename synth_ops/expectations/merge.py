"""A suite generated anew, merged into the one that is there: what a person added, edited or deleted stays so.

Three forms are compared: what was last generated, what the file holds, and what is generated now. Of the first the file
keeps a record, under ``meta.generated``: a hash of each expectation, by its type and subject. An expectation that still
has its hash is ours, and follows what is generated now; any other is a person's. One that the record names and the
file lacks was deleted, and is not proposed again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth_ops.schema import Table

Suite = Mapping[str, Any]
Entry = Mapping[str, Any]
Hashes = Mapping[str, str]
"""The record: of each expectation that was last generated, by its slot."""

GENERATED = "generated"
"""Where the record lies in a suite's ``meta``."""
NOTES = "notes"
"""The suite's own notes, in the suite and in the record."""
_HOW_MUCH = frozenset({"value_set", "regex", "ignore_row_if", "row_condition", "condition_parser"})
"""Parameters that say, as numbers do, what must hold and not of what."""
_COLUMNS = ("column", "column_A", "column_B", "column_list", "column_set")


@dataclass(frozen=True)
class Merged:
    """What a suite's file should hold."""

    suite: Suite
    orphans: tuple[str, ...] = ()
    """A person's expectations of columns or keys that the table has no more."""


def merge(written: Suite | None, default: Suite, table: Table) -> Merged:
    """Merge what is generated now into what the file holds; None is no file."""
    if written is None:
        return Merged(_with_record(default, {}, _record_of(default)))
    record, now = _record_in(written), _slots(default["expectations"])
    ours = _ours(written["expectations"], record or _record_of(default))
    theirs = [entry for i, entry in enumerate(written["expectations"]) if i not in ours]
    new = _new(now, {*record, *ours.values()}, theirs)
    entries = _placed(_followed(written, now, ours), now, new)
    body = {**written, NOTES: _notes(written, default, record), "expectations": entries}
    settled = {slot: hashed for slot, hashed in record.items() if slot not in ours.values()}
    merged = _with_record(body, default["meta"], {**settled, **_record_of(default)})
    return Merged(merged if _differ(merged, written) else written, tuple(_orphans(theirs, table)))


def without_record(suite: Suite) -> Suite:
    """Give the suite as a person reads it."""
    meta = {key: value for key, value in suite.get("meta", {}).items() if key != GENERATED}
    return {**suite, "meta": meta}


def name_of(entry: Entry) -> str:
    """Give the type of an expectation and what it is about.

    >>> name_of({"type": "expect_column_nulls", "kwargs": {"column": "age", "max_excess": 0.02}})
    'expect_column_nulls(age)'
    """
    subject = [word for key, value in entry["kwargs"].items() if key not in _HOW_MUCH for word in _words(value)]
    return f"{entry['type']}({', '.join(subject)})" if subject else str(entry["type"])


def _words(value: object) -> list[str]:
    return [word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str)]


def _slots(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Name each expectation; of several by one name, the second is ``… #2``."""
    seen: Counter[str] = Counter()
    slots = {}
    for entry in entries:
        name = name_of(entry)
        seen[name] += 1
        slots[name if seen[name] == 1 else f"{name} #{seen[name]}"] = entry
    return slots


def _record_of(suite: Suite) -> Hashes:
    hashes = {slot: _hash(entry) for slot, entry in _slots(suite["expectations"]).items()}
    return {NOTES: _hash(suite[NOTES]), **hashes}


def _record_in(suite: Suite) -> Hashes:
    """Give the record that the file keeps; one that is none is as good as none."""
    found = suite.get("meta", {}).get(GENERATED, {})
    return found if isinstance(found, dict) else {}


def _hash(value: object) -> str:
    """Give twelve hex digits, the same for 1 and 1.0, between which editors of JSON do not tell."""
    alike = json.loads(json.dumps(value), parse_int=float)
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()[:12]


def _ours(entries: Sequence[Entry], record: Hashes) -> dict[int, str]:
    """Give the slot of each entry that is as it was generated, by its place."""
    free = {slot: hashed for slot, hashed in record.items() if slot != NOTES}
    ours = {}
    for place, entry in enumerate(entries):
        hashed = _hash(entry)
        slot = next((s for s, h in free.items() if h == hashed), None)
        if slot is not None:
            ours[place] = slot
            del free[slot]
    return ours


def _followed(written: Suite, now: Mapping[str, Entry], ours: Mapping[int, str]) -> Iterator[tuple[str, Entry]]:
    """Give what stays, by slot: a person's as it is, ours as it is generated now, unless nothing generates it."""
    for place, entry in enumerate(written["expectations"]):
        if place not in ours:
            yield name_of(entry), entry
        elif ours[place] in now:
            yield ours[place], now[ours[place]]


def _new(now: Mapping[str, Entry], known: Container[str], theirs: Sequence[Entry]) -> set[str]:
    """Give the slots that were never generated before, unless a person wrote an expectation of that name."""
    named = {name_of(entry) for entry in theirs}
    return {slot for slot, entry in now.items() if slot not in known and name_of(entry) not in named}


def _placed(kept: Iterable[tuple[str, Entry]], now: Mapping[str, Entry], new: set[str]) -> list[Entry]:
    """Put each new expectation behind the one that it is generated behind, so that a diff shows it alone."""
    placed, behind = list(kept), 0
    for slot, entry in now.items():
        if slot in new:
            placed.insert(behind, (slot, entry))
        behind = next((place + 1 for place, (there, _) in enumerate(placed) if there == slot), behind)
    return [entry for _, entry in placed]


def _notes(written: Suite, default: Suite, record: Hashes) -> str:
    notes = str(written.get(NOTES, ""))
    return str(default[NOTES]) if record.get(NOTES) == _hash(notes) else notes


def _with_record(suite: Suite, meta: Mapping[str, Any], record: Hashes) -> Suite:
    """Give the suite with its ``meta`` at its end, where a reader is not kept by it."""
    body = {key: value for key, value in suite.items() if key != "meta"}
    return {**body, "meta": {**without_record(suite)["meta"], **meta, GENERATED: record}}


def _differ(one: Suite, other: Suite) -> bool:
    """Compare two forms of a suite by all but who wrote it."""
    bodies = ([suite.get(NOTES), suite["expectations"], _record_in(suite)] for suite in (one, other))
    return next(bodies) != next(bodies)


def _orphans(entries: Sequence[Entry], table: Table) -> Iterator[str]:
    keys = {key.name for key in table.foreign_keys}
    for entry in entries:
        told = entry["kwargs"]
        columns = {word for key in _COLUMNS for word in _words(told.get(key, []))}
        if columns - set(table.column_names) or ("foreign_key" in told and told["foreign_key"] not in keys):
            yield name_of(entry)
