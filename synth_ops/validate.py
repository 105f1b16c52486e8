"""The gate: measure the copy, assert the suites, write the report. It says whether to publish, and never publishes."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from synth_ops import __version__
from synth_ops.attempts import check_attempts, log_attempt
from synth_ops.errors import PlanError
from synth_ops.expectations import run_suites
from synth_ops.holdout import look_whose
from synth_ops.measure import (
    Before,
    Measure,
    Measured,
    Sides,
    Subject,
    fidelity_of,
    measure_table,
    read_learned,
    read_sides,
)
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import (
    Check,
    Extracted,
    Progress,
    ProgressEvent,
    Sampled,
    Trained,
    Validated,
    no_progress,
    verdict_of,
)
from synth_ops.suite_files import suite_path
from synth_ops.verdicts import heed_verdict
from synth_ops.worker import JobSpec, run_job
from synth_ops.workspace.files import read_record, write_record
from synth_ops.workspace.layout import Workspace
from synth_ops.workspace.salt import read_salt


def validate(workspace: Workspace, *, progress: Progress = no_progress) -> Validated:
    """Measure tonight's copy in a worker and assert the suites; give the verdict, whatever it is.

    Leaves the private figures, the shared report, a mark on each model whose copy is refused, and the record. The
    same copy under the same suites is not measured again.
    """
    plan = _plan(workspace)
    inputs = _inputs(workspace, plan)
    done = _done(workspace, inputs)
    if done is not None:
        return done
    spec = JobSpec(
        job="measure",
        root=str(workspace.root),
        dataset=workspace.dataset,
        night=workspace.night,
        seed=_seed(workspace, plan),
        options={"inputs": inputs},
    )
    # The worker's figures will say that the record beside them is theirs, so one of another copy must not be.
    workspace.record("validate").unlink(missing_ok=True)
    copy_hash = _copy_hash(workspace)
    check_attempts(workspace, copy_hash)
    outcome = run_job(spec, progress=progress, still_holds=lambda _: _is_measured(workspace, inputs))
    validated = Validated.model_validate(outcome)
    n_attempts = log_attempt(workspace, copy_hash, validated.verdict)
    validated = validated.model_copy(update={"attempt": n_attempts})
    heed_verdict(workspace, validated)
    write_record(workspace.record("validate"), validated)
    return validated


def measure_job(spec: JobSpec, progress: Progress) -> Validated:
    """Measure every table, assert the suites and write the report: what a worker runs."""
    began = time.monotonic()
    workspace = spec.workspace
    plan = _plan(workspace)
    measures, charts = _measure_tables(workspace, plan, spec.seed, progress)
    inputs = str(spec.options.get("inputs", ""))
    measured = Measured(night=spec.night, inputs=inputs, measures=measures, seconds=time.monotonic() - began)
    progress(ProgressEvent(step="validate", phase="suites"))
    checks = run_suites(plan, measured, read_sides(workspace).synthetic)
    progress(ProgressEvent(step="validate", phase="report"))
    report = _write_report(workspace, plan, checks, charts, measured)
    # Last, for its inputs say that the report beside it is theirs.
    write_record(workspace.measures, measured)
    return Validated(
        night=spec.night,
        verdict=verdict_of(checks),
        checks=checks,
        fidelity=fidelity_of(plan, measured),
        report=str(report),
        seconds=round(time.monotonic() - began, 3),
    )


def _measure_tables(
    workspace: Workspace, plan: Plan, seed: int, progress: Progress
) -> tuple[tuple[Measure, ...], list[Any]]:
    """Measure each table and draw its charts, one table in memory at a time."""
    measures: list[Measure] = []
    charts: list[Any] = []
    last = _last_published(workspace)
    tables = [t for t in plan.tables if t.mode != "skip"]
    for i, table in enumerate(tables):
        progress(ProgressEvent(step="validate", table=table.name, phase="measure", done=i / len(tables)))
        found, drawn = _measure_table(workspace, plan, table, seed, last)
        measures += found
        charts.append(drawn)
        progress(ProgressEvent(step="validate", table=table.name, phase="measured", done=(i + 1) / len(tables)))
    return tuple(measures), charts


def _last_published(workspace: Workspace) -> Workspace | None:
    """Give the newest night before this one that was published."""
    return next((w for w in workspace.earlier_nights() if w.record("publish").is_file()), None)


def _measure_table(
    workspace: Workspace, plan: Plan, table: TablePlan, seed: int, last: Workspace | None
) -> tuple[tuple[Measure, ...], Any]:
    from synth_ops.report import collect_table  # loads what draws; only a worker draws
    from synth_ops.report import read_learned as read_shown

    sides = read_sides(workspace)
    subject = _subject(workspace, plan, table, sides, last)
    figures = read_record(last.measures, Measured) if last is not None else None
    measures = measure_table(subject, sides, seed, figures)
    shown = read_shown(workspace, table.name)
    drawn = collect_table(plan, table, subject.real, subject.synthetic, ids=subject.ids, sides=sides, learned=shown)
    return measures, drawn


def _subject(workspace: Workspace, plan: Plan, table: TablePlan, sides: Sides, last: Workspace | None) -> Subject:
    """Part the real rows by the salt that the model held rows out by."""
    real = pq.read_table(workspace.real(table.name))
    synthetic = pq.read_table(workspace.synthetic(table.name))
    learned = read_learned(workspace, table.name)
    whose = look_whose(plan, table.name, real, sides.real, read_salt(workspace), main=learned.main)
    return Subject(
        plan,
        table,
        real,
        synthetic,
        whose.held_out,
        ids=whose.ids,
        learned=learned,
        before=_before(last, table.name),
    )


def _before(last: Workspace | None, table: str) -> Before | None:
    """Read the copy that was published last, and its real rows, where both are still there."""
    if last is None or not last.real(table).is_file() or not last.synthetic(table).is_file():
        return None
    return Before(pq.read_table(last.real(table)), pq.read_table(last.synthetic(table)))


def _write_report(
    workspace: Workspace, plan: Plan, checks: Sequence[Check], charts: Sequence[Any], measured: Measured
) -> Path:
    from synth_ops.report import Facts, write_report  # loads what draws; only a worker draws

    facts = Facts(
        extracted=read_record(workspace.record("extract"), Extracted),
        trained=read_record(workspace.record("train"), Trained),
        sampled=read_record(workspace.record("sample"), Sampled),
        fidelity=fidelity_of(plan, measured),
        verdict=verdict_of(checks),
    )
    return write_report(workspace, plan, checks, charts, facts)


def _plan(workspace: Workspace) -> Plan:
    plan = read_record(workspace.plan, Plan)
    if plan is None:
        raise PlanError(
            f"There must be a plan for the night {workspace.night}, however {workspace.plan} is not there."
            f" Run `synth-ops extract --night {workspace.night}` first."
        )
    if read_record(workspace.record("sample"), Sampled) is None:
        raise PlanError(
            f"There must be a copy to validate for the night {workspace.night}, however nothing was sampled."
            f" Run `synth-ops sample --night {workspace.night}` first."
        )
    return plan


def _done(workspace: Workspace, inputs: str) -> Validated | None:
    """Give the record of an earlier run over the very same inputs."""
    validated = read_record(workspace.record("validate"), Validated)
    return validated if validated is not None and _is_measured(workspace, inputs) else None


def _is_measured(workspace: Workspace, inputs: str) -> bool:
    """Say whether the private figures and the shared report are there, and are of these inputs."""
    measured = read_record(workspace.measures, Measured)
    return measured is not None and measured.inputs == inputs and workspace.report.is_file()


def _inputs(workspace: Workspace, plan: Plan) -> str:
    """Give a sha256 over the plan, the copy's own hashes, and the suites as they stand now."""
    digest = hashlib.sha256(workspace.plan.read_bytes())
    digest.update(f"synth-ops {__version__}\n".encode())  # another version may measure otherwise
    digest.update(_salt(workspace).encode())
    digest.update(_copy_hash(workspace).encode())
    for path in (suite_path(Path(plan.expectations), table.name) for table in plan.tables):
        digest.update(path.read_bytes() if path.is_file() else b"no suite")
    return digest.hexdigest()


def _copy_hash(workspace: Workspace) -> str:
    """Give a sha256 over the copy's own hashes."""
    sampled = read_record(workspace.record("sample"), Sampled)
    names = [f"{table.name}:{table.sha256}\n" for table in (sampled.tables if sampled is not None else ())]
    return hashlib.sha256("".join(names).encode()).hexdigest()


def _salt(workspace: Workspace) -> str:
    """Give the name of the salt that tonight's models held rows out by, which must be the one that there is.

    Raises:
        PlanError: it is another, by which rows that a model has seen would pass for held-out ones.
        CorruptArtifact: it is gone.
    """
    trained, salt = read_record(workspace.record("train"), Trained), read_salt(workspace)
    if trained is not None and trained.salt != salt.name:
        raise PlanError(
            f"The copy must be measured with the salt that its models were trained under, however {workspace.salt}"
            f" holds another. Run `synth-ops train --night {workspace.night}`, then sample and validate again."
        )
    return salt.name


def _seed(workspace: Workspace, plan: Plan) -> int:
    extracted = read_record(workspace.record("extract"), Extracted)
    fingerprint = extracted.fingerprint if extracted is not None else ""
    words = f"{plan.hash}:{fingerprint}:{workspace.night}:validate"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")
