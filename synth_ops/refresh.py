"""One night's refresh. The order of the verbs is known here, and nowhere else.

The lock is taken once around a refresh, and around a single step when a person or an orchestrator takes one by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synth_ops import settings
from synth_ops.errors import GateRefused, PlanError
from synth_ops.plan.plan import Plan
from synth_ops.records import (
    Extracted,
    Progress,
    ProgressEvent,
    Published,
    Record,
    Refreshed,
    RefreshedTable,
    Sampled,
    Step,
    Trained,
    TrainedTable,
    Validated,
    blocking,
    no_progress,
)
from synth_ops.retention import forget
from synth_ops.schema import Database
from synth_ops.unchanged import is_there
from synth_ops.workspace import Workspace, check_night, read_record
from synth_ops.workspace.lock import Patience, locked

if TYPE_CHECKING:
    from synth_ops.plan import Config


@dataclass(frozen=True)
class Options:
    """What a person may ask of one run beyond the plan."""

    tables: tuple[str, ...] | None = None
    """Whose models may be learned anew; None is all."""
    device: str = "auto"
    accept_schema: bool = False
    """Go on although the schema differs from the last accepted night's."""
    wait_seconds: float = 0.0
    """How long to wait for another refresh of the dataset to end."""
    with_earlier: bool = False
    """Take what is not complete of the steps before, too."""
    refuse: bool = True
    """Raise where the gate refuses the copy, instead of giving its record."""


Verb = Callable[["Config", Workspace, Options, Progress], Record]


def _extract(config: "Config", workspace: Workspace, options: Options, progress: Progress) -> Record:
    from synth_ops.extract import extract  # each verb's libraries are loaded when it runs, not before

    return extract(config, workspace, progress=progress, accept_schema=options.accept_schema)


def _train(_config: "Config", workspace: Workspace, options: Options, progress: Progress) -> Record:
    from synth_ops.train import train

    return train(workspace, progress=progress, tables=options.tables, device=options.device)


def _sample(_config: "Config", workspace: Workspace, options: Options, progress: Progress) -> Record:
    from synth_ops.sample import sample

    return sample(workspace, progress=progress, device=options.device)


def _validate(_config: "Config", workspace: Workspace, options: Options, progress: Progress) -> Record:
    from synth_ops.validate import validate

    validated = validate(workspace, progress=progress)
    if validated.verdict != "PASS" and options.refuse:
        raise GateRefused(_refusal(validated))
    return validated


def _publish(_config: "Config", workspace: Workspace, _options: Options, progress: Progress) -> Record:
    from synth_ops.publish import publish

    return publish(workspace, progress=progress)


VERBS: Mapping[Step, Verb] = {
    "extract": _extract,
    "train": _train,
    "sample": _sample,
    "validate": _validate,
    "publish": _publish,
}
KINDS: Mapping[Step, type[Record]] = {
    "extract": Extracted,
    "train": Trained,
    "sample": Sampled,
    "validate": Validated,
    "publish": Published,
}


def refresh(
    config: "Config",
    night: str | None = None,
    *,
    tables: tuple[str, ...] | None = None,
    progress: Progress = no_progress,
    device: str = "auto",
    accept_schema: bool = False,
) -> Refreshed:
    """Make the night's snapshot, or find that it is made; a run that was stopped goes on where it was.

    Raises:
        GateRefused: the copy is not fit to publish; the report says why, and the last snapshot is untouched.
        Locked: another refresh of the dataset is under way.
        PlanError: the night is in the future, or the plan cannot be carried out.
    """
    return take_all(config, night, options=Options(tables, device, accept_schema), progress=progress)


def take_all(
    config: "Config", night: str | None = None, *, options: Options = Options(), progress: Progress = no_progress
) -> Refreshed:
    """Make the night's snapshot as `refresh` does, after whoever is at work on the dataset.

    Raises:
        SynthOpsError: as of `refresh`.
    """
    workspace = workspace_of(config, night)
    with locked(workspace, patience=_patience("extract", options, progress)):
        if _is_published(config, workspace):
            return _summary(workspace, "nothing to do")
        _check_place(config)
        _begin("extract", config, workspace)
        for step in VERBS:
            _take(step, config, workspace, options, progress)
        forget(workspace)
        return _summary(workspace, "published")


def take_step(
    step: Step,
    config: "Config",
    night: str | None = None,
    *,
    options: Options = Options(),
    progress: Progress = no_progress,
) -> Record:
    """Take one step of a night and give its record, as an orchestrator or a person does it by hand.

    Raises:
        PlanError: the step before it is not complete, and is not to be taken either.
        GateRefused: the copy is not fit to publish, unless the options say that its record is wanted all the same.
        Locked: another refresh of the dataset is under way.
    """
    workspace = workspace_of(config, night)
    with locked(workspace, patience=_patience(step, options, progress)):
        _begin("extract" if options.with_earlier else step, config, workspace)
        if options.with_earlier:
            _take_earlier(step, config, workspace, options, progress)
        _require_step_before(step, workspace)
        record = _take(step, config, workspace, options, progress)
        if step == "publish":
            forget(workspace)
        return record


def take_table(
    table: str,
    config: "Config",
    night: str | None = None,
    *,
    options: Options = Options(),
    progress: Progress = no_progress,
) -> TrainedTable:
    """Train one table of a night, beside others; `train` puts together later what they came to.

    Raises:
        PlanError: the table is not in the plan, or nothing is extracted and that is not to be done either.
        Locked: this table is being trained, or another step of the dataset is under way.
    """
    from synth_ops.train import train_table

    workspace = workspace_of(config, night)
    if options.with_earlier and not _is_extracted(config, workspace):  # its lock would wait for other tables
        take_step("extract", config, night, options=options, progress=progress)
    with locked(workspace, table=table, patience=_patience("train", options, progress)):
        if not options.with_earlier:
            _begin("train", config, workspace)
        _require_step_before("train", workspace)
        path = workspace.trained(table)
        before = _bytes_of(path)
        record = train_table(workspace, table, progress=progress, device=options.device)
        if _bytes_of(path) != before:
            _drop_records(workspace, _steps_from("train"))
        return record


