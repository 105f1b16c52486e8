"""Measure a copy that lies in files, assert the suites that would be written for it, and say what came of it."""

import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synth_ops.entities import entity_ids
from synth_ops.errors import PlanError
from synth_ops.expectations import default_suite, run_suites
from synth_ops.expectations.suggest import suite_text
from synth_ops.judge.any_copy import for_any_copy
from synth_ops.judge.keys import names_of_rows, with_keys
from synth_ops.judge.reading import Rows, laid_over, read_side
from synth_ops.measure import Measure, Measured, Sides, Subject, fidelity_of, measure_table
from synth_ops.plan.config import ColumnConfig, Config, TableConfig
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.plan.problems import unknown
from synth_ops.plan.resolve import resolve
from synth_ops.records import Check, Progress, ProgressEvent, Record, Verdict, no_progress, verdict_of
from synth_ops.schema import Database, Table
from synth_ops.suite_files import suite_path
from synth_ops.workspace.files import write_text
from synth_ops.workspace.salt import NO_SALT

NIGHT = "2000-01-01"
HALF = 0.5


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be judged, and how."""

    real: Path
    """A Parquet or CSV file, or a folder of them: the rows that the copy was made of."""
    synthetic: Path
    holdout: Path | None = None
    """Real rows that it was surely not made of."""
    report: Path | None = None
    target: str | None = None
    """A column that models trained on the copy will predict; of the table that has it."""
    public: str | None = None
    """Why the rows are public, in words: privacy is not asserted then."""
    suites: Path | None = None
    """A folder of suites to assert; else those that `init` would write."""
    seed: int = 0


class Judged(Record):
    """What came of it."""

    verdict: Verdict
    checks: tuple[Check, ...]
    n_rows: Mapping[str, int]
    """Synthetic rows of each table."""
    report: str | None = None
    seconds: float


@dataclass(frozen=True)
class _Sides:
    """All rows, as the real ones are declared."""

    real: Rows
    synthetic: Rows
    holdout: Rows


def judge(question: Question, *, progress: Progress = no_progress) -> Judged:
    """Judge a copy by the gate's own checks; without held-out rows, those of membership abstain.

    Raises:
        PlanError: a file is not there or of no known kind, or the two sides have no table in common.
        SourceError: a file does not read as what its ending says.
    """
    began = time.monotonic()
    progress(ProgressEvent(step="validate", phase="reading"))
    declared, sides = _read(question)
    plan = _plan(question, declared, sides.real)
    measured = _measure(question, plan, sides, progress)
    progress(ProgressEvent(step="validate", phase="suites"))
    checks = _assert(question, plan, measured, sides)
    report = _write_report(question, plan, checks, measured, sides) if question.report else None
    return Judged(
        verdict=verdict_of(checks),
        checks=checks,
        n_rows={name: rows.num_rows for name, rows in sides.synthetic.items()},
        report=report,
        seconds=round(time.monotonic() - began, 3),
    )


def _read(question: Question) -> tuple[Database, _Sides]:
    """Read both sides and the held-out rows, as the real tables are declared, with the keys that they bear out."""
    name = None if question.real.is_dir() else question.real.stem
    database, real = read_side("REAL", question.real)
    if question.synthetic.is_dir() != question.real.is_dir():
        raise PlanError(
            "REAL and SYNTHETIC must both be files, or both folders, however one is a folder and one is not."
            " Name two files, or two folders."
        )
    synthetic = read_side("SYNTHETIC", question.synthetic, name, database)[1]
    holdout = read_side("--holdout", question.holdout, name, database)[1] if question.holdout else {}
    missing = sorted(set(real) - set(synthetic))
    if missing:
        raise PlanError(
            f"SYNTHETIC must hold every table of REAL, however it lacks {', '.join(missing)}."
            " Add the files, or take those tables out of REAL."
        )
    database = with_keys(database, real)
    by_name = {t.name: t for t in database.tables}
    over = partial(_laid_over, by_name)
    laid = _Sides(over(real), over(synthetic), over(holdout))
    return database, replace(
        laid, holdout={name: _as_real(name, rows, laid.real) for name, rows in laid.holdout.items()}
    )


def _as_real(name: str, holdout: pa.Table, real: Rows) -> pa.Table:
    """Give held-out rows with the columns and types of the real ones."""
    schema = real[name].schema
    missing = [c for c in schema.names if c not in holdout.column_names]
    wrong = [c for c in schema.names if c not in missing and holdout.schema.field(c).type != schema.field(c).type]
    if missing or wrong:
        raise PlanError(
            f"--holdout must have the columns and types of REAL, however of table {name!r}"
            f" {', '.join(map(repr, missing + wrong))} {'is' if len(missing + wrong) == 1 else 'are'}"
            f" {'not there' if missing else 'of another type'}. Give rows of the same table."
        )
    return holdout.select(schema.names).cast(schema)


def _laid_over(declared: Mapping[str, Table], rows: Rows) -> Rows:
    return {name: laid_over(rows[name], table) for name, table in declared.items() if name in rows}


def _plan(question: Question, database: Database, real: Rows) -> Plan:
    tables = {t.name: _said(question, t, real[t.name]) for t in database.tables}
    if question.target is not None and not any(t.target for t in tables.values()):
        names = [c for t in database.tables for c in t.column_names]
        raise PlanError(f"--target {unknown(question.target, names, 'column of REAL')}.")
    config = Config.model_validate(
        {"dataset": _name(question.real), "source": "parquet:.", "publish": ".", "tables": tables}
    )
    plan = resolve(config, database)
    return plan.model_copy(update={"tables": tuple(_public(t, question.public) for t in plan.tables)})


def _name(real: Path) -> str:
    """Call the dataset as its file or folder is called, of what a name may hold."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", real.resolve().stem).strip("_-")[:80] or "judged"


