import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.encode.noisy import NoisyCodec, NoisyRules, fit_noisy_codec
from synth_ops.plan.plan import Kind
from synth_ops.privacy.counting import NoisyCounter

N_ROWS = 20_000
FAILURE = 1e-11
KINDS: Mapping[str, Kind] = {
    "age": "numeric",
    "price": "numeric",
    "size": "numeric",
    "made": "datetime",
    "day": "datetime",
    "at": "time",
    "ok": "boolean",
    "plan": "auto",
    "raw": "auto",
    "tags": "auto",
    "nothing": "auto",
}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(0)
    start = np.datetime64("2023-01-01T00:00:00", "us")
    return pa.table(
        {
            "age": rng.integers(18, 90, N_ROWS),
            "price": np.round(rng.lognormal(4, 1.2, N_ROWS), 2),
            "size": rng.normal(0, 1, N_ROWS).astype(np.float32),
            "made": start + rng.integers(0, 86_400 * 500, N_ROWS).astype("timedelta64[s]"),
            "day": start.astype("datetime64[D]") + rng.integers(0, 500, N_ROWS),
            "at": pa.array(60 * rng.integers(8 * 60, 18 * 60, N_ROWS), pa.int32()).cast(pa.time32("s")),
            "ok": pa.array(rng.random(N_ROWS) < 0.3, mask=rng.random(N_ROWS) < 0.1),
            "plan": pa.array(rng.choice(["free", "paid", "team"], N_ROWS, p=[0.5, 0.3, 0.2])),
            "raw": pa.array([b"x"] * N_ROWS, pa.binary()),
            "tags": pa.array([["a"]] * N_ROWS, mask=rng.random(N_ROWS) < 0.5),
            "nothing": pa.nulls(N_ROWS),
        }
    )


def fitted(table: pa.Table, kinds: Mapping[str, Kind], *, noise: float = 15.0, n: int = 100) -> NoisyCodec:
    rules = NoisyRules(NoisyCounter(noise, n, np.random.default_rng(1)), FAILURE, rare_below=10)
    return fit_noisy_codec(table, kinds, rules)


def test_counts_come_with_every_code_and_are_about_those_of_rows(table: pa.Table) -> None:
    codec, counts = fitted(table, KINDS)
    codes = codec.encode(table)

    sizes = codec.layout.sizes
    assert len(counts) == sum(sizes)
    assert counts.min() >= 0
    for i, noisy in enumerate(np.split(counts, np.cumsum(sizes)[:-1])):
        exact = np.bincount(codes[:, i], minlength=sizes[i])
        assert np.abs(noisy / noisy.sum() - exact / N_ROWS).sum() < 0.25, codec.layout.sub_columns[i]


def test_decoded_rows_are_near_and_of_the_same_types(table: pa.Table) -> None:
    codec, _ = fitted(table, KINDS)
    back = codec.decode(codec.encode(table), np.random.default_rng(2))

    assert back.schema.types == table.schema.types
    for name, near in {"age": 1.0, "price": 8.0, "size": 0.1}.items():
        ours, theirs = (t.column(name).to_numpy() for t in (back, table))
        assert np.median(np.abs(ours - theirs)) <= near, name
    for name in ("plan", "ok"):
        assert back.column(name).combine_chunks() == table.column(name).combine_chunks()


def test_grain_of_prices_whole_seconds_and_minutes_is_kept(table: pa.Table) -> None:
    codec, _ = fitted(table, KINDS)
    back = codec.decode(codec.encode(table), np.random.default_rng(2))

    prices = back.column("price").to_numpy()
    assert (np.round(prices, 2) == prices).all()
    assert all(made.microsecond == 0 for made in back.column("made").to_pylist()[:1_000])
    assert all(at.second == 0 for at in back.column("at").to_pylist()[:1_000])


