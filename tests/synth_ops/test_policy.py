import pytest

from synth_ops.plan.plan import ColumnPlan, Plan, Privacy, TablePlan
from synth_ops.policy import ModelFacts, decide, table_hash
from synth_ops.schema import Column, ForeignKey, Table

FACTS = ModelFacts(model_id="m", family="vae", table_hash="h", fingerprint="f", n_rows=100, code_version="1")


def table(name: str = "orders", *, kind: str = "auto", parent: str | None = None, **changes: object) -> TablePlan:
    keys = (ForeignKey(columns=("a",), ref_table=parent, ref_columns=("a",)),) if parent else ()
    source = Table(name=name, columns=(Column(name="a", source_type="text", arrow_type="string"),), foreign_keys=keys)
    column = ColumnPlan.model_validate({"name": "a", "fate": "learn", "kind": kind, "reason": "test"})
    plan = TablePlan(name=name, columns=(column,), table=source, foreign_keys=keys)
    return plan.model_copy(update=changes)


def plan(*tables: TablePlan, rare_below: int = 10) -> Plan:
    privacy = Privacy(rare_below=rare_below)
    return Plan(dataset="shop", source="", publish="", expectations="", privacy=privacy, tables=tables)


@pytest.mark.parametrize(
    ("facts", "tonight", "expected"),
    [
        (None, {}, "retrain"),
        (FACTS, {}, "reuse"),
        (FACTS, {"fingerprint": "other"}, "finetune"),
        (FACTS, {"fingerprint": "other", "n_rows": 50}, "finetune"),
        (FACTS, {"fingerprint": "other", "n_rows": 200}, "finetune"),
        (FACTS, {"fingerprint": "other", "n_rows": 49}, "retrain"),
        (FACTS, {"fingerprint": "other", "n_rows": 201}, "retrain"),
        (FACTS, {"fingerprint": "other", "chosen": False}, "reuse"),
        (FACTS, {"table_hash": "other", "chosen": False}, "retrain"),
        (FACTS, {"code_version": "2.0"}, "retrain"),
        (FACTS, {"code_version": "1.1"}, "reuse"),
        (FACTS.model_copy(update={"family": "gan"}), {}, "retrain"),
        (FACTS.model_copy(update={"n_rows": 0}), {"fingerprint": "other"}, "retrain"),
        (None, {"chosen": False}, "retrain"),
    ],
)
def test_decision(facts: ModelFacts | None, tonight: dict[str, object], expected: str) -> None:
    asked = {"table_hash": "h", "fingerprint": "f", "n_rows": 100, "latest": facts, "chosen": True} | tonight
    decided = decide(table(), **asked)  # type: ignore[arg-type] # a dict of keywords

    assert decided.decision == expected
    assert decided.reason


@pytest.mark.parametrize("mode", ["copy", "skip"])
def test_mode_decides_before_any_model(mode: str) -> None:
    decided = decide(table(mode=mode), table_hash="", fingerprint="", n_rows=1, latest=FACTS, chosen=True)

    assert decided.decision == mode


def test_hash_follows_what_shapes_the_matrix_and_nothing_else() -> None:
    base = plan(table())
    same = plan(table(rows=2.0, time_budget_seconds=5.0), table("else"))
    others = [plan(table(kind="text")), plan(table(key_offset=9)), plan(table(), rare_below=3)]

    assert table_hash(same, same.table("orders")) == table_hash(base, base.table("orders"))
    assert all(table_hash(o, o.table("orders")) != table_hash(base, base.table("orders")) for o in others)


def test_hash_follows_parents_columns_and_childrens_keys() -> None:
    before = plan(table("users"), table(parent="users"))
    other_parent = plan(table("users", kind="text"), table(parent="users"))
    no_child = plan(table("users"), table())

    assert table_hash(before, before.table("orders")) != table_hash(other_parent, other_parent.table("orders"))
    assert table_hash(before, before.table("users")) != table_hash(no_child, no_child.table("users"))
