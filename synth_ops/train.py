"""The step that learns: for each table reuse, refresh or train its model, on a worker."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode import FitRules, TableCodec
from synth_ops.errors import PlanError
from synth_ops.holdout import holdout_mask
from synth_ops.learning_rows import count_rows, read_learning_rows
from synth_ops.plan import Plan, TablePlan
from synth_ops.plan.problems import unknown
from synth_ops.policy import CODE_VERSION, Decided, ModelFacts, decide, table_hash
from synth_ops.records import Extracted, Losses, Progress, ProgressEvent, Trained, TrainedTable, no_progress
from synth_ops.relate import Augmented, Relations, TableSpec, augment
from synth_ops.seeds import seed_of
from synth_ops.worker import JobSpec, run_job
from synth_ops.workspace import Workspace, read_record, write_record, write_text
from synth_ops.workspace.models import is_whole, model_folder, staged_model

if TYPE_CHECKING:
    from synth_ops.model import Synthesizer
    from synth_ops.model import Trained as Ended

FINETUNE_SHARE = 0.25
"""Row visits of a warm-started training, as a share of a cold one's."""


def train(
    workspace: Workspace,
    *,
    progress: Progress = no_progress,
    tables: tuple[str, ...] | None = None,
    device: str = "auto",
) -> Trained:
    """Give every synthesised table a model that suits tonight's rows, and leave ``trained.json``.

    Leaves each new model under ``private/models/<table>/<model id>``, and ``latest.json`` beside it.

    Args:
        workspace: tonight's, with its extract done.
        progress: told of each phase and epoch.
        tables: retrain or refresh these only; the others keep the model they have.
        device: where the workers compute.

    Raises:
        PlanError: a chosen table is not in the plan, or there is nothing extracted tonight.
        WorkerFailed: a worker died; run again to resume from its checkpoint.
    """
    started = time.monotonic()
    plan, extracted = _tonight(workspace)
    check_chosen(plan, tables)
    done = read_record(workspace.record("train"), Trained)
    if done is not None and _is_complete(workspace, plan, done, extracted, tables):
        return done
    night = _Night(workspace, plan, extracted, device, progress)
    trained = tuple(_train_table(night, table, chosen=tables is None or table.name in tables) for table in plan.tables)
    record = Trained(night=workspace.night, tables=trained, seconds=round(time.monotonic() - started, 3))
    write_record(workspace.record("train"), record)
    return record


def _tonight(workspace: Workspace) -> tuple[Plan, Extracted]:
    plan = read_record(workspace.plan, Plan)
    extracted = read_record(workspace.record("extract"), Extracted)
    if plan is None or extracted is None:
        raise PlanError(
            f"Training must follow an extract of the same night, however night {workspace.night} has none."
            f" Run `synth-ops extract --night {workspace.night}` first, or `synth-ops refresh`."
        )
    return plan, extracted


def check_chosen(plan: Plan, tables: tuple[str, ...] | None) -> None:
    """Refuse a chosen table that is not in the plan.

    Raises:
        PlanError: there is one.
    """
    names = [t.name for t in plan.tables]
    for name in tables or ():
        if name not in names:
            raise PlanError(f"Each word of --tables {unknown(name, names, 'table of the plan')}.")


def _is_complete(
    workspace: Workspace, plan: Plan, done: Trained, extracted: Extracted, tables: tuple[str, ...] | None
) -> bool:
    """Tell whether tonight's models are there, whole, and still what the policy asks for."""
    if tables is not None:
        return False
    facts = {t.name: t for t in done.tables}
    return set(facts) == {t.name for t in plan.tables} and all(
        facts[t.name].model_id is None
        or (
            _is_current(workspace, plan, t, extracted)
            and is_whole(workspace.models(t.name) / str(facts[t.name].model_id))
        )
        for t in plan.tables
    )


def _is_current(workspace: Workspace, plan: Plan, table: TablePlan, extracted: Extracted) -> bool:
    latest = latest_model(workspace, table.name)
    return latest is not None and decide_table(plan, table, extracted, latest, chosen=True).decision == "reuse"


def decide_table(
    plan: Plan, table: TablePlan, extracted: Extracted, latest: ModelFacts | None, *, chosen: bool
) -> Decided:
    """Ask the policy about one table, from what extract found and the latest model saw."""
    return decide(
        table,
        table_hash=table_hash(plan, table),
        fingerprint=fingerprint_for(plan, table, extracted),
        n_rows=_n_rows(extracted).get(table.name, 0),
        latest=latest,
        chosen=chosen,
    )


