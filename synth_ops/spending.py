"""What a training under a privacy budget costs, and what the ε ledger says of it."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from synth_ops.basis import basis_of, changes_between
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.policy import CODE_VERSION, Allowance, ModelFacts
from synth_ops.privacy.budget import budget_of, spending_of
from synth_ops.privacy.ledger import Charge, Ledger, Unit
from synth_ops.privacy.noise import secret_name
from synth_ops.records import Spent
from synth_ops.workspace import Workspace


def is_budgeted(plan: Plan, table: TablePlan) -> bool:
    """Tell whether the table's model is trained under a privacy budget."""
    return plan.privacy.epsilon is not None and table.mode == "synthesize"


def ledger_of(workspace: Workspace, table: str) -> Ledger:
    """Give the ledger of a table's rows."""
    return Ledger(workspace, Unit(table=table))


def charge_of(workspace: Workspace, plan: Plan, table: TablePlan, fingerprint: str) -> Charge:
    """Give the charge of training a table tonight: of the same plan, rows and noise, it is the same."""
    spending = spending_of(plan, table)
    words = [plan.hash, table.name, fingerprint, secret_name(workspace), spending.model_dump_json()]
    key = hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]
    delta = budget_of(plan.privacy)[1]
    return Charge(run=workspace.night, key=key, mechanisms=spending.mechanisms, delta=delta)


def allowance_of(
    workspace: Workspace, plan: Plan, table: TablePlan, fingerprint: str, latest: ModelFacts | None
) -> Allowance:
    """Ask the ledger for one more training.

    Raises:
        LedgerBroken: it is not as it was written, or knows nothing of the latest model.
    """
    ledger, delta = ledger_of(workspace, table.name), budget_of(plan.privacy)[1]
    if latest is not None and latest.charge is not None:
        ledger.require(latest.charge)
    charge = charge_of(workspace, plan, table, fingerprint)
    before, after = ledger.epsilon(delta, without=charge), ledger.epsilon(delta, besides=charge)
    return Allowance(total=before, after=after, most=plan.privacy.epsilon_max)


def can_reuse(plan: Plan, table: TablePlan, latest: ModelFacts | None, *, salt: str) -> bool:
    """Tell whether there is a model that a budget paid for, and that still fits the table."""
    if latest is None or latest.charge is None or latest.family != table.model:
        return False
    now = basis_of(plan, table, salt=salt)
    changes = changes_between(latest.basis.model_copy(update={"privacy": now.privacy}), now)
    is_readable = latest.code_version.split(".")[0] == CODE_VERSION.split(".", maxsplit=1)[0]
    return is_readable and not changes.forcing and not changes.surviving


@contextmanager
def paid_for(workspace: Workspace, plan: Plan, table: TablePlan, fingerprint: str) -> Iterator[Charge | None]:
    """Reserve what a training costs, and give the charge; None where the table has no budget.

    If the body raises, what no worker has charged is taken back, for then no row was read.

    Raises:
        LedgerBroken: the ledger is not as it was written.
    """
    if not is_budgeted(plan, table):
        yield None
        return
    ledger, charge = ledger_of(workspace, table.name), charge_of(workspace, plan, table, fingerprint)
    ledger.reserve(charge)
    try:
        yield charge
    except BaseException:
        ledger.void(charge)
        raise


def spent_on(workspace: Workspace, plan: Plan, table: TablePlan, *, trained: bool) -> Spent | None:
    """Give what a table's models have cost, tonight's among them; None where it has no budget.

    Raises:
        LedgerBroken: the ledger is not as it was written.
    """
    if not is_budgeted(plan, table):
        return None
    delta = budget_of(plan.privacy)[1]
    return Spent(
        epsilon=round(spending_of(plan, table).epsilon(delta), 6) if trained else 0.0,
        total=round(ledger_of(workspace, table.name).epsilon(delta), 6),
        delta=delta,
        most=plan.privacy.epsilon_max,
    )
