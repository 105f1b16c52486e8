import re
from pathlib import Path

import pytest

from synth_ops.basis import basis_of, changes_between
from synth_ops.errors import PlanError
from synth_ops.plan import Plan, load_config, resolve
from synth_ops.schema import Column, Database, ForeignKey, Table

HEAD = "dataset: shop\nsource: ${SHOP_URL}\npublish: out\n"
BUDGET = "privacy:\n  epsilon: 3\n  delta: 1e-6\n"
USERS = Table(
    name="users",
    columns=(
        Column(name="id", source_type="integer", arrow_type="int64", nullable=False),
        Column(name="email", source_type="text", arrow_type="string"),
        Column(name="note", source_type="text", arrow_type="string"),
        Column(name="code", source_type="text", arrow_type="string"),
    ),
    primary_key=("id",),
    unique=(("code",),),
)
ORDERS = Table(
    name="orders",
    columns=(
        Column(name="id", source_type="integer", arrow_type="int64", nullable=False),
        Column(name="user_id", source_type="integer", arrow_type="int64"),
        Column(name="total", source_type="double", arrow_type="double"),
    ),
    primary_key=("id",),
    foreign_keys=(ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",)),),
)


def planned(folder: Path, text: str = BUDGET) -> Plan:
    path = folder / "synth.yaml"
    path.write_text(HEAD + text)
    return resolve(load_config(path), Database(tables=(USERS, ORDERS)))


def test_budget_is_read_and_resolved(tmp_path: Path) -> None:
    privacy = planned(tmp_path, f"{BUDGET}  epsilon_max: 10\n").privacy

    assert (privacy.epsilon, privacy.delta, privacy.epsilon_max) == (3.0, 1e-6, 10.0)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("privacy:\n  rare_below: 5\n  epsilon: 3\n", 6, "privacy.epsilon must stand beside privacy.delta"),
        ("privacy:\n  rare_below: 5\n  delta: 1e-6\n", 6, "privacy.delta must stand beside privacy.epsilon"),
        ("privacy:\n  epsilon_max: 9\n", 5, "privacy.epsilon_max must stand beside privacy.epsilon"),
        (f"{BUDGET}  epsilon_max: 2\n", 7, "privacy.epsilon_max must be at least privacy.epsilon, 3, .* however: 2"),
        ("privacy:\n  epsilon: 0\n  delta: 1e-6\n", 5, "privacy.epsilon must be more than 0"),
        ("privacy:\n  epsilon: 3\n  delta: 0.01\n", 6, "privacy.delta must be at most 0.0001"),
        ("privacy:\n  epsilon: 3\n  delta: tiny\n", 6, "privacy.delta must be a number, however: 'tiny'"),
        (f"{BUDGET}tables:\n  orders:\n    rows: 10\n    model: gan\n", 10, "tables.orders.model must be vae under"),
        (f"{BUDGET}defaults:\n  rows: 1.0\n  model: gan\n", 9, "defaults.model must be vae under privacy.epsilon"),
        (
            f"{BUDGET}tables:\n  orders:\n    columns:\n      total:\n        copy: true\n",
            11,
            "tables.orders.columns.total.copy must be left out under privacy.epsilon",
        ),
    ],
)
def test_what_no_budget_pays_for_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(PlanError, match=rf"synth\.yaml:{line}: {words}"):
        planned(tmp_path, text)


def test_gan_is_refused_only_where_it_is_trained(tmp_path: Path) -> None:
    """A copied table has no model, and reference data is published by an explicit word."""
    text = "defaults: {model: gan}\ntables:\n  users: {mode: copy, model: gan}\n  orders: {model: vae}\n"

    assert planned(tmp_path, BUDGET + text).table("users").mode == "copy"


def test_reasons_say_what_a_budget_changes(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    reasons = {(t.name, c.name): c.reason for t in plan.tables for c in t.columns}

    assert reasons["users", "id"] == "primary key; under privacy.epsilon nothing of the original is read"
    assert reasons["orders", "total"] == "double column; under privacy.epsilon by noisy counts and gradients"
    assert reasons["users", "email"] == "looks like an e-mail address"
    assert re.search("; under privacy.epsilon parents are drawn evenly", reasons["orders", "user_id"])


def test_cap_is_no_part_of_what_a_model_is_made_by_and_the_budget_is(tmp_path: Path) -> None:
    plans = [
        planned(tmp_path, text)
        for text in ("", BUDGET, f"{BUDGET}  epsilon_max: 10\n", BUDGET.replace("epsilon: 3", "epsilon: 2"))
    ]
    without, three, capped, two = (basis_of(p, p.table("users"), salt="") for p in plans)

    assert changes_between(three, capped).forcing == ""
    assert all(changes_between(three, other).forcing for other in (without, two))
