import pytest

from synth_ops.plan.plan import ColumnPlan, Fate, Kind, Plan, Privacy, TablePlan
from synth_ops.privacy.budget import learned_columns, spending_of
from synth_ops.schema import Column, ForeignKey, Table

TYPES = {"auto": "string", "numeric": "int64", "datetime": "timestamp[us]", "boolean": "bool"}
PRIVACY = Privacy(epsilon=3.0, delta=1e-6)


def table(columns: dict[str, tuple[Fate, Kind]], **keys: object) -> TablePlan:
    source = Table(
        name="t",
        columns=tuple(
            Column(name=n, source_type=TYPES[kind], arrow_type=TYPES[kind]) for n, (_, kind) in columns.items()
        ),
        primary_key=("id",),
    )
    plans = tuple(ColumnPlan(name=n, fate=fate, kind=kind, reason="") for n, (fate, kind) in columns.items())
    return TablePlan.model_validate({"name": "t", "columns": plans, "table": source, **keys})


ORDERS = table(
    {
        "id": ("mint", "numeric"),
        "user_id": ("learn", "numeric"),
        "plan": ("learn", "auto"),
        "total": ("learn", "numeric"),
        "made": ("learn", "datetime"),
        "email": ("fake", "auto"),
    },
    foreign_keys=(ForeignKey(columns=("user_id",), ref_table="t", ref_columns=("id",)),),
)


def plan(planned: TablePlan) -> Plan:
    return Plan(dataset="d", source="s", publish="p", expectations="e", privacy=PRIVACY, tables=(planned,))


def test_training_costs_epsilon_and_hardly_less() -> None:
    epsilon = spending_of(plan(ORDERS), ORDERS).epsilon(1e-6)

    assert 2.99 < epsilon <= 3.0


def test_every_histogram_that_may_be_asked_for_is_paid_for() -> None:
    """One of the rows, one of the key's nulls, and of the columns one, six and eleven."""
    spending = spending_of(plan(ORDERS), ORDERS)

    assert learned_columns(ORDERS) == ("plan", "total", "made")
    assert spending.n_histograms == spending.counts.count == 1 + 1 + 1 + 6 + 11


def test_table_of_keys_alone_costs_its_count_of_rows() -> None:
    keys = table({"id": ("mint", "numeric")})
    spending = spending_of(plan(keys), keys)

    assert spending.gradients is None
    assert spending.epsilon(1e-6) == pytest.approx(1.0, rel=0.01)
