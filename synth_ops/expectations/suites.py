"""Reading a suite's file fail-closed: whatever is in the file is asserted, or the gate does not open."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from synth_ops.expectations.rules import RULES

Entry = Mapping[str, Any]


class Unreadable(Exception):
    """The suite's file cannot be asserted as it is. It never leaves this package: the gate abstains, and says why."""


@dataclass(frozen=True)
class LoadedSuite:
    """One table's suite, in two parts for two batches. Each expectation's id is its place in the file."""

    entries: tuple[Entry, ...]
    measured: Any
    """A suite of Great Expectations for the metrics table."""
    structural: Any
    """One for the synthetic rows."""


def load_suite(path: Path) -> LoadedSuite:
    """Read one suite.

    Raises:
        Unreadable: the file is missing, is not a suite, asserts nothing, or holds what would not be asserted.
    """
    entries = read_entries(path)
    _refuse_unknown(entries)
    numbered = [_numbered(i, entry) for i, entry in enumerate(entries)]
    measured = _build(path, [e for e in numbered if e["type"] in RULES])
    structural = _build(path, [e for e in numbered if e["type"] not in RULES])
    return LoadedSuite(tuple(entries), measured, structural)


def read_entries(path: Path) -> Sequence[Entry]:
    """Give the expectations that the file holds, as they stand there.

    Raises:
        Unreadable: the file is missing, is not a suite, or asserts nothing.
    """
    entries: Sequence[Entry] = read_suite(path)["expectations"]
    if not entries:
        raise Unreadable(f"{path} must assert something, however it holds no expectation; write one, or skip the table")
    return entries


def read_suite(path: Path) -> Mapping[str, Any]:
    """Give what the file holds, which may assert nothing.

    Raises:
        Unreadable: the file is missing, or is not a suite.
    """
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable(
            f"there must be a suite at {path}, however there is none; `synth-ops init --suites` writes it"
        ) from None
    except (OSError, ValueError) as exc:
        raise Unreadable(f"{path} must be JSON, however it does not parse ({exc}); correct it") from None
    entries = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(entries, list) or not all(_is_entry(e) for e in entries):
        raise Unreadable(f"{path} must hold a list of expectations, each with a type and kwargs; correct it")
    meta = suite.get("meta")
    return {**suite, "meta": meta if isinstance(meta, dict) else {}}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("type"), str) and isinstance(entry.get("kwargs"), dict)


def _refuse_unknown(entries: Sequence[Entry]) -> None:
    """Refuse the first word that names no expectation, and offer the nearest that does."""
    known = known_types()
    for word in (e["type"] for e in entries):
        if word not in known:
            near = get_close_matches(word, known, n=1, cutoff=0.0)
            raise Unreadable(
                f"there must be an expectation {word!r}, however there is none; the nearest is {near[0]!r}"
            )


def known_types() -> list[str]:
    """Give the names of all expectations: Great Expectations' own, and ours."""
    from synth_ops.expectations.custom import registered_types  # loads Great Expectations: 3 seconds and 280 MB

    return registered_types()


def _numbered(i: int, entry: Entry) -> dict[str, Any]:
    kept = {key: entry[key] for key in ("type", "kwargs", "severity", "notes", "description") if key in entry}
    return kept | {"id": f"{i:04d}", "meta": {}}


def _build(path: Path, entries: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401 — its type loads Great Expectations
    """Build a suite and count what it holds: Great Expectations drops what it takes for a repetition."""
    from great_expectations.core import ExpectationSuite

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            suite = ExpectationSuite(name=path.stem, expectations=list(entries))
    except Exception as exc:  # noqa: BLE001 — it raises its own, pydantic's and TypeError, all for a wrong suite
        words = " ".join(str(exc).split("Traceback")[0].split())
        raise Unreadable(f"{path} must hold valid expectations, however: {words}; correct it") from None
    lost = {e["id"] for e in entries} - {e.id for e in suite.expectations}
    if lost or len(suite.expectations) != len(entries):
        names = ", ".join(sorted({e["type"] for e in entries if e["id"] in lost}))
        raise Unreadable(
            f"all {len(entries)} expectations of {path} must load, however {len(suite.expectations)} did;"
            f" missing: {names}"
        )
    return suite
