"""Whose a table's rows are follows from the schema and from synth.yaml, and from nothing else."""

import re
from pathlib import Path

import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import Plan, load_config, resolve
from synth_ops.plan.plan import Entity
from synth_ops.schema import Column, Database, ForeignKey, Table

HEAD = "dataset: shop\nsource: x\npublish: out\n"


def table(name: str, columns: str, *keys: str, pk: str = "id") -> Table:
    """Give a table of whole numbers; keys are written ``user_id>users.id``, and nullable columns end in ``?``."""
    declared = tuple(
        Column(name=c.rstrip("?"), source_type="int", arrow_type="int64", nullable=c.endswith("?"))
        for c in columns.split(",")
    )
    texts = tuple(c.model_copy(update={"arrow_type": "string"}) if c.name == "email" else c for c in declared)
    return Table(
        name=name,
        columns=texts,
        primary_key=tuple(filter(None, pk.split(","))),
        foreign_keys=tuple(map(reference, keys)),
    )


def reference(text: str) -> ForeignKey:
    columns, there = text.split(">")
    parent, referred = there.split(".")
    return ForeignKey(columns=tuple(columns.split(",")), ref_table=parent, ref_columns=tuple(referred.split(",")))


USERS = table("users", "id,email")
ORDERS = table("orders", "id,user_id,shop_id", "shop_id>shops.id", "user_id>users.id")
ITEMS = table("items", "id,order_id,product_id", "product_id>products.id", "order_id>orders.id")
SHOPS, PRODUCTS = table("shops", "id"), table("products", "id")


def planned(folder: Path, tables: str, *database: Table) -> Plan:
    path = folder / "synth.yaml"
    path.write_text(HEAD + ("tables:\n" + tables if tables else ""))
    return resolve(load_config(path), Database(tables=database))


def whose(plan: Plan) -> dict[str, str]:
    """Give what tells whose each table's rows are: ``user_id>users``, columns, or nothing."""
    return {t.name: ",".join(t.entity.columns) + _to(t.entity) for t in plan.tables}


def _to(entity: Entity) -> str:
    return f">{entity.through.ref_table}" if entity.through else ""


def test_a_row_is_its_parents_up_to_the_table_that_speaks_of_persons(tmp_path: Path) -> None:
    plan = planned(tmp_path, "", SHOPS, PRODUCTS, USERS, ORDERS, ITEMS)

    assert whose(plan) == {
        "shops": "",
        "products": "",
        "users": "",
        "orders": "user_id>users",
        "items": "order_id>orders",
    }
    assert plan.table("orders").entity.reason == "foreign key to users"


def test_rows_are_their_subjects_before_they_are_anyone_elses_who_is_named(tmp_path: Path) -> None:
    shippers, customers = table("shippers", "id,email"), table("customers", "id")
    orders = table("orders", "id,shipper_id,customer_id?", "shipper_id>shippers.id", "customer_id>customers.id")
    lines = table("lines", "id,part_id,order_id", "part_id>parts.id", "order_id>orders.id")
    parts = table("parts", "id,shipper_id", "shipper_id>shippers.id")

    assert whose(planned(tmp_path, "", shippers, customers, orders, parts, lines)) == {
        "shippers": "",
        "customers": "",
        "orders": "customer_id>customers",
        "parts": "shipper_id>shippers",
        "lines": "order_id>orders",
    }


def test_a_subject_is_its_own_unless_its_keys_lead_to_another(tmp_path: Path) -> None:
    clerks = table("clerks", "id,email")
    customers = table("customers", "id,clerk_id", "clerk_id>clerks.id")
    accounts = table("accounts", "id,customer_id", "customer_id>customers.id")

    assert whose(planned(tmp_path, "", clerks, customers, accounts)) == {
        "clerks": "",
        "customers": "",
        "accounts": "customer_id>customers",
    }


def test_the_order_of_tables_decides_nothing(tmp_path: Path) -> None:
    tables = (SHOPS, PRODUCTS, USERS, ORDERS, ITEMS)

    assert whose(planned(tmp_path, "", *tables)) == whose(planned(tmp_path, "", *reversed(tables)))


def test_of_like_parents_the_one_that_every_row_has_comes_first(tmp_path: Path) -> None:
    rows = table("rows", "id,a?,b,c", "a>shops.id", "b>products.id", "c>shops.id")

    assert whose(planned(tmp_path, "", SHOPS, PRODUCTS, rows))["rows"] == "b>products"


