import numpy as np
import pyarrow as pa
import pytest

from synth_ops.measure import Sides
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.report import KeyChart
from synth_ops.report.keys import collect_keys
from synth_ops.schema import Column, ForeignKey, Table

K = 10
KEY = ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",))


def side(children: list[int], n_orphans: int = 0, n_null: int = 0) -> dict[str, pa.Table]:
    """Give users with so many orders each."""
    references = np.repeat(np.arange(len(children)), children).tolist() + [10**6] * n_orphans + [None] * n_null
    orders = {"id": range(len(references)), "user_id": pa.array(references, pa.int64())}
    return {"users": pa.table({"id": pa.array(range(len(children)), pa.int64())}), "orders": pa.table(orders)}


def collect(real: dict[str, pa.Table], synthetic: dict[str, pa.Table]) -> KeyChart:
    (chart,) = collect_all(real, synthetic)
    return chart


def collect_all(real: dict[str, pa.Table], synthetic: dict[str, pa.Table]) -> tuple[KeyChart, ...]:
    def table(name: str, *keys: ForeignKey) -> TablePlan:
        columns = real[name].column_names
        declared = tuple(Column(name=c, source_type="-", arrow_type="int64") for c in columns)
        planned = tuple(ColumnPlan(name=c, fate="mint", reason="-") for c in columns)
        return TablePlan(name=name, foreign_keys=keys, columns=planned, table=Table(name=name, columns=declared))

    plan = Plan(dataset="d", source="", publish="", expectations="", tables=(table("users"), table("orders", KEY)))
    sides = Sides(
        real=lambda name, columns: real[name].select(list(columns or real[name].column_names)),
        synthetic=lambda name, columns: synthetic[name].select(list(columns or synthetic[name].column_names)),
    )
    return collect_keys(plan, plan.tables[1], sides)


def test_children_per_parent_are_counted_on_both_sides() -> None:
    chart = collect(side([0] * 50 + [1] * 30 + [2] * 20), side([0] * 10 + [1] * 10))

    assert chart.labels == ("0", "1", "2 or more")
    assert chart.real == (0.5, 0.3, 0.2)
    assert chart.synthetic == (0.5, 0.5, 0.0)
    assert (chart.mean_real, chart.mean_synthetic) == (0.7, 0.5)


def test_the_parent_with_most_children_is_not_told() -> None:
    chart = collect(side([1] * 40 + [3] * 40 + [777]), side([1] * 40))

    assert chart.labels == ("0 to 1", "2 or more")
    assert chart.mean_real == 2.01, "the one with most counts as no more than the tenth does"


@pytest.mark.parametrize("seed", range(8))
def test_every_bar_holds_enough_real_parents(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 400))
    children = (rng.pareto(1.0, n) * rng.integers(1, 30)).astype(int).clip(0, 500).tolist()

    chart = collect(side(children), side(children))

    assert min(chart.real, default=1.0) >= K / n * 0.995
    assert len(chart.labels) == len(chart.real) == len(chart.synthetic)


def test_too_few_parents_are_not_drawn() -> None:
    chart = collect(side([1] * 9), side([1] * 9))

    assert (chart.labels, chart.real, chart.mean_real) == ((), (), None)


def test_few_orphans_and_few_nulls_are_not_counted_out() -> None:
    chart = collect(side([1] * 100, n_orphans=3, n_null=4), side([1] * 100, n_orphans=100))

    assert (chart.orphans_real, chart.nulls_real) == (None, None)
    assert chart.orphans_synthetic == 0.5


def test_a_lost_key_column_is_left_out_of_the_drawing() -> None:
    whole = side([1] * 100)
    lost = {**whole, "orders": whole["orders"].select(["id"])}

    assert collect_all(whole, lost) == ()
