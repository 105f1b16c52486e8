"""The step that learns: for each table reuse, refresh or train its model, on a worker."""

import hashlib
import json
import time
from typing import NamedTuple

from synth_ops.basis import basis_of
from synth_ops.entities import entity_chain
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.personal import refuse_unsettled
from synth_ops.plan import Plan, TablePlan
from synth_ops.plan.problems import unknown
from synth_ops.policy import CODE_VERSION, Decided, ModelFacts, decide, within
from synth_ops.privacy.ledger import Charge
from synth_ops.privacy.noise import noise_secret
from synth_ops.records import Extracted, Progress, ProgressEvent, Record, Trained, TrainedTable, no_progress
from synth_ops.seeds import seed_of
from synth_ops.spending import allowance_of, can_reuse, is_budgeted, paid_for, spent_on
from synth_ops.verdicts import refusal_of
from synth_ops.worker import JobSpec, run_job
from synth_ops.workspace import Workspace, make_salt, read_record, salt_name, write_record
from synth_ops.workspace.models import is_whole


def train(
    workspace: Workspace,
    *,
    progress: Progress = no_progress,
    tables: tuple[str, ...] | None = None,
    device: str = "auto",
) -> Trained:
    """Give every synthesised table a model that suits tonight's rows, and leave ``trained.json``.

    Leaves each new model under ``private/models/<table>/<model id>``, ``latest.json`` beside it, and on the first
    night the workspace's ``private/salt``. What `train_table` did tonight, and still suits, is not done again.

    Args:
        workspace: tonight's, with its extract done.
        progress: told of each phase and epoch.
        tables: retrain or refresh these only; the others keep the model they have.
        device: where the workers compute.

    Raises:
        PlanError: a chosen table is not in the plan, or there is nothing extracted tonight.
        PersonalFound: extract found a column that looks personal, and nothing was said of it since.
        WorkerFailed: a worker died; run again to resume from its checkpoint.
    """
    started = time.monotonic()
    night = _night(workspace, progress, device)
    check_chosen(night.plan, tables)
    trained = tuple(
        _train_table(night, table, chosen=tables is None or table.name in tables) for table in night.plan.tables
    )
    done = read_record(workspace.record("train"), Trained)
    if done is not None and (done.tables, done.salt) == (trained, night.salt):
        return done
    seconds = max(time.monotonic() - started, sum(t.seconds for t in trained))
    record = Trained(night=workspace.night, tables=trained, salt=night.salt, seconds=round(seconds, 3))
    write_record(workspace.record("train"), record)
    return record


def train_table(
    workspace: Workspace, name: str, *, progress: Progress = no_progress, device: str = "auto"
) -> TrainedTable:
    """Give one table a model that suits tonight's rows, as `train` does for all of them.

    Leaves what `train` leaves of a table, and ``trained/<table>.json`` for `train` to take up. Different tables may be
    trained at the same time.

    Raises:
        PlanError: the table is not in the plan, or there is nothing extracted tonight.
        PersonalFound: extract found a column that looks personal, and nothing was said of it since.
        WorkerFailed: the worker died; run again to resume from its checkpoint.
    """
    night = _night(workspace, progress, device)
    check_chosen(night.plan, (name,))
    return _train_table(night, night.plan.table(name), chosen=True)


def _tonight(workspace: Workspace) -> tuple[Plan, Extracted]:
    plan = read_record(workspace.plan, Plan)
    extracted = read_record(workspace.record("extract"), Extracted)
    if plan is None or extracted is None:
        raise PlanError(
            f"Training must follow an extract of the same night, however night {workspace.night} has none."
            f" Run `synth-ops extract --night {workspace.night}` first, or `synth-ops refresh`."
        )
    refuse_unsettled(extracted.suspects, "synth.yaml")
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


def decide_table(
    workspace: Workspace,
    plan: Plan,
    table: TablePlan,
    extracted: Extracted,
    latest: ModelFacts | None,
    *,
    chosen: bool,
) -> Decided:
    """Ask the policy about one table: what extract found, what the latest model saw, what the gate said of it.

    Raises:
        BudgetSpent: a budget has no room for a training, and there is no model to go on with.
        LedgerBroken: nobody knows what is spent of it.
    """
    fingerprint, budgeted = fingerprint_for(plan, table, extracted), is_budgeted(plan, table)
    n_rows = _n_rows(extracted).get(table.name, 0)
    decided = decide(
        table,
        basis=basis_of(plan, table, salt=salt_name(workspace)),
        fingerprint=fingerprint,
        # Under a budget, neither exact counts nor what the gate saw of rows may decide what is done.
        n_rows=latest.n_rows if budgeted and latest else n_rows,
        latest=latest,
        chosen=chosen,
        refusal=None if budgeted else refusal_of(workspace, table.name),
    )
    if not budgeted:
        return decided
    allowance = allowance_of(workspace, plan, table, fingerprint, latest)
    return within(decided, allowance, can_reuse=can_reuse(plan, table, latest, salt=salt_name(workspace)))


def fingerprint_for(plan: Plan, table: TablePlan, extracted: Extracted) -> str:
    """Give a hash over all tables that shape this one's model: itself, its parents, its children, its entity's."""
    found = {t.name: t.fingerprint for t in extracted.tables}
    parents = {k.ref_table for k in table.foreign_keys}
    children = {t.name for t in plan.tables if any(k.ref_table == table.name for k in t.foreign_keys)}
    owners = {t.name for t in entity_chain(plan, table)}
    seen = sorted({table.name} | parents | children | owners)
    return hashlib.sha256(json.dumps([[n, found.get(n)] for n in seen]).encode()).hexdigest()


