import datetime as dt
from collections.abc import Callable
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import ks_2samp

from synth_ops.errors import PlanError
from synth_ops.plan.plan import Plan
from synth_ops.relate.match import any_null, find_rows, key_of
from synth_ops.relate.slots import cycle_rows
from synth_ops.schema import ForeignKey
from tests.synth_ops.relate.databases import (
    Real,
    copy_database,
    degrees,
    is_distinct,
    key,
    n_broken,
    plan_of,
    rows_of,
    table,
)

Database = tuple[Plan, Real]


def shop() -> Database:
    """Customers, orders with numbered lines, an m:n of products and tags, and a soft key to shops that are closed."""
    rng = np.random.default_rng(0)
    n, n_orders, n_products, n_tags = 300, 900, 60, 12
    customer = rng.integers(0, n, n_orders)
    n_lines = 1 + rng.poisson(1.5, n_orders)
    pairs = rng.permutation(n_products * n_tags)[:250]
    code = [f"C{i:05d}" for i in rng.permutation(90000)[:n]]
    shop_id = np.where(rng.random(n_orders) < 0.2, rng.integers(900, 950, n_orders), rng.integers(1, 220, n_orders))
    real = {
        "customer": rows_of("code", code=code, age=rng.integers(18, 80, n)),
        "shop": rows_of("id", id=np.arange(1, 220), size=rng.normal(size=219)),
        "product": rows_of("id", id=np.arange(n_products), price=rng.random(n_products)),
        "tag": rows_of("id", id=np.arange(n_tags), name=[f"t{i}" for i in range(n_tags)]),
        "product_tag": rows_of("product_id,tag_id", product_id=pairs // n_tags, tag_id=pairs % n_tags),
        "order": rows_of(
            "id",
            id=np.arange(5000, 5000 + n_orders),
            customer_code=pa.array([code[c] for c in customer], mask=rng.random(n_orders) < 0.1),
            shop_id=pa.array(shop_id, mask=rng.random(n_orders) < 0.05),
            total=rng.random(n_orders),
        ),
        "line": rows_of(
            "order_id,line_no,product_id",
            order_id=np.repeat(np.arange(5000, 5000 + n_orders), n_lines),
            line_no=np.concatenate([np.arange(1, k + 1) for k in n_lines]),
            product_id=rng.integers(0, n_products, n_lines.sum()),
        ),
    }
    plan = plan_of(
        table("customer", real["customer"], "code"),
        table("shop", real["shop"], "id"),
        table("product", real["product"], "id"),
        table("tag", real["tag"], "id", mode="copy"),
        table("product_tag", real["product_tag"], "product_id,tag_id",
              [key("product_id", "product", "id"), key("tag_id", "tag", "id")]),
        table("order", real["order"], "id",
              [key("customer_code", "customer", "code"), key("shop_id", "shop", "id", soft=True)]),
        table("line", real["line"], "order_id,line_no",
              [key("order_id", "order", "id"), key("product_id", "product", "id")]),
    )  # fmt: skip
    return plan, real


def staff(*, required: bool) -> Database:
    """A tree of people; where a boss is required, the topmost is its own."""
    rng = np.random.default_rng(1)
    n = 400
    boss = np.array([0, *(rng.integers(0, max(1, i // 3), 1)[0] for i in range(1, n))])
    roots = rng.random(n) < 0.05
    roots[0] = True
    bosses = pa.array(np.where(roots, np.arange(n), boss)) if required else pa.array(boss, mask=roots)
    real = {"person": rows_of("id,boss" if required else "id", id=np.arange(n), boss=bosses, pay=rng.normal(size=n))}
    return plan_of(table("person", real["person"], "id", [key("boss", "person", "id")])), real


def cycle() -> Database:
    """Departments that have a head among the staff, who have a department."""
    rng = np.random.default_rng(2)
    real = {
        "department": rows_of("id,head", id=np.arange(20), head=rng.integers(0, 300, 20), floor=rng.integers(0, 9, 20)),
        "person": rows_of("id,department", id=np.arange(300), department=rng.integers(0, 20, 300)),
    }
    return plan_of(
        table("department", real["department"], "id", [key("head", "person", "id")]),
        table("person", real["person"], "id", [key("department", "department", "id")]),
    ), real


def tenants() -> Database:
    """Tasks whose account and project belong to one tenant, so that three keys share a column."""
    rng = np.random.default_rng(3)
    tenant = np.repeat(np.arange(8), 30)
    number = np.tile(np.arange(30), 8)
    chosen = rng.integers(0, 240, 700)
    project = tenant[chosen] * 30 + rng.integers(0, 30, 700)
    real = {
        "tenant": rows_of("id", id=np.arange(8), plan=["a", "b"] * 4),
        "account": rows_of("tenant_id,number", tenant_id=tenant, number=number, balance=rng.random(240)),
        "project": rows_of("tenant_id,number", tenant_id=tenant, number=number, budget=rng.random(240)),
        "task": rows_of(
            "id,tenant_id,account,project",
            id=np.arange(700), tenant_id=tenant[chosen], account=number[chosen], project=number[project],
        ),
    }  # fmt: skip
    keys = [
        key("tenant_id", "tenant", "id"),
        key("tenant_id,account", "account", "tenant_id,number"),
        key("tenant_id,project", "project", "tenant_id,number"),
    ]
    return plan_of(
        table("tenant", real["tenant"], "id"),
        table("account", real["account"], "tenant_id,number", [keys[0]]),
        table("project", real["project"], "tenant_id,number", [keys[0]]),
        table("task", real["task"], "id", keys),
    ), real


def airports(*, copied: bool) -> Database:
    """Hourly weather at three of many airports, and flights that point at an airport and at its weather."""
    rng = np.random.default_rng(4)
    hours = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=i) for i in range(400)]
    there = np.concatenate([i * 400 + np.sort(rng.permutation(400)[:390]) for i in range(3)])
    code = [f"{a}{b}{c}" for a in "ABCDEF" for b in "GHIJKL" for c in "MNOPQR"]
    origin, hour = np.array(code)[there // 400], np.array(hours)[there % 400]
    chosen = rng.integers(0, 1200, 3000)
    real = {
        "airport": rows_of("faa", faa=code, alt=rng.normal(size=len(code))),
        "weather": rows_of("origin,hour", origin=origin, hour=pa.array(hour), temp=rng.normal(size=len(there))),
        "flight": rows_of(
            "origin,hour",
            origin=np.array(code)[chosen // 400],
            hour=pa.array(np.array(hours)[chosen % 400]),
            delay=pa.array(rng.normal(size=3000)),
        ),
    }
    keys = [key("origin", "airport", "faa"), key("origin,hour", "weather", soft=True)]
    return plan_of(
        table("airport", real["airport"], "faa", mode="copy" if copied else "synthesize"),
        table("weather", real["weather"], "origin,hour", keys[:1]),
        table("flight", real["flight"], "", keys),
    ), real


def places() -> Database:
    """Visits of five of many places, of three that hardly anyone visits, and of some that are not there."""
    rng = np.random.default_rng(6)
    name = [f"P{i:03d}" for i in range(200)]
    visited = np.array(name)[rng.integers(0, 5, 3000)]
    visited[:6] = np.repeat(name[100:103], 2)
    visited[6:300] = "gone"
    real = {
        "place": rows_of("name", name=name),
        "visit": rows_of("", place=visited, length=pa.array(rng.normal(size=3000))),
    }
    return plan_of(
        table("place", real["place"], "name", mode="copy"),
        table("visit", real["visit"], "", [key("place", "place", "name", soft=True)]),
    ), real


DATABASES: dict[str, Callable[[], Database]] = {
    "places": places,
    "shop": shop,
    "tree": lambda: staff(required=False),
    "tree with a root of its own": lambda: staff(required=True),
    "cycle": cycle,
    "shared columns": tenants,
    "airports": lambda: airports(copied=False),
    "copied airports": lambda: airports(copied=True),
}


@cache
def made(name: str) -> tuple[Plan, Real, dict[str, pa.Table]]:
    plan, real = DATABASES[name]()
    return plan, real, copy_database(plan, real)


def foreign_keys(plan: Plan) -> list[tuple[str, ForeignKey]]:
    return [(t.name, k) for t in plan.tables for k in t.foreign_keys if t.mode == "synthesize"]


@pytest.mark.parametrize("name", DATABASES)
def test_every_declared_key_resolves(name: str) -> None:
    plan, _, copy = made(name)

    assert not [(t, k.name) for t, k in foreign_keys(plan) if not k.soft and n_broken(copy, t, k)]


@pytest.mark.parametrize("name", DATABASES)
def test_primary_keys_are_unique(name: str) -> None:
    plan, _, copy = made(name)

    for planned in plan.tables:
        if planned.table.primary_key:
            assert is_distinct(copy[planned.name], ",".join(planned.table.primary_key)), planned.name


@pytest.mark.parametrize("name", DATABASES)
def test_row_counts_and_schemas_are_the_source_s(name: str) -> None:
    _, real, copy = made(name)

    assert {n: t.num_rows for n, t in copy.items()} == {n: t.num_rows for n, t in real.items()}
    assert all(copy[n].schema == t.schema for n, t in real.items())


@pytest.mark.parametrize("name", DATABASES)
def test_required_columns_hold_no_null(name: str) -> None:
    copy = made(name)[2]

    assert not [f.name for t in copy.values() for f in t.schema if not f.nullable and t.column(f.name).null_count]


@pytest.mark.parametrize("name", DATABASES)
def test_children_per_parent_follow_the_real_distribution(name: str) -> None:
    plan, real, copy = made(name)

    for child, foreign_key in foreign_keys(plan):
        if real[foreign_key.ref_table].num_rows < 200 or any(
            set(foreign_key.columns) < set(k.columns) for k in plan.table(child).foreign_keys
        ):
            continue
        expected, found = degrees(real, child, foreign_key), degrees(copy, child, foreign_key)
        bound = 1 / np.sqrt(len(expected))
        assert ks_2samp(expected, found, method="asymp").statistic <= bound, foreign_key.name


@pytest.mark.parametrize("name", DATABASES)
def test_null_shares_are_kept(name: str) -> None:
    plan, real, copy = made(name)

    for child, foreign_key in foreign_keys(plan):
        shares = [any_null(key_of(t[child], foreign_key.columns)).mean() for t in (real, copy)]
        assert shares[0] == pytest.approx(shares[1], abs=0.03), foreign_key.name


@pytest.mark.parametrize("name", DATABASES)
def test_orphan_shares_are_kept(name: str) -> None:
    plan, real, copy = made(name)

    for child, foreign_key in foreign_keys(plan):
        shares = [n_broken(t, child, foreign_key) / t[child].num_rows for t in (real, copy)]
        assert shares[0] == pytest.approx(shares[1], abs=0.03), foreign_key.name


@pytest.mark.parametrize("name", ["tree", "tree with a root of its own"])
def test_no_row_is_its_own_ancestor(name: str) -> None:
    rows = made(name)[2]["person"]
    own = dict(zip(rows.column("id").to_pylist(), rows.column("boss").to_pylist(), strict=True))
    boss = {i: None if b == i else b for i, b in own.items()}

    for start in boss:
        here, n_steps = start, 0
        while boss[here] is not None:
            here, n_steps = boss[here], n_steps + 1
            assert n_steps <= len(boss)


def test_line_numbers_count_through_each_order() -> None:
    lines = made("shop")[2]["line"].to_pandas()

    assert (lines.groupby("order_id").line_no.agg(["min"]) == 1).all().all()
    assert (lines.groupby("order_id").line_no.max() == lines.groupby("order_id").size()).all()


def test_text_keys_are_none_of_the_real_ones() -> None:
    _, real, copy = made("shop")

    assert not set(real["customer"].column("code").to_pylist()) & set(copy["customer"].column("code").to_pylist())


def test_hours_of_weather_stay_on_the_hour_and_in_the_year() -> None:
    for name in ("airports", "copied airports"):
        _, real, copy = made(name)
        hours = copy["weather"].column("hour")
        assert pc.min_max(hours).as_py()["max"] <= pc.max(real["weather"].column("hour")).as_py()
        assert pc.all(pc.equal(pc.minute(hours), 0)).as_py()


def test_a_copied_parent_keeps_its_popularity() -> None:
    _, real, copy = made("copied airports")

    counts = [t["flight"].to_pandas().origin.value_counts().to_dict() for t in (real, copy)]
    assert counts[1] == pytest.approx(counts[0], rel=0.2)


def test_no_more_copied_parents_are_used_than_in_production() -> None:
    """Rows that the model sampled as orphans or as rare beyond their share do not scatter over all parents."""
    _, real, copy = made("places")

    used = [
        set(t["visit"].column("place").to_pylist()) & set(t["place"].column("name").to_pylist()) for t in (real, copy)
    ]
    assert len(used[1]) <= len(used[0])


def test_the_same_seed_gives_the_same_database() -> None:
    plan, real, copy = made("shop")

    assert all(copy[n].equals(t) for n, t in copy_database(plan, real).items())


def test_rows_are_as_they_are_whatever_the_chunks_of_the_others() -> None:
    """Minted columns follow from a row's number; only the stand-in for the model draws chunk by chunk."""
    plan, real, copy = made("shop")

    assert copy_database(plan, real, n_chunk=64)["order"].column("id").equals(copy["order"].column("id"))


def test_twice_the_rows_resolve_too() -> None:
    plan, real = shop()
    plan = plan_of(*(t.model_copy(update={"rows": 2.0}) for t in plan.tables))

    copy = copy_database(plan, real)

    assert copy["line"].num_rows == 2 * real["line"].num_rows
    assert sum(n_broken(copy, t, k) for t, k in foreign_keys(plan) if not k.soft) == 0


def test_a_dense_pairing_stays_distinct() -> None:
    pairs = np.random.default_rng(0).permutation(30 * 30)[:800]
    ids = rows_of("id", id=np.arange(30), x=np.random.default_rng(1).normal(size=30))
    real = {"a": ids, "b": ids, "ab": rows_of("a,b", a=pairs // 30, b=pairs % 30)}
    keys = [key("a", "a", "id"), key("b", "b", "id")]

    plan = plan_of(table("a", ids, "id"), table("b", ids, "id"), table("ab", real["ab"], "a,b", keys))

    copy = copy_database(plan, real)

    assert is_distinct(copy["ab"], "a,b")
    assert copy["ab"].num_rows >= 780


def test_keys_no_parent_agrees_on_are_borrowed_whole() -> None:
    rng = np.random.default_rng(0)
    left = rows_of("x,y", x=np.arange(40), y=np.repeat(np.arange(20), 2), v=rng.random(40))
    right = rows_of("y,z", y=np.repeat(np.arange(20), 2), z=np.arange(40), v=rng.random(40))
    at = rng.integers(0, 40, 300)
    child = rows_of("x,y,z", x=at, y=at // 2, z=at // 2 * 2)
    keys = [key("x,y", "left"), key("y,z", "right")]
    plan = plan_of(table("left", left, "x,y"), table("right", right, "y,z"), table("child", child, "", keys))

    copy = copy_database(plan, {"left": left, "right": right, "child": child})

    assert [n_broken(copy, "child", k) for k in keys] == [0, 0]


def test_a_required_parent_without_rows_is_an_error_that_names_both() -> None:
    plan, real = cycle()
    tables = (plan.table("department"), plan.table("person").model_copy(update={"rows": 0}))

    with pytest.raises(PlanError, match=r"department.*person"):
        copy_database(plan_of(*tables), real)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_tables_of_no_row_and_of_one_row_go_through(n_rows: int) -> None:
    parent = rows_of("id", id=pa.array(range(n_rows), pa.int64()))
    child = rows_of("id", id=pa.array(range(n_rows), pa.int64()), up=pa.array(range(n_rows), pa.int64()))
    plan = plan_of(table("parent", parent, "id"), table("child", child, "id", [key("up", "parent", "id")]))

    copy = copy_database(plan, {"parent": parent, "child": child})

    assert [t.num_rows for t in copy.values()] == [n_rows, n_rows]


def test_columns_that_begin_with_our_sign_come_back() -> None:
    rows = rows_of("id", **{"id": np.arange(50), "@link": ["x", "y"] * 25, "@fk:a": np.arange(50.0)})

    copy = copy_database(plan_of(table("t", rows, "id")), {"t": rows})

    assert set(copy["t"].column("@link").to_pylist()) == {"x", "y"}


def test_derived_columns_hold_exactly() -> None:
    day = pa.array([dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(300)])
    rows = rows_of("id", id=np.arange(300), day=day, month=pc.month(day), year=pc.year(day))

    copy = copy_database(plan_of(table("t", rows, "id")), {"t": rows})["t"]

    assert copy.column("month").to_pylist() == pc.month(copy.column("day")).to_pylist()


def test_bosses_within_a_tenant_form_a_tree() -> None:
    rng = np.random.default_rng(0)
    number = np.tile(np.arange(40), 6)
    boss = pa.array(rng.integers(0, np.maximum(number, 1)), mask=number == 0)
    rows = rows_of("tenant,number", tenant=np.repeat(np.arange(6), 40), number=number, boss=boss, pay=rng.random(240))
    tenant = rows_of("tenant", tenant=np.arange(6))
    keys = [key("tenant", "tenant"), key("tenant,boss", "person", "tenant,number")]
    plan = plan_of(table("tenant", tenant, "tenant"), table("person", rows, "tenant,number", keys))

    copy = copy_database(plan, {"tenant": tenant, "person": rows})

    assert [n_broken(copy, "person", k) for k in keys] == [0, 0]
    people = copy["person"]
    at = find_rows(key_of(people, ["tenant", "boss"]), key_of(people, ["tenant", "number"]))
    assert len(cycle_rows(at)) == 0


def test_a_parent_whose_unique_column_is_null_has_no_children() -> None:
    rng = np.random.default_rng(0)
    parent = rows_of("id", id=np.arange(50), badge=pa.array(np.arange(100, 150), mask=rng.random(50) < 0.3))
    badge = pc.drop_null(parent.column("badge")).to_numpy()
    child = rows_of("badge", badge=rng.choice(badge, 200), x=rng.random(200))
    keys = [key("badge", "parent", "badge")]
    plan = plan_of(table("parent", parent, "id", unique=[("badge",)]), table("child", child, "", keys))

    copy = copy_database(plan, {"parent": parent, "child": child})

    assert n_broken(copy, "child", keys[0]) == 0
    assert copy["child"].column("badge").null_count == 0


def test_one_to_one_tables_stay_so() -> None:
    rng = np.random.default_rng(0)
    user = rows_of("id", id=np.arange(300), age=rng.random(300))
    profile = rows_of("id", id=np.sort(rng.permutation(300)[:120]), size=rng.random(120))
    keys = [key("id", "user")]
    plan = plan_of(table("user", user, "id"), table("profile", profile, "id", keys))

    copy = copy_database(plan, {"user": user, "profile": profile})

    assert is_distinct(copy["profile"], "id")
    assert copy["profile"].num_rows == 120


def test_a_copied_table_may_not_refer_to_a_synthesised_one() -> None:
    rows = rows_of("id", id=np.arange(5), up=np.arange(5))
    plan = plan_of(table("list", rows, "id", [key("up", "base", "id")], mode="copy"), table("base", rows, "id"))

    with pytest.raises(PlanError, match="'list' has mode: copy"):
        copy_database(plan, {"list": rows, "base": rows})


def test_binary_keys_resolve() -> None:
    raw = [bytes([i, 7, 9]) for i in range(40)]
    kinds = rows_of("id", id=pa.array(raw, pa.binary()))
    child = rows_of("kind", kind=pa.array([raw[i % 3] for i in range(90)], pa.binary()), x=np.arange(90.0))
    keys = [key("kind", "kinds", "id")]
    plan = plan_of(table("kinds", kinds, "id", mode="copy"), table("child", child, "", keys))

    copy = copy_database(plan, {"kinds": kinds, "child": child})

    assert set(copy["child"].column("kind").to_pylist()) == set(raw[:3])


def test_a_key_that_is_filled_in_part_by_a_soft_one_stays_distinct() -> None:
    """Half of the fieldings have no batting: of a player without any, the stint must come from elsewhere."""
    rng = np.random.default_rng(3)
    batting = {"player": np.repeat(np.arange(100), 2), "stint": np.tile([1, 2], 100)}
    fielding = {
        "player": np.repeat(np.arange(200), 6),
        "stint": np.tile([1, 1, 1, 2, 2, 2], 200),
        "pos": np.concatenate([rng.permutation(7)[:3] for _ in range(400)]),
        "games": rng.integers(0, 99, 1200),
    }
    real = {
        "player": rows_of("id", id=np.arange(400), height=rng.random(400)),
        "batting": rows_of("player,stint", **batting),
        "fielding": rows_of("player,stint,pos", **fielding),
    }
    plan = plan_of(
        table("player", real["player"], "id"),
        table("batting", real["batting"], "player,stint", [key("player", "player", "id")]),
        table("fielding", real["fielding"], "player,stint,pos",
              [key("player", "player", "id"), key("player,stint", "batting", soft=True)]),
    )  # fmt: skip

    made = copy_database(plan, real)

    assert is_distinct(made["fielding"], "player,stint,pos")
    assert made["fielding"].column("stint").null_count == 0
    assert made["fielding"].num_rows > 1_150
