import pyarrow as pa

from synth_ops.relate import Relations, sampling_order
from tests.synth_ops.relate.databases import key, plan_of, rows_of, table

ROWS = rows_of(id=[1], a=[1], b=[1])


def test_the_largest_parent_is_the_main_one() -> None:
    keys = [key("a", "small", "id"), key("b", "large", "id")]
    plan = plan_of(table("child", ROWS, "id", keys), table("small", ROWS, "id"), table("large", ROWS, "id"))

    main = Relations.of(plan, {"small": 5, "large": 50, "child": 500}).table("child").main

    assert main == keys[1]


def test_a_table_is_never_its_own_main_parent() -> None:
    plan = plan_of(table("staff", ROWS, "id", [key("a", "staff", "id")]))

    assert Relations.of(plan, {"staff": 9}).table("staff").main is None


def test_main_keys_form_no_cycle() -> None:
    tables = [table("x", ROWS, "id", [key("a", "y", "id")]), table("y", ROWS, "id", [key("a", "x", "id")])]

    relations = Relations.of(plan_of(*tables), {"x": 9, "y": 9})

    assert sum(t.main is not None for t in relations.tables) == 1


def test_copied_tables_come_first_and_parents_before_children() -> None:
    keys = [key("a", "parent", "id"), key("b", "list", "id")]
    tables = [table("child", ROWS, "id", keys), table("parent", ROWS, "id"), table("list", ROWS, "id", mode="copy")]

    order = sampling_order(Relations.of(plan_of(*tables), {"child": 9, "parent": 9, "list": 9}))

    assert order == ("list", "parent", "child")


def test_a_key_to_a_skipped_table_is_dropped() -> None:
    keys = [key("a", "gone", "id")]
    plan = plan_of(table("child", ROWS, "id", keys), table("gone", ROWS, "id", mode="skip"))

    relations = Relations.of(plan, {"child": 9})

    assert relations.table("child").foreign_keys == ()
    assert sampling_order(relations) == ("child",)


def test_relations_survive_json() -> None:
    plan = plan_of(table("child", ROWS, "id", [key("a", "parent", "id")]), table("parent", ROWS, "id"))
    relations = Relations.of(plan, {"child": 9, "parent": 9})

    assert type(relations).model_validate_json(relations.model_dump_json()) == relations
    assert isinstance(ROWS, pa.Table)