def _patience(step: Step, options: Options, progress: Progress) -> Patience:
    def tell(who: str) -> None:
        progress(ProgressEvent(step=step, phase=f"waiting, for {who}"))

    return Patience(options.wait_seconds, tell)


def workspace_of(config: "Config", night: str | None = None) -> Workspace:
    """Give the workspace of a night, today's when none is named.

    Raises:
        PlanError: the night is malformed, or in the future.
    """
    today = settings.default_night()
    night = today if night is None else night
    check_night(night)
    if night > today:
        raise PlanError(f"A night must not be in the future, however {night} is later than today, {today}.")
    return Workspace(config.workspace, config.dataset, night)


def _check_place(config: "Config") -> None:
    """Refuse a place that nothing can be published to before the hours of work, not after them."""
    from synth_ops.publish.place import local_folder

    local_folder(config.publish)


def _begin(first: Step, config: "Config", workspace: Workspace) -> None:
    """Make the folders, and drop the records that no longer say what running again would give."""
    workspace.prepare()
    if _plan_changed(config, workspace):  # extract resolves the plan anew, and reads only what it must
        _drop_records(workspace, tuple(s for s in VERBS if (first, s) != ("extract", "extract")))


def _take_earlier(step: Step, config: "Config", workspace: Workspace, options: Options, progress: Progress) -> None:
    """Take the steps before; what is complete is only looked at. No table is learned that nobody asked for."""
    narrow = replace(options, tables=options.tables or ())
    for earlier in tuple(VERBS)[: tuple(VERBS).index(step)]:
        _take(earlier, config, workspace, narrow, progress)


def _take(step: Step, config: "Config", workspace: Workspace, options: Options, progress: Progress) -> Record:
    """Take a step; if it left another record than before, what the steps after it left holds no more."""
    path = workspace.record(step)
    before = _bytes_of(path)
    record = VERBS[step](config, workspace, options, progress)
    if _bytes_of(path) != before:
        _drop_records(workspace, _steps_from(step)[1:])
    return record


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _steps_from(step: Step) -> tuple[Step, ...]:
    steps = tuple(VERBS)
    return steps[steps.index(step) :]


def _drop_records(workspace: Workspace, steps: tuple[Step, ...]) -> None:
    for step in reversed(steps):
        workspace.record(step).unlink(missing_ok=True)


def _plan_changed(config: "Config", workspace: Workspace) -> bool:
    """Compare tonight's plan with what the configuration gives now on the same schema; the source is not asked."""
    from synth_ops.plan import resolve

    plan = read_record(workspace.plan, Plan)
    if plan is None:
        return False
    return resolve(config, Database(tables=tuple(t.table for t in plan.tables))).hash != plan.hash


def _is_extracted(config: "Config", workspace: Workspace) -> bool:
    return workspace.record("extract").is_file() and not _plan_changed(config, workspace)


def _is_published(config: "Config", workspace: Workspace) -> bool:
    published = read_record(workspace.record("publish"), Published)
    if published is None or _plan_changed(config, workspace):
        return False
    if is_there(published):
        return True
    workspace.record("publish").unlink()
    return False


def _require_step_before(step: Step, workspace: Workspace) -> None:
    steps = tuple(VERBS)
    if step == steps[0]:
        return
    before = steps[steps.index(step) - 1]
    if not workspace.record(before).is_file():
        raise PlanError(
            f"Before {step}, {before} must be complete, however the night {workspace.night} has no record of it."
            f" Run synth-ops {before} --night {workspace.night}, or synth-ops refresh for the whole chain."
        )


def _refusal(validated: Validated) -> str:
    refusing = blocking(validated.checks)
    lines = [f"- {c.table}: {c.name} ({c.verdict}): {c.prose}" for c in refusing]
    summary = (
        f"Every critical check must pass, however {len(refusing)} did not; the verdict is {validated.verdict}."
        f" The report shows why: {validated.report}"
    )
    return "\n".join((summary, *lines))


def _summary(workspace: Workspace, outcome: str) -> Refreshed:
    """Put together what a refresh came to from the records that its steps left."""
    records = {step: read_record(workspace.record(step), kind) for step, kind in KINDS.items()}
    validated, published = cast("Validated", records["validate"]), cast("Published", records["publish"])
    return Refreshed.model_validate(
        {
            "dataset": workspace.dataset,
            "night": workspace.night,
            "outcome": outcome,
            "verdict": validated.verdict,
            "snapshot": published.snapshot,
            "path": published.path,
            "report": validated.report,
            "tables": _rows(cast("Trained", records["train"]), cast("Sampled", records["sample"]), validated),
            "seconds": {step: getattr(record, "seconds", 0.0) for step, record in records.items()},
        }
    )


def _rows(trained: Trained, sampled: Sampled, validated: Validated) -> tuple[RefreshedTable, ...]:
    n_rows = {t.name: t.n_rows for t in sampled.tables}
    figures = validated.fidelity
    return tuple(
        RefreshedTable(
            name=t.name,
            n_rows=n_rows.get(t.name, 0),
            decision=t.decision,
            reason=t.reason,
            fidelity=figures.get(t.name, {}).get("observed"),
            floor=figures.get(t.name, {}).get("floor"),
            seconds=t.seconds,
        )
        for t in trained.tables
    )