def fingerprint_for(plan: Plan, table: TablePlan, extracted: Extracted) -> str:
    """Give a hash over all tables that shape this one's model: itself, its parents, and the children it has."""
    found = {t.name: t.fingerprint for t in extracted.tables}
    parents = {k.ref_table for k in table.foreign_keys}
    children = {t.name for t in plan.tables if any(k.ref_table == table.name for k in t.foreign_keys)}
    seen = sorted({table.name} | parents | children)
    return hashlib.sha256(json.dumps([[n, found.get(n)] for n in seen]).encode()).hexdigest()


def _n_rows(extracted: Extracted) -> dict[str, int]:
    return {t.name: t.n_rows for t in extracted.tables}


def latest_model(workspace: Workspace, table: str) -> ModelFacts | None:
    """Give the newest model's facts, unless its folder is damaged or gone."""
    latest = read_record(workspace.models(table) / "latest.json", ModelFacts)
    return latest if latest and is_whole(workspace.models(table) / latest.model_id) else None


class _Night(NamedTuple):
    """What every table of one night shares."""

    workspace: Workspace
    plan: Plan
    extracted: Extracted
    device: str
    progress: Progress


def _train_table(night: _Night, table: TablePlan, *, chosen: bool) -> TrainedTable:
    workspace, plan, extracted, device, progress = night
    latest = latest_model(workspace, table.name)
    decided = decide_table(plan, table, extracted, latest, chosen=chosen)
    progress(ProgressEvent(step="train", table=table.name, phase=decided.decision))
    if decided.decision in ("copy", "skip"):
        return TrainedTable(name=table.name, decision=decided.decision, reason=decided.reason)
    if decided.decision == "reuse" and latest is not None:
        return TrainedTable(
            name=table.name,
            decision="reuse",
            reason=decided.reason,
            model_id=latest.model_id,
            parent_id=latest.parent_id,
            n_rows=latest.n_rows,
        )
    models = workspace.models(table.name)
    parent = latest.model_id if latest and decided.decision == "finetune" else None
    fingerprint = fingerprint_for(plan, table, extracted)
    spec = JobSpec(
        job="train",
        root=str(workspace.root),
        dataset=workspace.dataset,
        night=workspace.night,
        table=table.name,
        device=device,
        seed=seed_of("train", plan.hash, fingerprint, table.name),
        options={
            "decision": decided.decision,
            "reason": decided.reason,
            "parent_id": parent,
            "fingerprint": fingerprint,
        },
    )
    outcome = run_job(spec, progress=progress, still_holds=lambda r: is_whole(models / str(r["model_id"])))
    result = TrainedTable.model_validate(outcome)
    facts = ModelFacts(
        model_id=str(result.model_id),
        family=table.model,
        table_hash=table_hash(plan, table),
        fingerprint=fingerprint,
        n_rows=_n_rows(extracted)[table.name],
        code_version=CODE_VERSION,
        parent_id=parent,
    )
    write_record(models / "latest.json", facts)
    return result


def train_job(spec: JobSpec, progress: Progress) -> TrainedTable:
    """Fit or refresh one table's model; runs in a worker."""
    workspace = spec.workspace
    plan = _tonight(workspace)[0]
    table = plan.table(str(spec.table))
    started = time.monotonic()
    progress(ProgressEvent(step="train", table=table.name, phase="encode"))
    parent_id = spec.options.get("parent_id")
    parent = model_folder(workspace, table.name, parent_id) if parent_id else None
    augmented = _training_table(workspace, plan, table, parent, seed=spec.seed)
    codec = _kept_codec(augmented, parent)
    start_from = parent if codec is not None else None
    codec = codec or _new_codec(augmented, plan, spec.seed)
    synthesizer, ended = _fit(spec, table, codec, augmented, start_from, progress, began=started)
    with staged_model(workspace, table.name) as staged:
        synthesizer.save(staged.folder)
        write_text(staged.folder / "codec.json", json.dumps(codec.to_json()))
        write_record(staged.folder / "relations.json", augmented.spec)
        write_record(staged.folder / "losses.json", Losses(points=ended.losses))
    return TrainedTable(
        name=table.name,
        decision=spec.options["decision"],
        reason=spec.options["reason"],
        model_id=staged.model_id,
        parent_id=parent_id,
        n_rows=augmented.table.num_rows,
        n_epochs=ended.n_epochs,
        loss=round(ended.loss, 4),
        seconds=round(time.monotonic() - started, 3),
        stopped_by=ended.stopped_by,
        n_tries=ended.n_tries,
        losses=ended.losses,
    )


