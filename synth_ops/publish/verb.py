"""The verb `publish`: what passed the gate becomes one immutable snapshot, and one pointer flips to it.

The order of the steps is the guarantee. Files are staged beside their place, flushed, and read back; the manifest is
written last; one rename makes the snapshot exist; one more flips ``latest.json``. A kill between any two leaves the
pointer on a whole snapshot, and running again takes up what is complete.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq

from synth_ops import __version__, arrow_types
from synth_ops.errors import CorruptArtifact, GateRefused, PlanError
from synth_ops.names import file_stem
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.publish.manifest import (
    MANIFEST,
    Manifest,
    ManifestColumn,
    ManifestFile,
    ManifestTable,
    content_hash,
    manifest_text,
)
from synth_ops.publish.parts import write_parts
from synth_ops.publish.place import Place, local_folder
from synth_ops.publish.snapshot import problems_of, snapshot_at
from synth_ops.publish.store import LocalStore, only_publisher
from synth_ops.records import (
    Extracted,
    Progress,
    ProgressEvent,
    Published,
    Record,
    Sampled,
    SampledTable,
    Trained,
    TrainedTable,
    Validated,
    blocking,
    no_progress,
)
from synth_ops.workspace import Workspace, read_record, sha256_of, write_record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Night:
    """What the steps before left."""

    workspace: Workspace
    plan: Plan
    extracted: Extracted
    trained: Trained
    sampled: Sampled
    validated: Validated

    @property
    def name(self) -> str:
        return self.workspace.night

    @property
    def content(self) -> str:
        return content_hash(self.plan.hash, [(t.name, t.sha256) for t in self.sampled.tables])


def publish(workspace: Workspace, *, progress: Progress = no_progress, store: LocalStore | None = None) -> Published:
    """Publish the night's synthetic database as one snapshot, or give the one that already holds it.

    ``latest.json`` never goes back to an earlier night: publishing one leaves it where it is.

    Raises:
        GateRefused: the gate's verdict is not PASS; nothing is published.
        PlanError: the night is not ready to publish, or the plan names a place that is not a local folder.
        Locked: another process is publishing this dataset to the same folder.
        CorruptArtifact: a file that an earlier step left is not as it was left.
        PublishError: the folder did not take the snapshot; ``latest.json`` is as it was.
    """
    started = time.monotonic()
    night = _night(workspace)
    _admit(night.validated)
    place = Place(local_folder(night.plan.publish) / file_stem(night.plan.dataset))
    snapshot = _put(night, place, store or LocalStore(), progress)
    published = _published(place, snapshot, night.name, time.monotonic() - started)
    write_record(workspace.record("publish"), published)
    progress(ProgressEvent(step="publish", phase="published", done=1.0))
    return published


def _night(workspace: Workspace) -> Night:
    return Night(
        workspace,
        plan=_required(workspace.plan, Plan, "extract"),
        extracted=_required(workspace.record("extract"), Extracted, "extract"),
        trained=_required(workspace.record("train"), Trained, "train"),
        sampled=_required(workspace.record("sample"), Sampled, "sample"),
        validated=_required(workspace.record("validate"), Validated, "validate"),
    )


def _required(path: Path, kind: type[R], step: str) -> R:
    record = read_record(path, kind)
    if record is None:
        raise PlanError(
            f"Publishing must come after `{step}`, however it has not completed: there is no {path}."
            f" Run `synth-ops refresh`, or `synth-ops {step}` first."
        )
    return record


def _admit(validated: Validated) -> None:
    refusing = blocking(validated.checks)
    if validated.verdict == "PASS" and validated.checks and not refusing:
        return
    shown = "".join(f"\n  {c.line}" for c in refusing) or "\n  no check was measured"
    raise GateRefused(
        f"The gate must say PASS before anything is published, however it says {_verdict(validated)}:{shown}\n"
        f"Nothing was published, and the last good snapshot stands. Look at {validated.report}; then mend the data,"
        " the plan or the suites' bounds, and run `synth-ops refresh` again."
    )


def _verdict(validated: Validated) -> str:
    return "ABSTAIN" if validated.verdict == "PASS" else validated.verdict


def _put(night: Night, place: Place, store: LocalStore, progress: Progress) -> str:
    store.make_folder(place.snapshots)
    with only_publisher(place.lock):
        _clear(place, store)
        snapshot = _same(night, place) or _commit(night, place, store, progress)
        target = place.pointer_after(snapshot)
        if target != place.latest():
            _flip(target, place, store)
    return snapshot


def _clear(place: Place, store: LocalStore) -> None:
    """Remove what runs that died have left in staging."""
    if place.staging.exists():
        store.remove(place.staging)


def _same(night: Night, place: Place) -> str | None:
    """Give a snapshot of the same night with the same content, whole on disk, where there is one."""
    for snapshot in reversed(place.of_night(night.name)):
        if snapshot.endswith(f"-{night.content}") and not problems_of(place.folder(snapshot)):
            return snapshot
    return None


def _commit(night: Night, place: Place, store: LocalStore, progress: Progress) -> str:
    snapshot = f"{night.name}-{place.next_number(night.name):03d}-{night.content}"
    staged = place.staging / snapshot
    store.make_folder(staged)
    try:
        tables = tuple(_stage(t, night, staged, store, progress) for t in night.sampled.tables)
        with store.writing(staged / MANIFEST) as file:
            file.write(manifest_text(_manifest(snapshot, night, tables)).encode())
        store.sync_folder(staged)
        store.rename(staged, place.folder(snapshot))
    finally:
        _clear_quietly(place, store)
    return snapshot


def _clear_quietly(place: Place, store: LocalStore) -> None:
    # The error on its way up says more than one about cleaning, and the next run cleans again.
    try:
        _clear(place, store)
    except OSError:
        return


def _flip(snapshot: str, place: Place, store: LocalStore) -> None:
    store.make_folder(place.staging)
    part = place.staging / place.pointer.name
    try:
        with store.writing(part) as file:
            file.write(place.pointer_text(snapshot).encode())
        store.rename(part, place.pointer)
    finally:
        _clear_quietly(place, store)


def _stage(sampled: SampledTable, night: Night, staged: Path, store: LocalStore, progress: Progress) -> ManifestTable:
    source = night.workspace.synthetic(sampled.name)
    _check_source(source, sampled)
    folder = staged / file_stem(sampled.name)
    store.make_folder(folder)
    seen = 0

    def wrote(n_rows: int) -> None:
        nonlocal seen
        seen += n_rows
        share = seen / max(sampled.n_rows, 1)
        progress(ProgressEvent(step="publish", table=sampled.name, phase="writing", done=share, rows=seen))

    files = write_parts(store, source, folder, wrote=wrote)
    store.sync_folder(folder)
    return _manifest_table(sampled, night, files)


def _check_source(source: Path, sampled: SampledTable) -> None:
    try:
        same = sha256_of(source) == sampled.sha256
    except FileNotFoundError:
        same = False
    if not same:
        raise CorruptArtifact(
            f"{source} must be as `sample` left it, however it is missing or altered."
            " Delete the night's sampled.json, and run `synth-ops refresh` again: the step will be redone."
        )


def _manifest_table(sampled: SampledTable, night: Night, files: tuple[ManifestFile, ...]) -> ManifestTable:
    plan, trained = night.plan.table(sampled.name), _trained(sampled.name, night.trained)
    table = plan.table
    return ManifestTable(
        name=sampled.name,
        folder=file_stem(sampled.name),
        namespace=table.namespace,
        mode=plan.mode,
        n_rows=sum(f.n_rows for f in files),
        columns=_columns(night.workspace.synthetic(sampled.name), plan),
        primary_key=table.primary_key,
        unique=table.unique,
        foreign_keys=plan.foreign_keys,
        checks=table.checks,
        comment=table.comment,
        content=sampled.sha256,
        files=files,
        decision=trained.decision,
        reason=trained.reason,
        model_id=trained.model_id,
        parent_id=trained.parent_id,
        spent=trained.spent,
    )


def _trained(name: str, trained: Trained) -> TrainedTable:
    copied = TrainedTable(name=name, decision="copy", reason="no model: published as the plan says")
    return next((t for t in trained.tables if t.name == name), copied)


def _columns(source: Path, plan: TablePlan) -> tuple[ManifestColumn, ...]:
    return tuple(_column(f.name, arrow_types.text(f.type), f.nullable, plan) for f in pq.read_schema(source))


def _column(name: str, kind: str, nullable: bool, plan: TablePlan) -> ManifestColumn:  # noqa: FBT001 — a fact, not a switch
    declared = {c.name: c for c in plan.table.columns}.get(name)
    fate = {c.name: c.fate for c in plan.columns}.get(name)
    if declared is None:
        return ManifestColumn(name=name, type=kind, nullable=nullable, fate=fate)
    kept = declared.model_dump(include={"source_type", "default", "identity", "generated", "enum", "comment"})
    return ManifestColumn(name=name, type=kind, nullable=nullable, fate=fate, **kept)


def _manifest(snapshot: str, night: Night, tables: tuple[ManifestTable, ...]) -> Manifest:
    return Manifest(
        snapshot=snapshot,
        dataset=night.plan.dataset,
        night=night.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        plan_hash=night.plan.hash,
        seed=_seed(night),
        source_fingerprint=night.extracted.fingerprint,
        verdict=night.validated.verdict,
        gate=night.validated.checks,
        fidelity=night.validated.fidelity,
        seconds=_seconds(night),
        tables=tables,
    )


def _seed(night: Night) -> str:
    text = f"{night.plan.hash}:{night.extracted.fingerprint}:{night.name}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seconds(night: Night) -> Mapping[str, float]:
    steps = {
        "extract": night.extracted.seconds,
        "train": night.trained.seconds,
        "sample": night.sampled.seconds,
        "validate": night.validated.seconds,
    }
    return {step: round(seconds, 3) for step, seconds in steps.items()}


def _published(place: Place, snapshot: str, night: str, seconds: float) -> Published:
    manifest = snapshot_at(place.folder(snapshot)).manifest
    return Published(
        night=night,
        snapshot=snapshot,
        path=str(place.folder(snapshot)),
        n_rows={t.name: t.n_rows for t in manifest.tables},
        n_bytes=manifest.n_bytes,
        seconds=round(seconds, 3),
    )
