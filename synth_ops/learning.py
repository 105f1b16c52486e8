"""The worker's half of training: one table's rows in, one model out, or the word that the one there is will do."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth_ops.drift import Familiar, Known, measure_drift, sample_rows
from synth_ops.encode import FitRules, TableCodec
from synth_ops.encode.mapping import code_maps
from synth_ops.encode.novelty import novelty
from synth_ops.entities import Ids
from synth_ops.errors import PlanError
from synth_ops.holdout import look_whose
from synth_ops.learning_privately import train_privately
from synth_ops.learning_rows import count_rows, read_learning_rows, reader_of
from synth_ops.narrow import narrow_codes
from synth_ops.plan import Plan, TablePlan
from synth_ops.policy import Decided, weigh
from synth_ops.records import Drift, Losses, Progress, ProgressEvent, TrainedTable
from synth_ops.relate import Augmented, Relations, TableSpec, augment
from synth_ops.spending import is_budgeted
from synth_ops.worker import JobSpec
from synth_ops.workspace import Workspace, make_salt, read_record, write_record, write_text
from synth_ops.workspace.models import model_folder, staged_model

if TYPE_CHECKING:
    from synth_ops.model import Synthesizer, TrainingConfig
    from synth_ops.model import Trained as Ended

FINETUNE_SHARE = 0.12
"""Row visits of a warm-started training, in those of the cold one that it goes back to."""
FINETUNE_RATE = 1e-3
"""Its learning rate, a fifth of a cold one's."""
FINETUNE_CONDITIONING = 0.05
"""Row visits that follow on being told any sub-columns, in its own; what was learned of that is carried over."""


def train_job(spec: JobSpec, progress: Progress) -> TrainedTable:
    """Fit one table's model anew, refresh it, or find that rows say nothing new to it; runs in a worker."""
    job = _Job(spec, progress, time.monotonic())
    if is_budgeted(job.plan, job.table):
        return train_privately(spec, progress, job.plan, job.started)
    progress(ProgressEvent(step="train", table=job.table.name, phase="encode"))
    task = _task(job)
    if task.decided.decision == "reuse":
        return _result(job, task, model_id=str(spec.options["parent_id"]))
    codes = narrow_codes(task.codec, task.augmented.table)
    config = _config(job, task)
    synthesizer, ended = _fit(job, task, codes, config)
    familiar = _familiar(job, task, config, synthesizer, ended)
    with staged_model(spec.workspace, job.table.name) as staged:
        synthesizer.save(staged.folder)
        write_text(staged.folder / "codec.json", json.dumps(task.codec.to_json()))
        write_record(staged.folder / "relations.json", task.augmented.spec)
        write_record(staged.folder / "losses.json", Losses(points=ended.losses))
        write_record(staged.folder / "familiar.json", familiar)
    return _result(job, task, model_id=staged.model_id, ended=ended)


class _Job:
    """One table's training, as the worker was told of it."""

    def __init__(self, spec: JobSpec, progress: Progress, started: float) -> None:
        self.spec, self.progress, self.started = spec, progress, started
        plan = read_record(spec.workspace.plan, Plan)
        if plan is None:
            raise PlanError(f"There must be a plan for the night {spec.night}, however {spec.workspace.plan} is gone.")
        self.plan, self.table = plan, plan.table(str(spec.table))

    @property
    def parent(self) -> Path | None:
        parent_id = self.spec.options.get("parent_id")
        return model_folder(self.spec.workspace, self.table.name, parent_id) if parent_id else None


class _Task(NamedTuple):
    """What is to be learned, and from what."""

    decided: Decided
    augmented: Augmented
    codec: TableCodec
    known: Known | None = None
    """The model to start from."""
    drift: Drift | None = None

    @property
    def n_context(self) -> int:
        return sum(len(self.codec.layout.of(c)) for c in self.augmented.context)


def _task(job: _Job) -> _Task:
    """Read the rows and settle what is done with them: drift, or what no warm start bridges, may change it."""
    spec, parent = job.spec, job.parent
    decided = Decided(decision=spec.options["decision"], reason=spec.options["reason"])
    if parent is None:
        return _cold(job, decided)
    known = Known.load(parent, device=spec.device)
    augmented, ids = _training_table(spec.workspace, job.plan, job.table, parent, seed=spec.seed)
    weighs = bool(spec.options.get("weigh_drift"))
    drift = measure_drift(known, augmented.table, seed=spec.seed) if weighs else None
    if drift is not None:
        decided = weigh(drift, job.plan.policy)
    if decided.decision == "reuse":
        return _Task(decided, augmented, known.codec, known, drift)
    if decided.decision == "retrain":
        return _cold(job, decided, drift)
    codec = _fit_codec(augmented, ids, job.plan, spec.seed, before=known.codec)
    task = _Task(decided, augmented, codec, known, drift)
    from synth_ops.model import carries_over  # torch is loaded in the worker, and nowhere else

    if carries_over(known.synthesizer, job.table.model, task.codec.layout, task.n_context):
        return task
    reason = f"{decided.reason}; the model before is of no use to what is learned now"
    return _cold(job, Decided(decision="retrain", reason=reason), drift)


