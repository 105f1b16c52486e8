"""The gate's own test: an honest copy passes, and each way of spoiling it is caught by the check that should."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.plan.plan import Entity, Plan
from tests.synth_ops.expectations.shop import Shop, draw_shop, honest_copy, judge, refusals, shop_plan, with_column

Spoiler = Callable[[Shop, Shop], pa.Table]


@pytest.fixture(scope="module")
def real() -> Shop:
    return draw_shop(1)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return shop_plan(tmp_path / "shop")


def shuffle_columns(copy: Shop, _real: Shop) -> pa.Table:
    rng = np.random.default_rng(0)
    orders = copy["orders"]
    for name in ("status", "amount", "items", "paid_at"):
        orders = with_column(orders, name, orders[name].take(rng.permutation(orders.num_rows)))
    return orders


def multiply(copy: Shop, _real: Shop) -> pa.Table:
    amount = pa.compute.multiply(copy["orders"]["amount"], 1000.0)
    return with_column(copy["orders"], "amount", amount)


def drop_a_mode(copy: Shop, _real: Shop) -> pa.Table:
    status = copy["orders"]["status"].to_pandas().replace("sent", "paid")
    return with_column(copy["orders"], "status", pa.chunked_array([pa.array(status, pa.string())]))


def insert_nulls(copy: Shop, _real: Shop) -> pa.Table:
    rng = np.random.default_rng(0)
    orders = copy["orders"]
    keep = pa.array(rng.random(orders.num_rows) >= 0.1)
    return with_column(
        orders, "items", pa.chunked_array([pa.compute.if_else(keep, orders["items"].combine_chunks(), None)])
    )


def repeat_a_key(copy: Shop, _real: Shop) -> pa.Table:
    ids = copy["orders"]["id"].to_numpy().copy()
    ids[1] = ids[0]
    return with_column(copy["orders"], "id", pa.chunked_array([ids]))


def orphan_a_row(copy: Shop, _real: Shop) -> pa.Table:
    owners = copy["orders"]["user_id"].to_numpy().copy()
    owners[0] = -1
    return with_column(copy["orders"], "user_id", pa.chunked_array([owners]))


def bunch_children(copy: Shop, _real: Shop) -> pa.Table:
    owners = copy["users"]["id"].to_numpy()
    crowd = np.resize(owners[: len(owners) // 3], copy["orders"].num_rows)
    return with_column(copy["orders"], "user_id", pa.chunked_array([crowd]))


def copy_production(copy: Shop, real: Shop) -> pa.Table:
    rows = real["orders"]
    owners = np.resize(copy["users"]["id"].to_numpy(), rows.num_rows)
    return with_column(rows, "user_id", pa.chunked_array([owners]))


def change_a_type(copy: Shop, _real: Shop) -> pa.Table:
    return with_column(copy["orders"], "items", copy["orders"]["items"].cast(pa.int32()))


def lose_a_column(copy: Shop, _real: Shop) -> pa.Table:
    return copy["orders"].drop_columns(["status"])


def lose_half_the_rows(copy: Shop, _real: Shop) -> pa.Table:
    return copy["orders"].slice(0, copy["orders"].num_rows // 2)


def invent_a_label(copy: Shop, _real: Shop) -> pa.Table:
    status = copy["orders"]["status"].to_numpy(zero_copy_only=False).copy()
    status[: len(status) // 20] = "teapot"
    return with_column(copy["orders"], "status", pa.chunked_array([pa.array(status, pa.string())]))


SPOILERS: Mapping[Spoiler, set[str]] = {
    shuffle_columns: {"expect_column_pairs_to_match_reference"},
    multiply: {
        "expect_column_values_to_be_within_common_range(amount)",
        "expect_column_shape_to_match_reference(amount)",
        "expect_table_to_be_indistinguishable",
    },
    drop_a_mode: {"expect_column_shape_to_match_reference(status)"},
    insert_nulls: {"expect_column_nulls_to_match_reference(items)"},
    repeat_a_key: {"expect_column_values_to_be_unique(id)"},
    orphan_a_row: {"expect_foreign_key_to_resolve(user_id->users)"},
    bunch_children: {"expect_children_per_parent_to_match(user_id->users)"},
    copy_production: {"expect_no_record_to_be_copied"},
    change_a_type: {"expect_table_columns_to_match_source"},
    lose_a_column: {"expect_table_columns_to_match_source", "expect_column_shape_to_match_reference(status)"},
    lose_half_the_rows: {"expect_table_row_count_to_match_plan"},
    invent_a_label: {"expect_column_categories_to_be_known(status)"},
}
"""What each must be refused by, of the checks of orders."""


def test_an_honest_copy_passes(tmp_path: Path, real: Shop) -> None:
    checks = judge(shop_plan(tmp_path / "shop", public=None), real, honest_copy(real))

    assert [c.prose for c in checks if c.verdict != "PASS" and c.severity == "critical"] == []
    assert len([c for c in checks if c.group == "privacy" and c.verdict == "PASS"]) >= 10


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_spoilt_copy_is_refused_by_the_checks_that_should(plan: Plan, real: Shop, spoil: Spoiler) -> None:
    if spoil is copy_production:
        plan = shop_plan(Path(plan.expectations), public=None)
    copy = honest_copy(real)
    copy["orders"] = spoil(copy, real)

    assert {f"orders: {check}" for check in SPOILERS[spoil]} <= refusals(judge(plan, real, copy))


def test_a_rare_label_of_production_is_refused(plan: Plan, real: Shop) -> None:
    shops = [dict(real), honest_copy(real)]
    for shop in shops:
        tiers = shop["users"]["tier"].to_numpy(zero_copy_only=False).copy()
        tiers[:5] = "royal"
        shop["users"] = with_column(shop["users"], "tier", pa.chunked_array([pa.array(tiers, pa.string())]))

    assert refusals(judge(plan, *shops)) == {"users: expect_column_categories_to_not_be_rare(tier)"}


def test_a_label_of_one_users_many_orders_is_refused(plan: Plan, real: Shop) -> None:
    """Of forty orders that hold it, all are one user's; were they anyone's, the label would be common."""
    shops = [dict(real), honest_copy(real)]
    for shop in shops:
        status, owner = (shop["orders"][c].to_numpy(zero_copy_only=False).copy() for c in ("status", "user_id"))
        status[:40], owner[:40] = "teapot", owner[0]
        orders = with_column(shop["orders"], "status", pa.chunked_array([pa.array(status, pa.string())]))
        shop["orders"] = with_column(orders, "user_id", pa.chunked_array([owner]))
    users, orders = plan.tables
    owned = orders.model_copy(update={"entity": Entity(columns=("user_id",), through=orders.foreign_keys[0])})
    by_user = plan.model_copy(update={"tables": (users, owned)})
    rare = "orders: expect_column_categories_to_not_be_rare(status)"

    assert rare in refusals(judge(by_user, *shops))
    assert rare not in refusals(judge(plan, *shops))


def test_too_few_rows_make_the_gate_abstain(plan: Plan, real: Shop) -> None:
    judge(plan, real, honest_copy(real))
    few = {name: rows.slice(0, 300) for name, rows in real.items()}

    checks = judge(plan, few, few)

    shape = next(c for c in checks if c.name == "expect_column_shape_to_match_reference(tier)")
    assert shape.verdict == "ABSTAIN"
    assert "100 are needed" in shape.prose


def test_suites_of_small_tables_hold_structure_only(plan: Plan, real: Shop) -> None:
    few = {name: rows.slice(0, 300) for name, rows in real.items()}
    few["users"] = real["users"]

    judge(plan, few, few)

    suite = json.loads((Path(plan.expectations) / "orders.json").read_text())
    assert "too few for statistics" in suite["notes"]
    assert not any("follow_on_average" in e["type"] for e in suite["expectations"])


def test_a_database_without_rows_passes(plan: Plan, real: Shop) -> None:
    empty = {name: rows.slice(0, 0) for name, rows in real.items()}

    assert [c.prose for c in judge(plan, empty, empty) if c.verdict != "PASS"] == []


def test_a_copied_table_is_held_to_its_structure(plan: Plan, real: Shop) -> None:
    users = plan.table("users").model_copy(update={"mode": "copy"})
    plan = plan.model_copy(update={"tables": (users, plan.table("orders"))})
    copy = honest_copy(real) | {"users": real["users"]}
    owners = np.resize(real["users"]["id"].to_numpy(), copy["orders"].num_rows)
    copy["orders"] = with_column(copy["orders"], "user_id", pa.chunked_array([owners]))

    checks = judge(plan, real, copy)

    assert {c.verdict for c in checks if c.table == "users"} == {"PASS"}
    assert "orders: expect_foreign_key_to_resolve(user_id->users)" not in refusals(checks)
