"""Families stay together, sides never change, and no one without the salt can tell them."""

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.entities import ReadColumns, entity_chain, entity_ids, naming_columns
from synth_ops.holdout import Whose, holdout_mask, look_whose
from synth_ops.plan.plan import Entity, Plan, TablePlan
from synth_ops.schema import ForeignKey
from synth_ops.workspace import Salt
from tests.synth_ops.relate.databases import Real, key, plan_of, rows_of, table

SALT, OTHER = Salt(b"one" * 10), Salt(b"two" * 10)
N_USERS = 500
TO_USERS, TO_ORDERS = key("user_id", "users", "id"), key("order_id", "orders", "id")


def through(planned: TablePlan, foreign_key: ForeignKey) -> TablePlan:
    return planned.model_copy(update={"entity": Entity(columns=foreign_key.columns, through=foreign_key)})


def named(planned: TablePlan, *columns: str) -> TablePlan:
    return planned.model_copy(update={"entity": Entity(columns=columns)})


def family() -> tuple[Plan, Real]:
    """Give users, their orders (some of nobody), and the items of orders; no item says whose it is."""
    rng = np.random.default_rng(0)
    owners = pa.array(rng.integers(0, N_USERS, 1500), pa.int32(), mask=np.arange(1500) % 50 == 0)
    real = {
        "users": rows_of("id", id=np.arange(N_USERS)),
        "orders": rows_of("id", id=np.arange(1500), user_id=owners),
        "items": rows_of("id,order_id", id=np.arange(4000), order_id=rng.integers(0, 1500, 4000)),
    }
    tables = (
        table("users", real["users"], "id"),
        through(table("orders", real["orders"], "id", [TO_USERS]), TO_USERS),
        through(table("items", real["items"], "id", [TO_ORDERS]), TO_ORDERS),
    )
    return plan_of(*tables), real


def reader(real: Real) -> ReadColumns:
    return lambda name, columns: real[name].select(list(columns or real[name].column_names))


def looked(plan: Plan, real: Real, name: str, salt: Salt = SALT, main: ForeignKey | None = None) -> Whose:
    return look_whose(plan, name, real[name], reader(real), salt, main=main)


def test_a_chain_of_two_levels_keeps_families_together() -> None:
    plan, real = family()
    users, orders, items = (looked(plan, real, name) for name in ("users", "orders", "items"))
    user_of, order_of = real["orders"].column("user_id").to_pylist(), real["items"].column("order_id").to_pylist()

    assert all(orders.ids[i] == users.ids[u] for i, u in enumerate(user_of) if u is not None)
    assert (items.ids == orders.ids[order_of]).all()
    assert (items.held_out == orders.held_out[order_of]).all()
    assert 0.15 < users.held_out.mean() < 0.25


def test_a_row_without_a_parent_is_an_entity_of_its_own() -> None:
    plan, real = family()
    ids = looked(plan, real, "orders").ids
    lone = real["orders"].column("user_id").is_null().to_numpy()

    assert len(np.unique(ids[lone])) == lone.sum()
    assert not np.isin(ids[lone], ids[~lone]).any()
    assert not np.isin(ids[lone], looked(plan, real, "users").ids).any()


def test_orphans_of_one_parent_are_one_entity() -> None:
    plan, real = family()
    items = rows_of("id,order_id", id=[1, 2, 3], order_id=[9001, 9001, 9002])

    first, same, other = entity_ids(plan, "items", items, reader(real), SALT)

    assert first == same != other


def test_rows_that_come_never_move_an_entity_to_the_other_side() -> None:
    plan, real = family()
    more = {n: pa.concat_tables([rows.slice(100), rows.slice(0, 100), rows]) for n, rows in real.items()}

    for name in real:
        before, after = looked(plan, real, name).held_out, looked(plan, more, name).held_out
        assert (np.concatenate([before[100:], before[:100], before]) == after).all()


def test_each_salt_parts_entities_in_another_way() -> None:
    """Who knows every row, and the code, cannot tell the sides apart."""
    plan, real = family()
    mine, theirs = (looked(plan, real, "users", salt).held_out for salt in (SALT, OTHER))

    assert 0.02 < (mine & theirs).mean() < 0.07  # a fifth of a fifth


def test_a_column_that_names_the_entity_agrees_with_the_key_that_it_means_without_a_reference() -> None:
    plan, real = family()
    visits = rows_of("id", id=[1, 2, 3], visitor=pa.array(["17", "4", None]))
    known = plan_of(*plan.tables, named(table("visits", visits, "id"), "visitor"))

    ids = entity_ids(known, "visits", visits, reader(real), SALT)

    assert ids[:2].tolist() == looked(plan, real, "users").ids[[17, 4]].tolist()