def _cold(job: _Job, decided: Decided, drift: Drift | None = None) -> _Task:
    augmented, ids = _training_table(job.spec.workspace, job.plan, job.table, None, seed=job.spec.seed)
    return _Task(decided, augmented, _fit_codec(augmented, ids, job.plan, job.spec.seed), drift=drift)


def _result(job: _Job, task: _Task, *, model_id: str, ended: "Ended | None" = None) -> TrainedTable:
    fitted: Mapping[str, Any] = {}
    if ended is not None:
        fitted = {
            "n_epochs": ended.n_epochs,
            "loss": round(ended.loss, 4),
            "stopped_by": ended.stopped_by,
            "n_tries": ended.n_tries,
            "losses": ended.losses,
        }
    return TrainedTable(
        name=job.table.name,
        decision=task.decided.decision,
        reason=task.decided.reason,
        model_id=model_id,
        parent_id=job.spec.options["parent_id"] if task.known and ended else None,
        n_rows=task.augmented.table.num_rows,
        seconds=round(time.monotonic() - job.started, 3),
        drift=task.drift,
        **fitted,
    )


def _training_table(
    workspace: Workspace, plan: Plan, table: TablePlan, parent: Path | None, *, seed: int
) -> tuple[Augmented, Ids]:
    """Read the rows that the model may see, with what it is told of their relatives, and whose each is."""
    previous = read_record(parent / "relations.json", TableSpec) if parent else None
    mains = {table.name: previous.main.name if previous.main else None} if previous else None
    relations = Relations.of(plan, count_rows(workspace, plan), mains=mains)
    found = read_learning_rows(workspace, plan, table.name, relations, seed=seed)
    rows = found.real[table.name]
    main = relations.table(table.name).main
    read = reader_of(workspace, found.real)
    whose = look_whose(plan, table.name, rows, read, make_salt(workspace), main=main)
    keep = ~whose.held_out
    augmented = augment(
        plan, table.name, found.real, relations, keep=keep, previous=previous, whole=found.whole, ids=whose.ids
    )
    return augmented, whose.ids[keep]


def _fit_codec(
    augmented: Augmented, ids: Ids, plan: Plan, seed: int, *, before: TableCodec | None = None
) -> TableCodec:
    """Fit on tonight's rows: what is rare or extreme tonight is pooled tonight, with some grace for what was kept."""
    privacy = plan.privacy
    rules = FitRules(rare_below=privacy.rare_below, clip_extremes=privacy.clip_extremes, seed=seed)
    return TableCodec.fit(augmented.table, augmented.kinds, rules, ids=ids, before=before)


def _config(job: _Job, task: _Task) -> "TrainingConfig":
    from synth_ops.model import TrainingConfig  # torch is loaded in the worker, and nowhere else

    config = TrainingConfig(seed=job.spec.seed).within(job.table.time_budget_seconds)
    if task.known is None:
        return config
    visits = int(FINETUNE_SHARE * _cold_visits(task.known, config))
    warm = {"learning_rate": FINETUNE_RATE, "conditioning": FINETUNE_CONDITIONING}
    return config.model_copy(update={"max_row_visits": max(1, visits), **warm})


def _cold_visits(known: Known, config: "TrainingConfig") -> int:
    return known.familiar.cold_visits if known.familiar else type(config)().max_row_visits


def _fit(
    job: _Job, task: _Task, codes: NDArray[np.integer[Any]], config: "TrainingConfig"
) -> tuple["Synthesizer", "Ended"]:
    from synth_ops.model import Tick, fit_synthesizer  # torch is loaded in the worker, and nowhere else

    def watch(tick: Tick) -> None:
        job.progress(
            ProgressEvent(
                step="train",
                table=job.table.name,
                phase="epoch",
                epoch=tick.epoch,
                done=round(tick.done, 4),
                loss=round(tick.loss, 4),
                eta_seconds=round(tick.eta_seconds, 1),
            )
        )

    known = task.known
    return fit_synthesizer(
        job.table.model,
        codes,
        task.codec.layout,
        task.n_context,
        config,
        device=job.spec.device,
        start_from=known.synthesizer if known else None,
        codes_before=code_maps(task.codec, known.codec) if known else None,
        checkpoint=job.spec.workspace.work / f"{job.spec.stem}.checkpoint",
        watch=watch,
        began=job.started,
    )


def _familiar(job: _Job, task: _Task, config: "TrainingConfig", synthesizer: "Synthesizer", ended: "Ended") -> Familiar:
    """Ask the model of its own rows what it will be asked of rows to come."""
    sampled = sample_rows(task.augmented.table, job.spec.seed)
    known = synthesizer.log_likelihood(task.codec.encode(sampled), seed=job.spec.seed)
    visits = max((point.n_visits for point in ended.losses), default=1)
    return Familiar(
        nats=-float(known.mean()) if len(known) else 0.0,
        novelty=novelty(task.codec, sampled),
        cold_visits=_cold_visits(task.known, config) if task.known else max(1, visits),
    )
