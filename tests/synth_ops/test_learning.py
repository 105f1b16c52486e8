"""What a model is shown of a family of tables: nothing of an entity that is held out."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops.encode.categorical import CategoricalCodec
from synth_ops.learning import _fit_codec, _training_table
from synth_ops.plan.plan import Entity, Plan, TablePlan
from synth_ops.relate.flat import parent_name
from synth_ops.workspace import Workspace, read_salt
from tests.synth_ops.relate.databases import Real, key, plan_of, rows_of, table

N_USERS, N_ORDERS = 300, 900
TO_USERS = key("user_id", "users", "id")
TO_SHOPS = key("shop_id", "shops", "id")


def shop() -> tuple[Plan, Real]:
    """Give users and larger shops, each marked by a number of its own, and orders that tell both."""
    rng = np.random.default_rng(0)
    users, shops = rng.integers(0, N_USERS, N_ORDERS), rng.integers(0, 600, N_ORDERS)
    real = {
        "users": rows_of("id", id=np.arange(N_USERS), mark=np.arange(N_USERS) + 0.5),
        "shops": rows_of("id", id=np.arange(600), size=np.arange(600) + 0.25),
        "orders": rows_of(
            "id,user_id", id=np.arange(N_ORDERS), user_id=users, shop_id=shops, their=users + 0.5, there=shops + 0.25
        ),
    }
    orders = table("orders", real["orders"], "id", [TO_SHOPS, TO_USERS])
    plans = (table("users", real["users"], "id"), table("shops", real["shops"], "id"), belongs(orders))
    return plan_of(*plans), real


def belongs(orders: TablePlan) -> TablePlan:
    return orders.model_copy(update={"entity": Entity(columns=("user_id",), through=TO_USERS)})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return laid_out(tmp_path, shop()[1])


def laid_out(root: Path, real: Real) -> Workspace:
    workspace = Workspace(root, "test", "2026-01-01").prepare()
    for name, rows in real.items():
        pq.write_table(rows, workspace.real(name))
    return workspace


def seen(workspace: Workspace, plan: Plan, name: str) -> pa.Table:
    return _training_table(workspace, plan, plan.table(name), None, seed=0)[0].table


def test_no_order_of_a_held_out_user_is_learned_and_no_such_user_is_told_of(workspace: Workspace) -> None:
    plan, _ = shop()
    learned = set(seen(workspace, plan, "users").column("mark").to_pylist())
    orders = seen(workspace, plan, "orders")

    assert 0.7 * N_USERS < len(learned) < 0.9 * N_USERS
    assert set(orders.column("their").to_pylist()) <= learned
    assert set(orders.column(parent_name("mark")).to_pylist()) <= learned


def test_the_parent_that_says_whose_a_row_is_comes_before_a_larger_one(workspace: Workspace) -> None:
    plan, _ = shop()
    own = plan.tables[2].model_copy(update={"entity": Entity()})
    by_row = plan.model_copy(update={"tables": (*plan.tables[:2], own)})

    assert parent_name("mark") in seen(workspace, plan, "orders").column_names
    assert parent_name("size") in seen(workspace, by_row, "orders").column_names


def test_orders_are_learned_whichever_shop_the_model_is_told_of(workspace: Workspace) -> None:
    """A shop is no person, and of few shops those that are held out may have nearly all orders."""
    plan, real = shop()
    own = plan.tables[2].model_copy(update={"entity": Entity()})
    by_row = plan.model_copy(update={"tables": (*plan.tables[:2], own)})

    n_learned = seen(workspace, by_row, "orders").num_rows
    assert 0.75 < n_learned / real["orders"].num_rows < 0.85


def test_each_workspace_learns_other_users(tmp_path: Path) -> None:
    plan, real = shop()
    one, other = (laid_out(tmp_path / name, real) for name in ("one", "other"))
    learned = [set(seen(w, plan, "users").column("mark").to_pylist()) for w in (one, other)]

    assert read_salt(one) != read_salt(other)
    assert learned[0] != learned[1]


def test_users_who_come_move_no_one_who_was_there(tmp_path: Path) -> None:
    plan, real = shop()
    workspace = laid_out(tmp_path, real)
    before = set(seen(workspace, plan, "users").column("mark").to_pylist())
    more = rows_of("id", id=np.arange(400)[::-1], mark=np.arange(400)[::-1] + 0.5)
    pq.write_table(more, workspace.real("users"))

    after = set(seen(workspace, plan, "users").column("mark").to_pylist())

    assert {mark for mark in after if mark < N_USERS} == before


def test_a_word_of_one_users_many_orders_is_pooled_before_training(tmp_path: Path) -> None:
    plan, real = shop()
    prolific = pa.array(["Zebedee"] * 40 + ["usual"] * (N_ORDERS - 40))
    orders = real["orders"].append_column("note", prolific)
    orders = orders.set_column(1, orders.field(1), pa.array([7] * 40 + orders.column("user_id").to_pylist()[40:]))
    planned = table("orders", orders, "id", [TO_SHOPS, TO_USERS])
    none_held = plan.privacy.model_copy(update={"holdout": 0.0})
    by_user = plan.model_copy(update={"privacy": none_held, "tables": (*plan.tables[:2], belongs(planned))})
    by_row = by_user.model_copy(update={"tables": (*plan.tables[:2], planned)})
    workspace = laid_out(tmp_path, {**real, "orders": orders})

    assert [notes(workspace, p) for p in (by_user, by_row)] == [{"usual"}, {"usual", "Zebedee"}]


def notes(workspace: Workspace, plan: Plan) -> set[str]:
    """Give the notes that the codec of orders keeps."""
    augmented, ids = _training_table(workspace, plan, plan.table("orders"), None, seed=0)
    column = _fit_codec(augmented, ids, plan, 0).codecs["note"]
    assert isinstance(column, CategoricalCodec)
    return set(column.names)


def test_a_table_whose_every_row_is_held_out_shows_none(workspace: Workspace) -> None:
    plan, real = shop()
    marks = seen(workspace, plan, "users").column("mark").to_pylist()
    hidden = sorted(set(real["users"].column("mark").to_pylist()) - set(marks))
    pq.write_table(
        real["users"].filter(pa.compute.is_in(real["users"]["mark"], pa.array(hidden))), workspace.real("users")
    )

    assert seen(workspace, plan, "users").num_rows == 0
