"""Suites as files: where they lie, and what their expectations are called. Great Expectations is not needed for it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth_ops.names import file_stem
from synth_ops.records import Record, Severity

Entry = Mapping[str, Any]


class Asserted(Record):
    """One expectation of a suite, as a check of the gate will be called."""

    name: str
    severity: Severity
    notes: str = ""
    """Why, in the words of the suite."""


def suite_path(folder: Path, table: str) -> Path:
    """Give the file of a table's suite."""
    return folder / f"{file_stem(table)}.json"


def entry_name(entry: Entry) -> str:
    """Give the expectation's type and subject: stable from night to night.

    >>> entry_name({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}})
    'expect_column_values_to_be_unique(id)'
    """
    kwargs = entry["kwargs"]
    subject = kwargs.get("column") or kwargs.get("foreign_key") or ", ".join(kwargs.get("column_list", ()))
    return f"{entry['type']}({subject})" if subject else str(entry["type"])


def entry_severity(entry: Entry) -> Severity:
    """Read the severity; what is not plainly milder blocks."""
    return "warning" if entry.get("severity") in {"warning", "info"} else "critical"


def asserted_in(path: Path) -> tuple[Asserted, ...]:
    """List what a suite asserts; nothing where it cannot be read, for then the gate says so when it is run."""
    try:
        entries = json.loads(path.read_bytes())["expectations"]
        return tuple(
            Asserted(name=entry_name(e), severity=entry_severity(e), notes=str(e.get("notes", ""))) for e in entries
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()
