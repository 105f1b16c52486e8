"""What a command leaves on stdout: the record as JSON, or a summary for a person."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from synth_ops.cli.watch import duration
from synth_ops.records import Record, Refreshed, RefreshedTable, Verdict

WIDTH_OF_A_LOG = 120
VERDICT_STYLES = {"PASS": "bold green", "FAIL": "bold red", "ABSTAIN": "bold yellow"}


def print_json(record: Record) -> None:
    """Print the record and nothing else."""
    print(record.model_dump_json(indent=1))


def print_records(records: Sequence[Record]) -> None:
    """Print the records as one JSON array and nothing else."""
    print(json.dumps([r.model_dump(mode="json") for r in records], indent=1))


def print_refreshed(record: Refreshed) -> None:
    """Print the summary that ends a refresh."""
    console = _console()
    if record.outcome == "nothing to do":
        console.print(f"Nothing to do: the night {record.night} of {record.dataset} is published.")
    console.print(table_of(("table", "rows", "decision", "fidelity (floor)", "time"), map(_row, record.tables)))
    print_verdict(record.verdict)
    for label, path in (("snapshot", record.path), ("report", record.report)):
        console.print(f"{label:<9} {path}", soft_wrap=True, markup=False)


def print_verdict(verdict: Verdict) -> None:
    """Print the gate's verdict in its colour."""
    _console().print(Text.assemble("verdict   ", (verdict, VERDICT_STYLES[verdict])))


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table."""
    _console().print(table_of(header, rows))


def print_line(line: str) -> None:
    """Print a line as it is, however long."""
    _console().print(line, soft_wrap=True, markup=False)


def table_of(header: Sequence[str], rows: "Sequence[Sequence[str]] | map[Sequence[str]]") -> Table:
    """Make a table whose figures, all columns that begin with a digit, stand to the right."""
    body = [tuple(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(header):
        figures = all(row[position][:1].isdigit() for row in body)
        table.add_column(name, justify="right" if body and figures else "left", overflow="fold")
    for row in body:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _row(table: RefreshedTable) -> tuple[str, ...]:
    decision = f"{table.decision} ({table.reason})" if table.reason else table.decision
    return table.name, f"{table.n_rows:,}", decision, _fidelity(table), duration(table.seconds)


def _fidelity(table: RefreshedTable) -> str:
    if table.fidelity is None:
        return ""
    return f"{table.fidelity:.4f}" + ("" if table.floor is None else f" ({table.floor:.4f})")


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_LOG)
