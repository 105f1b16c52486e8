"""What tonight costs, table by table: reuse, refresh or retrain. Pure functions of a few facts."""

from collections.abc import Mapping

from synth_ops.basis import Basis, changes_between
from synth_ops.errors import BudgetSpent
from synth_ops.plan.plan import Family, Policy, TablePlan
from synth_ops.records import Decision, Drift, Record

CODE_VERSION = "5"
"""Its first number is raised when models of an older version can no longer be read."""
FINETUNE_RATIOS = (0.5, 2.0)
"""A model is refreshed while the table's rows are within these ratios of what it saw."""
_STEPS: tuple[Decision, ...] = ("reuse", "finetune", "retrain")
_WAS: Mapping[Decision, str] = {"reuse": "reused", "finetune": "refreshed", "retrain": "trained anew"}


class ModelFacts(Record):
    """What is known of a table's latest model; training leaves it as ``latest.json`` beside the models."""

    model_id: str
    family: Family
    basis: Basis
    """What of the plan it was made by."""
    fingerprint: str
    """Of the rows, of all tables that shape it, of the last night on which it was found fit."""
    n_rows: int
    """Rows of the table when it was made."""
    code_version: str
    parent_id: str | None = None
    """The model that it was warm-started from."""
    charge: tuple[str, str] | None = None
    """The line of the ε ledger that paid for it, by run and key; None where it was trained without a budget."""


class Refusal(Record):
    """The gate's word on the copy of a table's model; validating leaves it as ``refused.json`` beside the models."""

    model_id: str
    decision: Decision
    """The most that was done for the copies of this model that were refused."""
    checks: tuple[str, ...]
    """Names of the checks that failed, of those that a model can be blamed for."""


class Decided(Record):
    """What is done to one table tonight."""

    decision: Decision
    reason: str
    weigh_drift: bool = False
    """Whether what is new in the rows may yet make it less or more: where nothing but rows changed."""


def decide(  # noqa: PLR0913 — each is a fact of its own, by keyword
    table: TablePlan,
    *,
    basis: Basis,
    fingerprint: str,
    n_rows: int,
    latest: ModelFacts | None,
    chosen: bool,
    refusal: Refusal | None = None,
    code_version: str = CODE_VERSION,
) -> Decided:
    """Decide from the plan, from what was found tonight, and from what the latest model saw and came to.

    A table that is not `chosen`, for a person named others, keeps a model that can still be used.
    """
    if table.mode != "synthesize":
        return Decided(decision=table.mode, reason="as synth.yaml says")
    if latest is None:
        return Decided(decision="retrain", reason="no model yet")
    changes = changes_between(latest.basis, basis)
    outdated = _outdated(table, latest, code_version) or changes.forcing
    if outdated:
        return Decided(decision="retrain", reason=outdated)
    if not chosen and not changes.surviving:
        return Decided(decision="reuse", reason="not among the chosen tables")
    natural = _by_rows(n_rows, latest.n_rows)
    if natural.decision == "finetune" and changes.surviving:
        natural = Decided(decision="finetune", reason=changes.surviving)
    elif fingerprint == latest.fingerprint and not changes.surviving:
        natural = Decided(decision="reuse", reason="nothing changed")
    return _heed(natural, refusal if refusal and refusal.model_id == latest.model_id else None)


class Allowance(Record):
    """What the ε ledger says of one more training."""

    total: float
    """ε that is spent already."""
    after: float
    """ε with one more training."""
    most: float | None
    """`privacy.epsilon_max`."""

    @property
    def is_enough(self) -> bool:
        """Tell whether the training may be done."""
        return self.most is None or self.after <= self.most


def within(decided: Decided, allowance: Allowance, *, can_reuse: bool) -> Decided:
    """Keep to the budget: no warm start, no second look at rows, and at the cap the last model once more.

    `can_reuse` says whether there is one that a budget paid for and whose columns still are the table's.

    Raises:
        BudgetSpent: there is none, and nothing left to train one.
    """
    if decided.decision not in ("finetune", "retrain"):
        return decided
    reason = "rows changed" if decided.weigh_drift or decided.decision == "finetune" else decided.reason
    if allowance.is_enough:
        return Decided(decision="retrain", reason=f"{reason}; ε {allowance.total:.3g} becomes {allowance.after:.3g}")
    spent = f"ε is {allowance.total:.3g} of at most {allowance.most:g}, and one more training would make it"
    if can_reuse:
        why = f"{reason}, however {spent} {allowance.after:.3g}: the last model is sampled again, which costs nothing"
        return Decided(decision="reuse", reason=why)
    raise BudgetSpent(
        f"A training must fit in privacy.epsilon_max, however {spent} {allowance.after:.3g}, and there is no model to"
        " sample again. Raise privacy.epsilon_max in synth.yaml, if whoever answers for these rows agrees, or give the"
        " table mode: skip."
    )


def weigh(drift: Drift, policy: Policy) -> Decided:
    """Decide by how much of tonight's rows is new to the model, where nothing but rows changed."""
    found = f"{drift.novelty:.2%} of the values of {drift.column!r} are new to the model" if drift.column else ""
    found = ", ".join(filter(None, [found, f"{drift.nats:+.4f} nats per column"]))
    least, most = policy.reuse_below, policy.retrain_above
    shift = abs(drift.nats)  # rows that are easier to predict than before are another mixture too
    if drift.novelty > most.novelty or shift > most.nats:
        return Decided(decision="retrain", reason=f"rows drifted far: {found}")
    if drift.novelty < least.novelty and shift < least.nats:
        return Decided(decision="reuse", reason=f"rows changed and say nothing new: {found}")
    return Decided(decision="finetune", reason=f"rows changed: {found}")


def _outdated(table: TablePlan, latest: ModelFacts, code_version: str) -> str:
    """Say why the model cannot be gone on from, whatever the rows are; empty where it can."""
    if latest.family != table.model:
        return f"the model is to be a {table.model}, and was a {latest.family}"
    if latest.code_version.split(".")[0] != code_version.split(".", maxsplit=1)[0]:
        return "the model was made by a version that is not read any more"
    return ""


def _by_rows(n_rows: int, n_seen: int) -> Decided:
    low, high = FINETUNE_RATIOS
    if n_seen and low <= n_rows / n_seen <= high:
        return Decided(decision="finetune", reason="rows changed", weigh_drift=True)
    return Decided(decision="retrain", reason=f"rows went from {n_seen:,} to {n_rows:,}")


def _heed(natural: Decided, refusal: Refusal | None) -> Decided:
    """Go one step above what was done for a copy that the gate refused; above a training there is none."""
    if refusal is None or natural.decision == "retrain":
        return natural
    blamed = f"the gate refused the copy of the model that was {_WAS[refusal.decision]}: {', '.join(refusal.checks)}"
    if refusal.decision != _STEPS[-1]:
        return Decided(decision=_STEPS[_STEPS.index(refusal.decision) + 1], reason=blamed)
    if natural.decision == "reuse":
        return Decided(decision="reuse", reason=f"{blamed}; training again on the same rows would change nothing")
    return natural.model_copy(update={"weigh_drift": False})
