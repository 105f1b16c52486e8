"""Names, texts and tokens of production are not repeated; and a copy is held against the one before."""

import numpy as np
import pyarrow as pa

from synth_ops.measure.records import Measure, Measured
from synth_ops.measure.regression import measure_regression
from synth_ops.measure.replay import measure_replay, withheld_columns
from synth_ops.plan.plan import ColumnPlan, TablePlan
from synth_ops.schema import Column, ForeignKey, Table

N = 2000
HELD_OUT = np.arange(N) % 5 == 0


def names(prefix: str) -> pa.Table:
    return pa.table({"name": [f"{prefix}{i}" for i in range(N)]})


def replayed(copy: pa.Table, real: pa.Table | None = None) -> Measure:
    (measure,) = measure_replay("t", names("r") if real is None else real, copy, {"name": False}, HELD_OUT, 10)
    return measure


def test_repeated_names_are_a_share_and_new_ones_are_none() -> None:
    assert replayed(names("s")).observed == 0
    assert replayed(names("r")).observed == 0.8
    assert replayed(names("r")).floor == 0


def test_apostrophes_and_nulls_are_names_as_any() -> None:
    real = pa.table({"name": pa.array([f"O'Brien {i}" if i % 3 else None for i in range(N)])})

    assert (replayed(real, real).observed or 0) > 0.7


def test_a_name_that_many_bear_tells_of_no_one() -> None:
    smiths = pa.table({"name": ["Smith"] * N})

    assert replayed(smiths, smiths).observed == 0


def people(n: int, seed: int) -> np.ndarray:
    """Draw names as they are borne, some by many and most by few: a made-up one is drawn from the same."""
    return np.array([f"name {k}" for k in np.random.default_rng(seed).zipf(1.3, n) % 30_000])


def excess_of(copy: np.ndarray) -> float:
    """Give the excess of a faked column over 20,000 real rows."""
    real = pa.table({"name": people(20_000, 1)})
    held_out = np.arange(20_000) % 5 == 0
    (found,) = measure_replay("t", real, pa.table({"name": copy}), {"name": True}, held_out, 10)
    return found.excess or 0.0


def test_made_up_names_are_those_that_people_bear() -> None:
    for seed in range(10, 30):
        assert excess_of(people(20_000, seed)) < 0.005


def test_real_names_among_made_up_ones_are_found() -> None:
    real, copy = people(20_000, 1), people(20_000, 2)
    values, counts = np.unique(real[np.arange(20_000) % 5 > 0], return_counts=True)
    leaked = values[counts == 1]
    copy[:600] = leaked[:600]

    assert excess_of(copy) > 0.005


def test_words_that_no_model_learned_are_withheld_and_references_are_not() -> None:
    columns = {"id": "string", "name": "string", "age": "int64", "owner": "string", "kind": "string"}
    fates = {"id": "mint", "name": "fake", "age": "learn", "owner": "mint", "kind": "learn"}
    key = ForeignKey(columns=("owner",), ref_table="owners", ref_columns=("id",))
    plan = TablePlan(
        name="t",
        columns=tuple(ColumnPlan(name=n, fate=f, reason="a test") for n, f in fates.items()),
        foreign_keys=(key,),
        table=Table(
            name="t", columns=tuple(Column(name=n, source_type="any", arrow_type=t) for n, t in columns.items())
        ),
    )

    assert withheld_columns(plan, ("age", "kind")) == ("id", "name")


def of(observed: float) -> Measure:
    return Measure(table="t", name="mean_pair_error", observed=observed, floor=0.01, floor_high=0.02)


def test_a_copy_that_is_worse_than_the_last_says_by_how_much() -> None:
    last = Measured(night="2026-01-01", inputs="", measures=(of(0.03),), seconds=0)

    (grown,) = measure_regression("t", {"mean_pair_error": of(0.08)}, last)
    (first,) = measure_regression("t", {"mean_pair_error": of(0.08)}, None)

    assert round(grown.observed or 0, 6) == 0.05
    assert first.observed == 0
