from typing import Any

import pytest

from synth_ops.basis import Basis, ColumnBasis
from synth_ops.errors import BudgetSpent
from synth_ops.plan.plan import ColumnPlan, DriftLimits, Policy, TablePlan
from synth_ops.policy import Allowance, Decided, ModelFacts, Refusal, decide, weigh, within
from synth_ops.records import Drift
from synth_ops.schema import Column, Table

LEARNED = ColumnBasis(fate="learn", kind="auto", provider=None, type="[]")
BASIS = Basis(privacy="p", keys="k", children="c", has_key=True, columns={"a": LEARNED, "b": LEARNED, "c": LEARNED})
FACTS = ModelFacts(model_id="m", family="vae", basis=BASIS, fingerprint="f", n_rows=100, code_version="1")
OTHER_PRIVACY = BASIS.model_copy(update={"privacy": "q"})
ONE_MORE = BASIS.model_copy(update={"columns": {**BASIS.columns, "d": LEARNED}})
NEW_ROWS: dict[str, object] = {"fingerprint": "other"}


def table(**changes: object) -> TablePlan:
    source = Table(name="orders", columns=(Column(name="a", source_type="text", arrow_type="string"),))
    column = ColumnPlan.model_validate({"name": "a", "fate": "learn", "reason": "test"})
    return TablePlan(name="orders", columns=(column,), table=source).model_copy(update=changes)


def refused(decision: str, model_id: str = "m") -> dict[str, object]:
    return {"refusal": Refusal.model_validate({"model_id": model_id, "decision": decision, "checks": ("a check",)})}


def asked(facts: ModelFacts | None, tonight: dict[str, object]) -> dict[str, Any]:
    return {
        "basis": BASIS,
        "fingerprint": "f",
        "n_rows": 100,
        "latest": facts,
        "chosen": True,
        "code_version": "1",
    } | tonight


@pytest.mark.parametrize(
    ("facts", "tonight", "expected"),
    [
        (None, {}, "retrain"),
        (FACTS, {}, "reuse"),
        (FACTS, NEW_ROWS, "finetune"),
        (FACTS, NEW_ROWS | {"n_rows": 50}, "finetune"),
        (FACTS, NEW_ROWS | {"n_rows": 200}, "finetune"),
        (FACTS, NEW_ROWS | {"n_rows": 49}, "retrain"),
        (FACTS, NEW_ROWS | {"n_rows": 201}, "retrain"),
        (FACTS, NEW_ROWS | {"chosen": False}, "reuse"),
        (FACTS, {"basis": OTHER_PRIVACY, "chosen": False}, "retrain"),
        (FACTS, {"basis": ONE_MORE}, "finetune"),
        (FACTS, {"basis": ONE_MORE, "chosen": False}, "finetune"),
        (FACTS, {"basis": ONE_MORE, "n_rows": 201}, "retrain"),
        (FACTS, {"code_version": "2.0"}, "retrain"),
        (FACTS, {"code_version": "1.1"}, "reuse"),
        (FACTS.model_copy(update={"family": "gan"}), {}, "retrain"),
        (FACTS.model_copy(update={"n_rows": 0}), NEW_ROWS, "retrain"),
        (None, {"chosen": False}, "retrain"),
        (FACTS, refused("reuse"), "finetune"),
        (FACTS, refused("finetune"), "retrain"),
        (FACTS, refused("retrain"), "reuse"),
        (FACTS, refused("retrain") | NEW_ROWS, "finetune"),
        (FACTS, refused("reuse") | NEW_ROWS, "finetune"),
        (FACTS, refused("reuse") | NEW_ROWS | {"n_rows": 500}, "retrain"),
        (FACTS, refused("finetune", model_id="before"), "reuse"),
    ],
)
def test_decision(facts: ModelFacts | None, tonight: dict[str, object], expected: str) -> None:
    decided = decide(table(), **asked(facts, tonight))

    assert decided.decision == expected
    assert decided.reason


def test_drift_is_asked_only_where_nothing_but_rows_changed() -> None:
    def weighs(tonight: dict[str, object]) -> bool:
        return decide(table(), **asked(FACTS, tonight)).weigh_drift

    assert weighs(NEW_ROWS)
    others: list[dict[str, object]] = [{}, {"basis": ONE_MORE}, NEW_ROWS | refused("finetune")]
    assert not any(weighs(tonight) for tonight in [*others, NEW_ROWS | refused("retrain")])


def test_a_refused_training_says_that_it_was_not_repeated() -> None:
    reason = decide(table(), **asked(FACTS, refused("retrain"))).reason

    assert "a check" in reason
    assert "would change nothing" in reason


@pytest.mark.parametrize("mode", ["copy", "skip"])
def test_mode_decides_before_any_model(mode: str) -> None:
    assert decide(table(mode=mode), **asked(FACTS, {})).decision == mode


@pytest.mark.parametrize(
    ("novelty", "nats", "expected"),
    [
        (0.0, 0.0, "reuse"),
        (0.009, -0.04, "reuse"),
        (0.0, -0.2, "finetune"),
        (0.0, -0.91, "retrain"),
        (0.01, 0.0, "finetune"),
        (0.0, 0.05, "finetune"),
        (0.4, 0.9, "finetune"),
        (0.41, 0.0, "retrain"),
        (0.0, 0.91, "retrain"),
    ],
)
def test_drift_is_weighed_against_the_plan(novelty: float, nats: float, expected: str) -> None:
    least, most = DriftLimits(novelty=0.01, nats=0.05), DriftLimits(novelty=0.4, nats=0.9)
    drift = Drift(novelty=novelty, column="total", nats=nats)

    decided = weigh(drift, Policy(reuse_below=least, retrain_above=most))

    assert decided.decision == expected
    assert "'total'" in decided.reason


ENOUGH, SPENT = Allowance(total=3.0, after=4.2, most=5.0), Allowance(total=4.2, after=5.1, most=5.0)
CHANGED = Decided(decision="finetune", reason="rows went from 100 to 130", weigh_drift=True)


@pytest.mark.parametrize("decision", ["reuse", "copy", "skip"])
def test_budget_has_no_say_in_what_costs_nothing(decision: str) -> None:
    decided = Decided.model_validate({"decision": decision, "reason": "r"})

    assert within(decided, SPENT, can_reuse=False) == decided


def test_under_a_budget_models_are_trained_anew_and_no_drift_is_looked_at() -> None:
    decided = within(CHANGED, ENOUGH, can_reuse=True)

    assert decided == Decided(decision="retrain", reason="rows changed; ε 3 becomes 4.2")


def test_at_the_cap_the_last_model_is_sampled_again() -> None:
    decided = within(CHANGED, SPENT, can_reuse=True)

    assert decided.decision == "reuse"
    assert decided.reason == (
        "rows changed, however ε is 4.2 of at most 5, and one more training would make it 5.1:"
        " the last model is sampled again, which costs nothing"
    )


def test_at_the_cap_without_a_model_training_is_refused() -> None:
    with pytest.raises(
        BudgetSpent, match=r"4\.2 of at most 5, .* 5\.1, and there is no model .*privacy\.epsilon_max"
    ) as error:
        within(CHANGED, SPENT, can_reuse=False)
    assert error.value.exit_code == 2


def test_without_a_cap_there_is_always_enough() -> None:
    assert within(CHANGED, Allowance(total=90.0, after=93.0, most=None), can_reuse=False).decision == "retrain"
