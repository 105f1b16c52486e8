import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.plan.plan import Plan
from synth_ops.relate import Augmented, Relations, TableSpec, augment
from tests.synth_ops.relate.databases import Real, key, plan_of, rows_of, table


def family(n_parents: int = 160) -> tuple[Plan, Real]:
    rng = np.random.default_rng(0)
    child = rows_of(
        "id",
        id=np.arange(100),
        parent_id=pa.array(rng.integers(0, 19, 100), mask=np.arange(100) % 10 == 0),
        kind_id=rng.integers(0, 3, 100),
        size=rng.random(100),
    )
    real = {
        "parent": rows_of(
            "id", id=np.arange(n_parents), city=["x", "y"] * (n_parents // 2), name=[f"n{i}" for i in range(n_parents)]
        ),
        "kind": rows_of("id", id=np.arange(3)),
        "child": child,
    }
    keys = [key("parent_id", "parent", "id"), key("kind_id", "kind", "id")]
    return plan_of(
        table("parent", real["parent"], "id"),
        table("kind", real["kind"], "id", mode="copy"),
        table("child", child, "id", keys),
    ), real


def augmented(name: str, *, keep: NDArray[np.bool_] | None = None, n_parents: int = 160) -> Augmented:
    plan, real = family(n_parents)
    return augment(plan, name, real, Relations.of(plan, {n: t.num_rows for n, t in real.items()}), keep=keep)


def test_context_comes_first_and_keys_stay_out() -> None:
    made = augmented("child")

    assert made.table.column_names == [
        "@link", "@parent:city", "@parent:name", "@parent:@degree", "size", "@fk:kind_id->kind",
    ]  # fmt: skip
    assert made.context == tuple(made.table.column_names[:4])


def test_of_few_parents_a_child_is_told_their_children_alone() -> None:
    """The columns of so few are made each by itself: a synthetic parent is none that the model has seen."""
    assert augmented("child", n_parents=120).context == ("@link", "@parent:@degree")


def test_a_parent_learns_how_many_children_it_has() -> None:
    made = augmented("parent")

    assert made.table.column_names == ["city", "name", "@degree:child:parent_id->parent"]
    assert sum(made.table.column(2).to_pylist()) == 90


def test_a_child_without_a_parent_has_null_context() -> None:
    rows = augmented("child").table.to_pylist()

    assert {r["@link"] for r in rows if r["@parent:city"] is None} == {"null"}
    assert sum(r["@link"] == "null" for r in rows) == 10


def test_only_kept_rows_are_learned_from() -> None:
    assert augmented("child", keep=np.arange(100) < 60).table.num_rows == 60


def test_a_word_that_one_entitys_keys_share_is_no_shape_of_keys() -> None:
    """Of forty orders whose numbers begin with a name, all are one customer's."""
    numbers = [f"ZEBEDEE-{i:04d}" for i in range(40)] + [f"ORDER-{i:04d}" for i in range(60)]
    orders = rows_of("number", number=numbers, size=np.arange(100))
    plan = plan_of(table("orders", orders, "number"))
    ids = np.append(np.zeros(40), np.arange(1, 61)).astype(np.uint64)
    relations = Relations.of(plan, {"orders": 100})

    by_row = augment(plan, "orders", {"orders": orders}, relations).spec.model_dump_json()
    by_entity = augment(plan, "orders", {"orders": orders}, relations, ids=ids).spec.model_dump_json()

    assert "ZEBEDEE" in by_row
    assert "ZEBEDEE" not in by_entity
    assert "ORDER" in by_entity


def test_every_flat_column_has_a_kind() -> None:
    made = augmented("child")

    assert set(made.kinds) == set(made.table.column_names)
    assert made.kinds["@fk:kind_id->kind"] == "categorical"


def test_the_spec_survives_json() -> None:
    spec = augmented("child").spec

    assert TableSpec.model_validate_json(spec.model_dump_json()) == spec
