"""The suites that tonight's plan suggests, merged into the files that are there, as diffs and as files."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from synth_ops.expectations.defaults import default_suite
from synth_ops.expectations.merge import GENERATED, Merged, Suite, merge, without_record
from synth_ops.expectations.suites import Unreadable, read_suite
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Record
from synth_ops.suite_files import suite_path
from synth_ops.workspace.files import write_text


class SuggestedSuite(Record):
    """What a table's suite should become."""

    table: str
    path: str
    state: Literal["new", "changed", "unchanged", "refused"]
    diff: str = ""
    """Unified, of one expectation a line; without the record of what was generated, which a person need not read."""
    orphans: tuple[str, ...] = ()
    """Expectations of columns or keys that are gone; kept, for a person added or edited them."""
    refusal: str = ""
    """Why the file was left alone."""


def suggest_suites(
    folder: Path, plan: Plan, n_rows: Mapping[str, int], *, tables: Sequence[str] | None = None, write: bool = False
) -> tuple[SuggestedSuite, ...]:
    """Give what the suite of each table should become, and with `write` write it; of skipped tables none is kept.

    Edits win: what a person added, edited or deleted stays so. A file that does not parse is refused and left alone.
    """
    wanted = [t for t in plan.tables if t.mode != "skip" and (tables is None or t.name in tables)]
    return tuple(_suggest(suite_path(folder, t.name), plan, t, n_rows, write=write) for t in wanted)


def write_suites(folder: Path, plan: Plan, n_rows: Mapping[str, int]) -> list[Path]:
    """Write the suite of each table that has none yet, and give the files written."""
    missing = [t.name for t in plan.tables if not suite_path(folder, t.name).exists()]
    return [Path(s.path) for s in suggest_suites(folder, plan, n_rows, tables=missing, write=True)]


def suite_text(suite: Suite) -> str:
    """Give the suite as JSON with one expectation a line: a bound is found by its column, and a diff shows it."""
    return "{\n" + ",\n".join(f" {_line(key)}: {_value(key, value)}" for key, value in suite.items()) + "\n}\n"


def _value(key: str, value: Any) -> str:  # noqa: ANN401 — whatever the file holds
    if key == "expectations":
        return "[\n" + ",\n".join(f"  {_line(entry)}" for entry in value) + "\n ]"
    if key == "meta" and GENERATED in value:
        record = ",\n".join(f"   {_line(slot)}: {_line(hashed)}" for slot, hashed in value[GENERATED].items())
        others = "".join(f"  {_line(k)}: {_line(v)},\n" for k, v in value.items() if k != GENERATED)
        return f'{{\n{others}  "{GENERATED}": {{\n{record}\n  }}\n }}'
    return _line(value)


def _line(value: Any) -> str:  # noqa: ANN401 — likewise
    return json.dumps(value, ensure_ascii=False)


def _suggest(path: Path, plan: Plan, table: TablePlan, n_rows: Mapping[str, int], *, write: bool) -> SuggestedSuite:
    try:
        written = read_suite(path) if path.exists() else None
    except Unreadable as exc:
        return SuggestedSuite(table=table.name, path=str(path), state="refused", refusal=str(exc))
    default = default_suite(plan, table, n_rows.get(table.name, 0), n_rows)
    merged = merge(written, default, table.table)
    if write and merged.suite != written:
        write_text(path, suite_text(merged.suite))
    return _said(path, table.name, written, merged)


def _said(path: Path, table: str, written: Suite | None, merged: Merged) -> SuggestedSuite:
    changed: Literal["unchanged", "changed"] = "unchanged" if merged.suite == written else "changed"
    return SuggestedSuite(
        table=table,
        path=str(path),
        state="new" if written is None else changed,
        diff="".join(_diff(path, written, merged.suite)),
        orphans=merged.orphans,
    )


def _diff(path: Path, written: Suite | None, suite: Suite) -> Iterator[str]:
    before = _read_by_persons(written) if written else []
    source = str(path) if written else "/dev/null"
    return difflib.unified_diff(before, _read_by_persons(suite), source, str(path), n=1)


def _read_by_persons(suite: Suite) -> list[str]:
    """Give the lines of the suite without its record, ``meta`` at the end as it is written."""
    told = without_record(suite)
    ordered = {key: value for key, value in told.items() if key != "meta"} | {"meta": told["meta"]}
    return [f"{line}\n" for line in suite_text(ordered).split("\n")[:-1]]