def _n_rows(extracted: Extracted) -> dict[str, int]:
    return {t.name: t.n_rows for t in extracted.tables}


def latest_model(workspace: Workspace, table: str) -> ModelFacts | None:
    """Give the newest model's facts, unless they or its folder are damaged, gone, or of a version before."""
    try:
        latest = read_record(workspace.models(table) / "latest.json", ModelFacts)
    except CorruptArtifact:
        return None
    return latest if latest and is_whole(workspace.models(table) / latest.model_id) else None


class _Night(NamedTuple):
    """What every table of one night shares."""

    workspace: Workspace
    plan: Plan
    extracted: Extracted
    device: str
    progress: Progress
    salt: str
    """Its name, for what a worker did under another salt is no result of its job."""


class _Tonight(Record):
    """What was done to a table tonight; training leaves it as ``trained/<table>.json``."""

    table: TrainedTable
    facts: ModelFacts | None = None
    """The model's, as they were when it was found fit; another night may have made a newer one since."""


def _night(workspace: Workspace, progress: Progress, device: str) -> _Night:
    plan, extracted = _tonight(workspace)
    return _Night(workspace, plan, extracted, device, progress, make_salt(workspace).name)


def _train_table(night: _Night, table: TablePlan, *, chosen: bool) -> TrainedTable:
    """Do what the policy says, unless it was done tonight."""
    path = night.workspace.trained(table.name)
    done = read_record(path, _Tonight)
    if done is not None and _still_suits(night, table, done, chosen=chosen):
        return done.table
    made = _decide_and_train(night, table, chosen=chosen)
    write_record(path, made)
    return made.table


def _still_suits(night: _Night, table: TablePlan, done: _Tonight, *, chosen: bool) -> bool:
    """Tell whether the policy, asked again, would leave the model as it is; and whether that is there, and whole."""
    decided = decide_table(night.workspace, night.plan, table, night.extracted, done.facts, chosen=chosen)
    if done.facts is None:
        return decided.decision == done.table.decision
    return decided.decision == "reuse" and is_whole(night.workspace.models(table.name) / done.facts.model_id)


def _decide_and_train(night: _Night, table: TablePlan, *, chosen: bool) -> _Tonight:
    workspace, plan, extracted = night.workspace, night.plan, night.extracted
    if is_budgeted(plan, table):
        noise_secret(workspace)  # a charge is named by it
    latest = latest_model(workspace, table.name)
    decided = decide_table(workspace, plan, table, extracted, latest, chosen=chosen)
    night.progress(ProgressEvent(step="train", table=table.name, phase=decided.decision))
    if decided.decision in ("copy", "skip"):
        return _Tonight(table=TrainedTable(name=table.name, decision=decided.decision, reason=decided.reason))
    if decided.decision == "reuse" and latest is not None:
        return _Tonight(table=_reused(night, table, decided, latest), facts=latest)
    return _train_in_worker(night, table, decided, latest)


def _reused(night: _Night, table: TablePlan, decided: Decided, latest: ModelFacts) -> TrainedTable:
    return TrainedTable(
        name=table.name,
        decision="reuse",
        reason=decided.reason,
        model_id=latest.model_id,
        parent_id=latest.parent_id,
        n_rows=latest.n_rows,
        spent=spent_on(night.workspace, night.plan, table, trained=False),
    )


def _train_in_worker(night: _Night, table: TablePlan, decided: Decided, latest: ModelFacts | None) -> _Tonight:
    workspace, plan = night.workspace, night.plan
    fingerprint, models = fingerprint_for(plan, table, night.extracted), workspace.models(table.name)
    with paid_for(workspace, plan, table, fingerprint) as charge:
        spec = _spec(night, table, decided, latest, charge)
        outcome = run_job(spec, progress=night.progress, still_holds=lambda r: is_whole(models / str(r["model_id"])))
    result = TrainedTable.model_validate(outcome)
    if result.decision == "reuse" and latest is not None:  # the worker weighed the drift
        facts = latest.model_copy(update={"fingerprint": fingerprint})
        result = result.model_copy(update={"parent_id": latest.parent_id, "n_rows": latest.n_rows})
    else:
        facts = ModelFacts(
            model_id=str(result.model_id),
            family=table.model,
            basis=basis_of(plan, table, salt=night.salt),
            fingerprint=fingerprint,
            n_rows=result.n_rows if charge else _n_rows(night.extracted)[table.name],
            code_version=CODE_VERSION,
            parent_id=result.parent_id,
            charge=charge.name if charge else None,
        )
        result = result.model_copy(update={"spent": spent_on(workspace, plan, table, trained=True)})
    write_record(models / "latest.json", facts)
    return _Tonight(table=result, facts=facts)


def _spec(
    night: _Night, table: TablePlan, decided: Decided, latest: ModelFacts | None, charge: Charge | None
) -> JobSpec:
    """Tell a worker all that it must know; equal specs share their result."""
    workspace, plan = night.workspace, night.plan
    fingerprint = fingerprint_for(plan, table, night.extracted)
    paid = {"charge": list(charge.name)} if charge else {}
    return JobSpec(
        job="train",
        root=str(workspace.root),
        dataset=workspace.dataset,
        night=workspace.night,
        table=table.name,
        device=night.device,
        seed=seed_of("train", plan.hash, fingerprint, table.name),
        options={
            "decision": decided.decision,
            "reason": decided.reason,
            "parent_id": latest.model_id if latest and decided.decision == "finetune" else None,
            "fingerprint": fingerprint,
            "weigh_drift": decided.weigh_drift,
            "salt": night.salt,
            **paid,
        },
    )
