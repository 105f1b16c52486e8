import numpy as np

from synth_ops.relate import Relations, augment, kept_of
from tests.synth_ops.relate.databases import key, plan_of, rows_of, table


def kept_in_shop(name: str) -> tuple[set[str], set[str]]:
    rng = np.random.default_rng(0)
    real = {
        "shop": rows_of("id", id=np.arange(160), size=rng.normal(size=160), note=[f"n{i}" for i in range(160)]),
        "order": rows_of("id", id=np.arange(400), shop_id=rng.integers(0, 160, 400), total=rng.random(400)),
        "log": rows_of("id", id=np.arange(50), level=rng.random(50)),
    }
    plan = plan_of(
        table("shop", real["shop"], "id"),
        table("order", real["order"], "id", [key("shop_id", "shop", "id")]),
        table("log", real["log"], "id"),
    )
    relations = Relations.of(plan, {n: t.num_rows for n, t in real.items()})
    kept = kept_of(name, {n: augment(plan, n, real, relations).spec for n in real})
    return set(kept.columns), set(kept.flat)


def test_nothing_is_kept_of_a_table_without_relations() -> None:
    assert kept_in_shop("log") == (set(), set())


def test_of_a_parent_its_key_is_kept_and_what_its_children_are_told() -> None:
    assert kept_in_shop("shop") == ({"id"}, {"@degree:order:shop_id->shop", "size", "note"})


def test_of_a_child_without_children_only_its_foreign_key_is_kept() -> None:
    assert kept_in_shop("order") == ({"shop_id"}, set())