def test_a_key_to_what_does_not_name_the_parent_finds_the_parents_row() -> None:
    users = rows_of("id,code", id=[1, 2], code=["x", "y"])
    visits = rows_of("id,code", id=[1, 2, 3], code=["y", "y", "x"])
    by_code = key("code", "users", "code")
    plan = plan_of(table("users", users, "id"), through(table("visits", visits, "id", [by_code]), by_code))
    real = {"users": users, "visits": visits}

    first, second = looked(plan, real, "users").ids

    assert looked(plan, real, "visits").ids.tolist() == [second, second, first]


def test_composite_keys_are_followed_and_a_null_in_one_is_no_parent() -> None:
    rooms = rows_of("site,room", site=[1, 1, 2], room=["a", "b", "a"])
    visits = rows_of("id", id=[1, 2, 3], site=pa.array([1, 2, None], pa.int16()), room=["b", "a", "a"])
    there = key("site,room", "rooms")
    plan = plan_of(table("rooms", rooms, "site,room"), through(table("visits", visits, "id", [there]), there))
    real = {"rooms": rooms, "visits": visits}
    ids, of_rooms = looked(plan, real, "visits").ids, looked(plan, real, "rooms").ids

    assert ids[:2].tolist() == of_rooms[[1, 2]].tolist()
    assert ids[2] not in of_rooms


def test_without_a_primary_key_equal_rows_are_one_entity() -> None:
    rows = rows_of(a=[1, 1, 2], b=pa.array(["x", "x", None]))
    plan = plan_of(table("rows", rows))

    first, same, other = looked(plan, {"rows": rows}, "rows").ids

    assert first == same != other


def test_bytes_and_lists_name_entities_too() -> None:
    rows = rows_of(a=pa.array([b"\xff\xfe", b"ok", b"\xff\xfe"]), b=[[1], [2], [1]])
    plan = plan_of(table("rows", rows))

    first, other, same = looked(plan, {"rows": rows}, "rows").ids

    assert first == same != other


def test_an_empty_table_has_no_entities() -> None:
    plan, real = family()

    assert len(looked(plan, {**real, "items": real["items"].slice(0, 0)}, "items").ids) == 0


def items_of(parents: str) -> tuple[Plan, Real, ForeignKey]:
    """Give parents and items that a model is told of them for; whose an item is says another column."""
    rng = np.random.default_rng(1)
    main = key("parent_id", parents, "id")
    items = rows_of("id", id=np.arange(2000), user=rng.integers(0, 300, 2000), parent_id=rng.integers(0, 200, 2000))
    real = {parents: rows_of("id", id=np.arange(200)), "items": items}
    plan = plan_of(table(parents, real[parents], "id"), named(table("items", items, "id", [main]), "user"))
    return plan, real, main


def test_no_row_of_a_person_who_is_held_out_is_told_to_a_model() -> None:
    """An item's model is told of its tenant, who may be held out where the item's user is not."""
    plan, real, main = items_of("tenants")
    hidden = np.flatnonzero(looked(plan, real, "tenants", OTHER).held_out)

    whose = looked(plan, real, "items", OTHER, main=main)

    seen = real["items"].filter(pa.array(~whose.held_out))
    assert not np.isin(seen.column("parent_id").to_numpy(), hidden).any()
    assert (whose.held_out >= holdout_mask(whose.ids, share=0.2)).all()


def test_rows_of_things_are_held_out_by_whose_they_are_alone() -> None:
    """Of three airports two may be held out, and with them all weather that was ever observed."""
    plan, real, main = items_of("airports")
    whose = looked(plan, real, "items", OTHER, main=main)

    assert (whose.held_out == holdout_mask(whose.ids, share=0.2)).all()


def test_nothing_is_held_out_where_nothing_is_to_be() -> None:
    plan, real = family()
    none = plan.model_copy(update={"privacy": plan.privacy.model_copy(update={"holdout": 0.0})})

    assert not looked(none, real, "items", main=TO_ORDERS).held_out.any()


@pytest.mark.parametrize(("name", "columns"), [("users", ("id",)), ("orders", ("user_id", "id"))])
def test_what_tells_whose_a_row_is_can_be_asked_for(name: str, columns: tuple[str, ...]) -> None:
    assert naming_columns(family()[0].table(name)) == columns


def test_a_chain_ends_with_the_table_that_names_the_entity() -> None:
    plan, _ = family()

    assert [t.name for t in entity_chain(plan, plan.table("items"))] == ["items", "orders", "users"]
