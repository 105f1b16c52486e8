from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.errors import PlanError
from synth_ops.what_if import OpenModel, open_model


def people(n: int, seed: int = 0) -> pa.Table:
    """Give rows in which the plan follows the size, and the price follows both; a tenth of the prices is missing."""
    rng = np.random.default_rng(seed)
    size = rng.normal(0, 1, n)
    plan = np.where(size > 0, "pro", "free")
    price = np.where(plan == "pro", 100 + 10 * size, 5.0).round(2)
    missing = rng.random(n) < 0.1
    return pa.table({"size": size, "plan": plan, "price": pa.array(price, mask=missing)})


@pytest.fixture(scope="module")
def model() -> OpenModel:
    from synth_ops.model import NetworkConfig, TrainingConfig, fit_synthesizer

    table = people(3_000)
    codec = TableCodec.fit(table, {}, FitRules(seed=0))
    config = TrainingConfig(n_epochs=25, conditioning=1.0, network=NetworkConfig(d_hidden=64, d_conditioning=64))
    return OpenModel(codec, fit_synthesizer("vae", codec.encode(table), codec.layout, 0, config)[0])


def test_what_is_given_is_kept_and_the_rest_follows(model: OpenModel) -> None:
    rows = model.sample(500, given={"plan": "pro"})

    assert rows.column("plan").unique().to_pylist() == ["pro"]
    assert pc.mean(pc.greater(rows.column("size"), -0.1)).as_py() > 0.9


def test_a_column_of_values_is_given_row_by_row(model: OpenModel) -> None:
    sizes = np.linspace(-2, 2, 400)

    rows = model.sample(400, given={"size": sizes})

    np.testing.assert_array_equal(rows.column("size").to_numpy(), sizes)
    follows = (rows.column("plan").to_numpy(zero_copy_only=False) == "pro") == (sizes > 0)
    assert follows.mean() > 0.9


def test_missing_values_are_filled_and_others_stay(model: OpenModel) -> None:
    table = people(400, seed=5)

    filled = model.impute(table)

    assert filled.column("price").null_count == 0
    known = table.column("price").is_valid()
    assert filled.column("price").filter(known).equals(table.column("price").filter(known))
    made = filled.filter(pc.invert(known))
    is_pro = pc.equal(made.column("plan"), "pro").to_numpy()
    assert ((made.column("price").to_numpy() > 50) == is_pro).mean() > 0.85


def test_rebalancing_gives_the_shares_that_are_asked_for(model: OpenModel) -> None:
    rows = model.rebalance(2_000, "plan", {"pro": 9, "free": 1})

    assert abs(pc.mean(pc.equal(rows.column("plan"), "pro")).as_py() - 0.9) < 0.03


def test_the_same_seed_draws_the_same_rows(model: OpenModel) -> None:
    assert model.sample(50, seed=3).equals(model.sample(50, seed=3))
    assert not model.sample(50, seed=3).equals(model.sample(50, seed=4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"color": "red"}, "must be learned ones"),
        ({"plan": "platinum"}, "its model knows"),
        ({"size": "large"}, "values of type double"),
        ({"size": [1.0, 2.0]}, "one for each of 5 rows"),
    ],
)
def test_what_cannot_be_given_is_refused_by_name(model: OpenModel, given: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message) as refused:
        model.sample(5, given=given)

    assert "platinum" not in str(refused.value)


def test_a_table_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="synth-ops train"):
        open_model(tmp_path, "shop", "users")