def _said(question: Question, table: Table, rows: pa.Table) -> TableConfig:
    minted = {name: ColumnConfig(mint=True) for name in names_of_rows(table, rows)}
    target = question.target if question.target in table.column_names else None
    return TableConfig(columns=minted, target=target)


def _public(table: TablePlan, words: str | None) -> TablePlan:
    return table.model_copy(update={"public": words})


def _measure(question: Question, plan: Plan, sides: _Sides, progress: Progress) -> Measured:
    began = time.monotonic()
    readers = _readers(sides)
    measures: list[Measure] = []
    for i, table in enumerate(plan.tables):
        progress(ProgressEvent(step="validate", table=table.name, phase="measure", done=i / len(plan.tables)))
        measures += measure_table(_subject(question, plan, table, sides), readers, question.seed)
    return Measured(night=NIGHT, inputs="", measures=tuple(measures), seconds=time.monotonic() - began)


def _columns_of(rows: Rows, table: str, columns: tuple[str, ...] | None) -> pa.Table:
    return rows[table].select([c for c in rows[table].column_names if columns is None or c in columns])


def _subject(question: Question, plan: Plan, table: TablePlan, sides: _Sides) -> Subject:
    """Put the held-out rows behind the real ones; where there are none, half of the real rows is held against half."""
    real, holdout = sides.real[table.name], sides.holdout.get(table.name)
    is_unseen = holdout is not None
    rows = (
        pa.concat_tables([real, holdout.select(real.column_names).cast(real.schema)]) if holdout is not None else real
    )
    n_rows = rows.num_rows
    held_out = np.arange(n_rows) >= real.num_rows
    if not is_unseen:
        held_out = np.random.default_rng(question.seed).random(n_rows) < HALF
    ids = entity_ids(plan, table.name, rows, partial(_real_columns, sides), NO_SALT)
    return Subject(plan, table, rows, sides.synthetic[table.name], held_out, is_unseen=is_unseen, ids=ids)


def _real_columns(sides: _Sides, table: str, columns: tuple[str, ...] | None) -> pa.Table:
    """Read a parent's rows, held-out ones too, for whose they are."""
    parts = [side[table] for side in (sides.real, sides.holdout) if table in side]
    names = list(parts[0].column_names if columns is None else columns)
    return pa.concat_tables([part.select(names) for part in parts])


def _assert(question: Question, plan: Plan, measured: Measured, sides: _Sides) -> tuple[Check, ...]:
    read = partial(_columns_of, sides.synthetic)
    if question.suites is not None:
        return run_suites(plan.model_copy(update={"expectations": str(question.suites)}), measured, read)
    with tempfile.TemporaryDirectory(prefix="synth-ops-judge-") as folder:
        for table in plan.tables:
            suite = _suite(plan, table, sides)
            n_held = _held_of(sides, table.name)
            n_copy = sides.synthetic[table.name].num_rows
            suite["expectations"] = list(for_any_copy(suite["expectations"], table.name, measured, n_held, n_copy))
            write_text(suite_path(Path(folder), table.name), suite_text(suite))
        return run_suites(plan.model_copy(update={"expectations": folder}), measured, read)


def _suite(plan: Plan, table: TablePlan, sides: _Sides) -> dict[str, Any]:
    """Give the suite that `init` would write for as many rows, held out as they are."""
    n_rows = {name: rows.num_rows for name, rows in sides.real.items()}
    holdout = sides.holdout.get(table.name)
    if holdout is not None:
        n_rows[table.name] += holdout.num_rows
        privacy = plan.privacy.model_copy(update={"holdout": holdout.num_rows / max(n_rows[table.name], 1)})
        plan = plan.model_copy(update={"privacy": privacy})
    return default_suite(plan, table, n_rows[table.name], n_rows)


def _held_of(sides: _Sides, table: str) -> int:
    """Give the number of rows that the copy is held against."""
    held = sides.holdout.get(table)
    return int(sides.real[table].num_rows * HALF if held is None else held.num_rows)


def _write_report(question: Question, plan: Plan, checks: tuple[Check, ...], measured: Measured, sides: _Sides) -> str:
    from synth_ops.report import Facts, collect_table, render

    readers = _readers(sides)
    charts = [collect_table(plan, t, sides.real[t.name], sides.synthetic[t.name], sides=readers) for t in plan.tables]
    html = render(plan, checks, charts, Facts(fidelity=fidelity_of(plan, measured), verdict=verdict_of(checks)))
    path = Path(str(question.report))
    write_text(path, html)
    path.chmod(0o644)
    return str(path)


def _readers(sides: _Sides) -> Sides:
    return Sides(
        real=partial(_columns_of, sides.real),
        synthetic=partial(_columns_of, sides.synthetic),
        apart=partial(_real_columns, sides),
    )
