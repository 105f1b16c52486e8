"""Whether a copy that puts children together with their own parents is told from one that keeps what goes together."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synth_ops.arrow_types import text
from synth_ops.measure import Measure, Sides, Subject
from synth_ops.measure.linked import links, measure_linked
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.schema import Column, ForeignKey, Table

N_USERS, N_HELD, N_ORDERS = 4_000, 1_500, 2
KEY = ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",))
Database = dict[str, pd.DataFrame]


def draw(n_users: int, seed: int) -> Database:
    """Draw users, and for each two orders that follow the user's means a little."""
    rng = np.random.default_rng(seed)
    users = pd.DataFrame({"id": np.arange(n_users), **{f"u{k}": rng.normal(size=n_users) for k in range(4)}})
    owner = np.repeat(users["id"].to_numpy(), N_ORDERS)
    orders = {f"o{k}": 0.3 * users["u0"].to_numpy()[owner] + rng.normal(size=len(owner)) for k in range(4)}
    return {"users": users, "orders": pd.DataFrame({"user_id": owner, **orders})}


def table_of(name: str, rows: pd.DataFrame, minted: str, **change: object) -> TablePlan:
    columns = tuple(
        Column(name=f.name, source_type="any", arrow_type=text(f.type)) for f in pa.Schema.from_pandas(rows)
    )
    fates = [
        ColumnPlan(name=c.name, fate="mint", reason="a key")
        if c.name == minted
        else ColumnPlan(name=c.name, fate="learn", reason="a test")
        for c in columns
    ]
    plan = TablePlan(name=name, columns=tuple(fates), table=Table(name=name, columns=columns))
    return plan.model_copy(update=change)


def read(rows: Database, table: str, columns: tuple[str, ...] | None) -> pa.Table:
    return pa.Table.from_pandas(rows[table][list(columns or rows[table].columns)], preserve_index=False)


def measured(real: Database, copy: Database, n_held: int = N_HELD, public: str | None = None) -> Measure:
    users = table_of("users", real["users"], "id")
    orders = table_of("orders", real["orders"], "user_id", foreign_keys=(KEY,), public=public)
    plan = Plan(dataset="d", source="", publish="", expectations="", tables=(users, orders))
    assert links(plan, orders, KEY)
    owner = real["orders"]["user_id"].to_numpy()
    real_orders, copied_orders = (read(side, "orders", None) for side in (real, copy))
    subject = Subject(plan, orders, real_orders, copied_orders, owner < n_held, ids=owner.astype(np.uint64))
    sides = Sides(partial(read, real), partial(read, copy))
    (found,) = measure_linked(subject, KEY, sides, np.random.default_rng(0))
    assert (found.name, found.foreign_key) == ("linkability_across", KEY.name)
    return found


@pytest.fixture(scope="module")
def real() -> Database:
    return draw(N_USERS + N_HELD, 1)


def test_a_copy_of_the_same_law_links_nobody(real: Database) -> None:
    found = measured(real, draw(N_USERS, 2))

    assert found.error is None
    assert found.high is not None
    assert found.high < 0.05


def test_training_rows_with_a_little_noise_are_linked(real: Database) -> None:
    """No synthetic row is a production row; still, who holds both tables finds out whose orders they are."""
    rng = np.random.default_rng(3)
    copy = {name: rows[rows.iloc[:, 0] >= N_HELD].reset_index(drop=True) for name, rows in real.items()}
    for rows in copy.values():
        rows[rows.columns[1:]] += rng.normal(0, 0.02, (len(rows), 4))

    found = measured(real, copy)

    assert found.low is not None
    assert found.low > 0.5


def test_few_entities_tell_nothing() -> None:
    found = measured(draw(800, 1), draw(800, 2), n_held=200)

    assert found.error is not None
    assert "800 entities" in found.error


def test_of_public_rows_nothing_need_be_said(real: Database) -> None:
    assert measured(real, real, public="the registry publishes them").waived is not None


def test_a_copied_parent_is_linked_by_its_key_anyway() -> None:
    rows = draw(10, 1)
    users = table_of("users", rows["users"], "id", mode="copy")
    orders = table_of("orders", rows["orders"], "user_id", foreign_keys=(KEY,))
    plan = Plan(dataset="d", source="", publish="", expectations="", tables=(users, orders))

    assert not links(plan, orders, KEY)