@pytest.mark.parametrize("noise", [5.0, 40.0, 400.0])
def test_no_singleton_of_ten_thousand_is_kept(noise: float) -> None:
    """Where noise is added to what was observed, and the threshold forgets δ, half of them would be."""
    names = [f"person-{i:05}" for i in range(10_000)]
    table = pa.table({"name": names})
    for kind in ("auto", "categorical", "text"):
        codec, counts = fitted(table, {"name": kind}, noise=noise)

        assert "person" not in json.dumps(codec.to_json())
        assert codec.kinds["name"] == "text"
        assert len(counts) == 2
        assert not set(codec.decode(codec.encode(table), np.random.default_rng(0)).column(0).to_pylist()) & set(names)


def test_common_names_are_kept_and_the_others_come_back_as_those() -> None:
    names = ["free"] * 6_000 + ["paid"] * 3_000 + [f"person-{i}" for i in range(1_000)]
    table = pa.table({"plan": names})
    codec, counts = fitted(table, {"plan": "auto"})
    back = codec.decode(codec.encode(table), np.random.default_rng(0))

    assert set(back.column(0).to_pylist()) == {"free", "paid"}
    assert counts.tolist() == pytest.approx([0, 1_000, 6_000, 3_000], abs=15 * 5 * 32)  # noise of a thousand cells


def test_one_row_far_off_leaves_no_trace() -> None:
    rng = np.random.default_rng(0)
    usual = pa.table({"income": np.append(rng.normal(50_000, 9_000, 5_000).round(2), 50_000.0)})
    rich = pa.table({"income": np.append(usual.column(0).to_numpy()[:-1], 987_654_321.12)})
    codecs = [fitted(t, {"income": "numeric"}).codec.to_json() for t in (usual, rich)]
    leaves = [codec["columns"][0]["codec"]["scale"]["leaves"] for codec in codecs]

    assert "98765432" not in json.dumps(codecs[1])
    assert leaves[0]["high"] == leaves[1]["high"] < 10_000_000  # cents
    assert leaves[0]["lows"] == leaves[1]["lows"]


@pytest.mark.parametrize("dtype", [pa.int8(), pa.uint64(), pa.float64(), pa.decimal128(38, 4), pa.duration("ms")])
def test_column_without_a_value_or_of_the_widest_ones_is_fitted(dtype: pa.DataType) -> None:
    most = {pa.uint64(): 2**64 - 1, pa.float64(): np.inf, pa.int8(): -128}.get(dtype, 7)
    for values in ([None] * 50, [most] * 50):
        table = pa.table({"x": pa.array(values, dtype)})
        codec, counts = fitted(table, {"x": "numeric"})
        back = codec.decode(codec.encode(table), np.random.default_rng(0))

        assert back.schema.types == [dtype]
        assert len(counts) == sum(codec.layout.sizes)


def test_empty_table_is_fitted() -> None:
    table = pa.table(
        {n: pa.array([], t) for n, t in {"age": pa.int64(), "plan": pa.string(), "ok": pa.bool_()}.items()}
    )
    codec, counts = fitted(table, {"age": "numeric", "plan": "auto", "ok": "boolean"})

    assert len(counts) == sum(codec.layout.sizes)


def test_column_that_may_not_be_null_is_given_no_nulls() -> None:
    schema = pa.schema([pa.field("ok", pa.bool_(), nullable=False), pa.field("n", pa.int64(), nullable=False)])
    codec, counts = fitted(pa.table({"ok": [True] * 99, "n": range(99)}, schema=schema), {"ok": "boolean", "n": "auto"})

    first = np.cumsum([0, *codec.layout.sizes])[:-1]
    assert counts[first].tolist() == [0, 0]


def test_fitting_asks_for_no_more_histograms_than_the_budget_knows(table: pa.Table) -> None:
    """Numbers ask for six, instants for eleven, and all others for one."""
    expected = 3 * 6 + 11 + 11 + 6 + 5

    fitted(table, KINDS, n=expected)