def test_copied_and_skipped_parents_are_nobody(tmp_path: Path) -> None:
    modes = "  users: {mode: copy}\n  shops: {mode: skip}\n"

    assert whose(planned(tmp_path, modes, SHOPS, USERS, ORDERS)) == {"shops": "", "users": "", "orders": ""}


def test_a_reference_that_is_not_declared_is_followed_by_an_explicit_word_only(tmp_path: Path) -> None:
    visits = table("visits", "id,user_id")
    soft = "  visits: {foreign_keys: [{columns: [user_id], references: users}]%s}\n"

    assert whose(planned(tmp_path, soft % "", USERS, visits))["visits"] == ""
    assert whose(planned(tmp_path, soft % ", entity: user_id", USERS, visits))["visits"] == "user_id>users"


def test_columns_that_refer_to_nothing_name_the_entity_themselves(tmp_path: Path) -> None:
    plan = planned(tmp_path, "  visits: {entity: [site, visitor]}\n", table("visits", "id,site,visitor"))

    assert whose(plan) == {"visits": "site,visitor"}
    assert plan.table("visits").entity.reason == "declared in synth.yaml"


def test_each_row_may_be_its_own_whatever_its_keys_lead_to(tmp_path: Path) -> None:
    plan = planned(tmp_path, '  orders: {entity: "*"}\n', SHOPS, USERS, ORDERS)

    assert whose(plan)["orders"] == ""
    assert plan.table("orders").entity.reason == "each row is its own, as synth.yaml says"


def test_a_table_is_never_its_own_parent(tmp_path: Path) -> None:
    staff = table("staff", "id,boss_id?", "boss_id>staff.id")

    assert whose(planned(tmp_path, "", staff)) == {"staff": ""}


def test_in_a_circle_one_table_names_the_others_entities(tmp_path: Path) -> None:
    tables = (
        table("a", "id,b_id", "b_id>b.id"),
        table("b", "id,c_id", "c_id>c.id"),
        table("c", "id,a_id", "a_id>a.id"),
    )

    assert whose(planned(tmp_path, "", *tables)) == {"a": "b_id>b", "b": "c_id>c", "c": ""}
    assert whose(planned(tmp_path, "  c: {entity: a_id}\n", *tables)) == {"a": "b_id>b", "b": "", "c": "a_id>a"}


def test_a_composite_key_is_named_by_all_of_its_columns(tmp_path: Path) -> None:
    places = table("places", "site,room", pk="site,room")
    visits = table("visits", "id,site,room", "site,room>places.site,room")
    soft = table("visits", "id,site,room")
    said = "  visits: {entity: [room, site], foreign_keys: [{columns: [site, room], references: places}]}\n"

    assert whose(planned(tmp_path, "", places, visits))["visits"] == "site,room>places"
    assert whose(planned(tmp_path, said, places, soft))["visits"] == "site,room>places"


def test_whose_rows_are_is_a_part_of_the_plan(tmp_path: Path) -> None:
    own = planned(tmp_path, "  orders: {entity: id}\n", SHOPS, USERS, ORDERS)
    users = planned(tmp_path, "", SHOPS, USERS, ORDERS)

    assert own.hash != users.hash
    assert Plan.model_validate_json(users.model_dump_json()) == users


def test_why_rows_are_public_is_a_part_of_the_plan(tmp_path: Path) -> None:
    plan = planned(tmp_path, "  shops: {public: the register of companies lists them}\n", SHOPS, USERS)

    assert plan.table("shops").public == "the register of companies lists them"
    assert plan.table("users").public is None
    assert plan.hash != planned(tmp_path, "", SHOPS, USERS).hash


@pytest.mark.parametrize(
    ("tables", "line", "words"),
    [
        ("  users:\n    entity: emial\n", 6, ["tables.users.entity", "'emial'", "'email'"]),
        ("  users:\n    entity:\n      - id\n      - emial\n", 8, ["entity[1]", "'emial'", "'email'"]),
        ("  users:\n    entity: []\n", 6, ["at least one"]),
        ("  users:\n    entity: 5\n", 6, ["must be a list", "5"]),
        ("  users:\n    public: true\n", 6, ["must say in a few words why", "True"]),
        ("  users:\n    public: public data\n", 6, ["must say in a few words why"]),
    ],
)
def test_what_cannot_be_an_entity_or_a_reason_is_refused_with_its_line(
    tmp_path: Path, tables: str, line: int, words: list[str]
) -> None:
    with pytest.raises(PlanError, match=re.escape(f"{tmp_path / 'synth.yaml'}:{line}: ")) as caught:
        planned(tmp_path, tables, USERS)
    assert all(word in str(caught.value) for word in words), str(caught.value)