def _training_table(workspace: Workspace, plan: Plan, table: TablePlan, parent: Path | None, *, seed: int) -> Augmented:
    """Read the rows that the model may see, beside what it is told of their parents and children."""
    previous = read_record(parent / "relations.json", TableSpec) if parent else None
    mains = {table.name: previous.main.name if previous.main else None} if previous else None
    relations = Relations.of(plan, count_rows(workspace, plan), mains=mains)
    found = read_learning_rows(workspace, plan, table.name, relations, seed=seed)
    rows = found.real[table.name]
    keep = ~holdout_mask(rows, table.table, dataset=plan.dataset, share=plan.privacy.holdout)
    kept = keep if keep.any() else None
    return augment(plan, table.name, found.real, relations, keep=kept, previous=previous, whole=found.whole)


def _kept_codec(augmented: Augmented, parent: Path | None) -> TableCodec | None:
    """Give the parent model's codec, so that its weights still mean what they meant; None where it does not fit."""
    if parent is None:
        return None
    codec = TableCodec.from_json(json.loads((parent / "codec.json").read_text()))
    same = list(codec.columns) == augmented.table.column_names and codec.schema.types == augmented.table.schema.types
    return codec if same else None


def _new_codec(augmented: Augmented, plan: Plan, seed: int) -> TableCodec:
    privacy = plan.privacy
    rules = FitRules(rare_below=privacy.rare_below, clip_extremes=privacy.clip_extremes, seed=seed)
    return TableCodec.fit(augmented.table, augmented.kinds, rules)


def _fit(  # noqa: PLR0913 — what is learned is positional
    spec: JobSpec,
    table: TablePlan,
    codec: TableCodec,
    augmented: Augmented,
    parent: Path | None,
    progress: Progress,
    *,
    began: float,
) -> tuple["Synthesizer", "Ended"]:
    # torch is loaded in the worker, and nowhere else
    from synth_ops.model import Tick, TrainingConfig, fit_synthesizer, load_synthesizer

    def watch(tick: Tick) -> None:
        progress(
            ProgressEvent(
                step="train",
                table=table.name,
                phase="epoch",
                epoch=tick.epoch,
                done=round(tick.done, 4),
                loss=round(tick.loss, 4),
                eta_seconds=round(tick.eta_seconds, 1),
            )
        )

    config = TrainingConfig(seed=spec.seed).within(table.time_budget_seconds)
    if parent is not None:
        visits = int(config.max_row_visits * FINETUNE_SHARE)
        config = config.model_copy(update={"max_row_visits": visits, "n_epochs": 10, "learning_rate": 5e-4})
    n_context = sum(len(codec.layout.of(c)) for c in augmented.context)
    return fit_synthesizer(
        table.model,
        _narrow_codes(codec, augmented.table),
        codec.layout,
        n_context,
        config,
        device=spec.device,
        start_from=load_synthesizer(parent, device=spec.device) if parent else None,
        checkpoint=spec.workspace.work / f"{spec.stem}.checkpoint",
        watch=watch,
        began=began,
    )


def _narrow_codes(codec: TableCodec, table: pa.Table) -> NDArray[Any]:
    """Give the codes in the smallest type that holds them all, made a column at a time: they outlive the table."""
    sizes = codec.layout.sizes
    dtype = next(t for t, most in _CODE_TYPES.items() if max(sizes, default=1) <= most)
    codes = np.empty((table.num_rows, len(sizes)), dtype)
    start = 0
    for column in codec.columns:
        encoded = codec.encode(table, columns=[column])
        codes[:, start : start + encoded.shape[1]] = encoded
        start += encoded.shape[1]
    return codes


_CODE_TYPES: Mapping[type[np.integer[Any]], int] = {np.uint8: 1 << 8, np.int16: 1 << 15, np.int32: 1 << 31}
"""Types of codes that torch knows, and how many codes each holds."""
