import pytest

from synth_ops.basis import Basis, basis_of, changes_between
from synth_ops.plan.plan import ColumnPlan, Entity, Plan, Privacy, TablePlan
from synth_ops.schema import Column, ForeignKey, Table

NAMES = ("id", "a", "b", "c", "d")


def table(
    name: str = "orders",
    columns: tuple[str, ...] = NAMES,
    *,
    fates: dict[str, str] | None = None,
    kinds: dict[str, str] | None = None,
    types: dict[str, str] | None = None,
    parent: str | None = None,
    key: tuple[str, ...] = ("id",),
    **changes: object,
) -> TablePlan:
    keys = (ForeignKey(columns=("a",), ref_table=parent, ref_columns=("id",)),) if parent else ()
    found = tuple(Column(name=c, source_type="text", arrow_type=(types or {}).get(c, "string")) for c in columns)
    source = Table(name=name, columns=found, foreign_keys=keys, primary_key=key)
    planned = tuple(
        ColumnPlan.model_validate(
            {"name": c, "fate": (fates or {}).get(c, "learn"), "kind": (kinds or {}).get(c, "auto"), "reason": "test"}
        )
        for c in columns
    )
    return TablePlan(name=name, columns=planned, table=source, foreign_keys=keys).model_copy(update=changes)


def basis(*tables: TablePlan, rare_below: int = 10, of: str = "orders", salt: str = "one") -> Basis:
    privacy = Privacy(rare_below=rare_below)
    plan = Plan(dataset="shop", source="", publish="", expectations="", privacy=privacy, tables=tables)
    return basis_of(plan, plan.table(of), salt=salt)


BEFORE = basis(table())


def test_prose_budgets_and_strangers_change_nothing() -> None:
    same = basis(table(rows=2.0, time_budget_seconds=5.0, public="so says the register"), table("else"))

    assert same == BEFORE
    assert Basis.model_validate_json(BEFORE.model_dump_json()) == BEFORE
    assert changes_between(BEFORE, same).model_dump() == {"forcing": "", "surviving": ""}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (basis(table(), rare_below=3), "privacy"),
        (basis(table(key_offset=9)), "keys"),
        (basis(table(), salt="another"), "another salt"),
        (basis(table(entity=Entity(columns=("a",)))), "whose its rows are changed"),
        (basis(table(parent="users"), table("users")), "keys"),
        (basis(table(), table("items", parent="orders")), "refer to it"),
        (basis(table(fates={"b": "fake"})), "'b' must not be learned"),
        (basis(table(kinds={"b": "text"})), "'b' must not be learned"),
        (basis(table(columns=("id", "a", "x", "y", "z"))), "6 columns"),
    ],
)
def test_what_no_model_survives(now: Basis, said: str) -> None:
    changes = changes_between(BEFORE, now)

    assert said in changes.forcing
    assert not changes.surviving


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (basis(table(columns=(*NAMES, "x"))), "column 'x' came"),
        (basis(table(columns=NAMES[:-1])), "column 'd' went"),
        (basis(table(columns=("id", "a", "b", "c", "x"))), "column 'x' came; column 'd' went"),
        (basis(table(types={"c": "int64"})), "column 'c' changed type"),
        (basis(table(kinds={"c": "categorical"})), "column 'c' changed by synth.yaml"),
    ],
)
def test_what_a_warm_start_survives(now: Basis, said: str) -> None:
    assert changes_between(BEFORE, now).model_dump() == {"forcing": "", "surviving": said}


def test_what_was_never_learned_may_be_learned_or_made_in_another_way() -> None:
    before = basis(table(fates={"b": "fake"}))

    assert changes_between(before, basis(table(fates={"b": "null"}))).surviving == "column 'b' changed by synth.yaml"
    assert not changes_between(before, basis(table())).forcing


def test_a_parents_columns_are_a_childs_too() -> None:
    before = basis(table(parent="users"), table("users"))

    came = changes_between(before, basis(table(parent="users"), table("users", columns=(*NAMES, "x"))))
    kept = changes_between(before, basis(table(parent="users"), table("users", fates={"b": "null"})))

    assert came.surviving == "column 'users.x' came"
    assert "'users.b'" in kept.forcing


def test_whose_a_parents_rows_are_is_whose_its_childrens_are() -> None:
    child = table(parent="users")
    child = child.model_copy(update={"entity": Entity(columns=("a",), through=child.foreign_keys[0])})

    changes = changes_between(basis(child, table("users")), basis(child, table("users", entity=Entity(columns=("b",)))))

    assert "whose its rows are changed" in changes.forcing


def test_a_table_without_a_primary_key_may_change_where_an_entity_says_what_is_held_out() -> None:
    named = Entity(columns=("a",))
    nullable = [basis(table(columns=names, key=(), entity=named)) for names in (NAMES, NAMES[:-1])]
    required = [basis(required_table(names, named)) for names in (NAMES, NAMES[:-1])]

    assert "held out" in changes_between(*nullable).forcing
    assert changes_between(*required).model_dump() == {"forcing": "", "surviving": "column 'd' went"}


def required_table(names: tuple[str, ...], entity: Entity) -> TablePlan:
    made = table(columns=names, key=(), entity=entity)
    columns = tuple(c.model_copy(update={"nullable": False}) for c in made.table.columns)
    return made.model_copy(update={"table": made.table.model_copy(update={"columns": columns})})


def test_without_a_primary_key_other_columns_hold_out_other_rows() -> None:
    """A warm start would then have met tonight's holdout."""
    before, now = basis(table(key=())), basis(table(columns=NAMES[:-1], key=()))

    assert "held out" in changes_between(before, now).forcing
