"""What is kept, what is pooled, and what is refused."""

import datetime as dt
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.errors import PlanError
from synth_ops.plan.plan import Kind

RULES = FitRules(seed=0)
RNG_SEED = 3


def codec_of(values: pa.Array, kind: Kind = "auto", rules: FitRules = RULES) -> TableCodec:
    return TableCodec.fit(pa.table({"x": values}), {"x": kind}, rules)


def decoded(values: pa.Array, kind: Kind = "auto", rules: FitRules = RULES) -> pa.ChunkedArray:
    codec = codec_of(values, kind, rules)
    table = pa.table({"x": values})
    return codec.decode(codec.encode(table), np.random.default_rng(RNG_SEED)).column("x")


def leaves_of(data: object) -> Iterator[object]:
    """Give every number and text in a JSON value."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from (key, *leaves_of(value))
    elif isinstance(data, list):
        for value in data:
            yield from leaves_of(value)
    else:
        yield data


def kept_in_json(codec: TableCodec) -> set[object]:
    return set(leaves_of(json.loads(json.dumps(codec.to_json()))))


@pytest.mark.parametrize("clip_extremes", [True, False])
def test_json_holds_no_float_of_a_continuous_column(*, clip_extremes: bool) -> None:
    values = np.random.default_rng(0).lognormal(3, 2, 5_000)
    codec = codec_of(pa.array(values), rules=FitRules(seed=0, clip_extremes=clip_extremes))

    assert not kept_in_json(codec) & set(values.tolist())


@pytest.mark.parametrize("n", [1, 5, 9, 10, 11, 25, 39, 40, 41, 100, 1000])
def test_json_holds_no_lone_integer_far_from_others(n: int) -> None:
    values = np.random.default_rng(n).choice(10**15, n, replace=False) + 10**6
    codec = codec_of(pa.array(values))

    assert not kept_in_json(codec) & set(values.tolist())


@pytest.mark.parametrize("n_common", [0, 10, 11, 100, 5_000])
def test_no_outlier_is_kept_or_comes_back(n_common: int) -> None:
    common = np.random.default_rng(0).integers(20_000, 60_000, n_common)
    values = pa.array(np.append(common, [987_654_321, -123_456_789]))
    codec = codec_of(values)

    assert not kept_in_json(codec) & {987_654_321, -123_456_789}
    assert not {987_654_321, -123_456_789} & set(decoded(values).to_pylist())


def test_the_step_of_a_lattice_does_not_give_an_outlier_away() -> None:
    values = pa.array([1_000] * 30 + [2_000] * 30 + [1_777_123])
    kept = [v for v in kept_in_json(codec_of(values)) if isinstance(v, int)]

    assert all(abs(v) < 10_000 for v in kept)


def test_json_holds_no_rare_instant() -> None:
    days = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=i % 30, seconds=37 * i) for i in range(600)]
    lone = dt.datetime(1911, 11, 11, 11, 11, 11, tzinfo=dt.UTC)
    codec = codec_of(pa.array([*days, lone], pa.timestamp("us", "UTC")))
    day, second = divmod(int(lone.timestamp()), 86_400)

    assert day not in kept_in_json(codec)
    assert int(lone.timestamp()) * 10**6 not in kept_in_json(codec)
    assert second > 0


def test_json_holds_no_rare_category() -> None:
    values = pa.array(["common"] * 50 + ["usual"] * 20 + [f"Zebedee{i}" for i in range(9)] + ["Quixote"] * 9)
    codec = codec_of(values)

    assert codec.kinds == {"x": "categorical"}
    assert {"common", "usual"} <= kept_in_json(codec)
    assert "Quixote" not in json.dumps(codec.to_json())
    assert not any(f"Zebedee{i}" in json.dumps(codec.to_json()) for i in range(9))


def test_rare_categories_come_back_made_up() -> None:
    rare = [f"Person {a}{b}nski" for a in "ABCDEFGHIJ" for b in "abcdefgh"]
    now = decoded(pa.array(["common"] * 500 + rare)).to_pylist()

    assert now[:500] == ["common"] * 500
    assert "common" not in now[500:]


def test_rare_values_that_are_no_texts_become_kept_ones() -> None:
    values = pa.array([1] * 50 + [2] * 20 + [777])

    assert set(decoded(values, "categorical").to_pylist()) == {1, 2}


def test_metadata_of_the_schema_is_not_kept() -> None:
    table = pa.table({"x": [1]}).replace_schema_metadata({"secret": "value"})

    assert TableCodec.fit(table, {}, RULES).schema.metadata is None


def test_frequent_values_come_back_exactly() -> None:
    values = pa.array(np.random.default_rng(0).poisson(20, 20_000))
    found, counts = np.unique(values.to_numpy(), return_counts=True)
    frequent = set(found[counts >= RULES.rare_below].tolist())
    pairs = zip(values.to_pylist(), decoded(values).to_pylist(), strict=True)

    assert all(a == b for a, b in pairs if a in frequent)


def test_cents_stay_cents() -> None:
    values = np.round(np.random.default_rng(0).lognormal(5, 2, 20_000), 2)
    now = decoded(pa.array(values)).to_numpy()

    assert (np.round(now, 2) == now).all()


def test_multiples_stay_multiples() -> None:
    values = pa.array(np.random.default_rng(0).integers(0, 10**6, 20_000) * 250 + 7)

    assert {v % 250 for v in decoded(values).to_pylist()} == {7}


def test_whole_minutes_stay_whole_minutes() -> None:
    minutes = np.random.default_rng(0).integers(0, 10**6, 20_000)
    now = decoded(pa.array(minutes * 60_000_000, pa.timestamp("us"))).cast(pa.int64()).to_numpy()

    assert (now % 60_000_000 == 0).all()


def test_a_continuous_column_keeps_its_distribution() -> None:
    values = np.random.default_rng(0).standard_t(2, 30_000)
    now = decoded(pa.array(values)).to_numpy()
    probabilities = np.linspace(0.001, 0.999, 999)
    ranks = np.searchsorted(np.sort(now), np.quantile(values, probabilities)) / len(now)

    assert np.abs(ranks - probabilities).max() < 0.001


def test_each_value_stays_in_its_leaf() -> None:
    values = pa.array(np.random.default_rng(0).normal(size=10_000))
    codec = codec_of(values)
    codes = codec.encode(pa.table({"x": values}))
    again = codec.decode(codes, np.random.default_rng(1))

    assert (codec.encode(again) == codes).all()


def test_point_masses_among_continuous_values_keep_their_share() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.3, 0.0, rng.normal(size=20_000))
    now = decoded(pa.array(values)).to_numpy()

    assert (now == 0).sum() == (values == 0).sum()


def test_infinities_and_nan_are_kept() -> None:
    values = pa.array([np.nan, np.inf, -np.inf, 1.5] * 20 + [None], from_pandas=False)
    now = decoded(values)

    assert repr(now.to_pylist()) == repr(values.to_pylist())


def test_a_lone_infinity_is_pooled() -> None:
    assert np.isfinite(decoded(pa.array([1.0] * 20 + [np.inf])).to_numpy()).all()


def test_unseen_values_take_the_nearest_code() -> None:
    codec = codec_of(pa.array([10] * 20 + [20] * 20 + [30] * 20))
    codes = codec.encode(pa.table({"x": pa.array([-(2**63), 14, 16, 2**63 - 1, None])}))

    assert codec.decode(codes, np.random.default_rng(0)).column("x").to_pylist() == [10, 10, 20, 30, None]


def test_an_unseen_category_is_rare_where_there_are_rare_ones() -> None:
    codec = codec_of(pa.array(["a"] * 20 + ["b"] * 30 + ["lone"]))

    assert codec.encode(pa.table({"x": ["new", "lone", "b"]}))[:, 0].tolist() == [1, 1, 2]


def test_an_unseen_category_is_the_most_frequent_where_there_are_no_rare_ones() -> None:
    codec = codec_of(pa.array(["a"] * 20 + ["b"] * 30))

    assert codec.encode(pa.table({"x": ["new", "b", None]}))[:, 0].tolist() == [1, 1, 0]


def test_columns_can_be_encoded_and_decoded_alone() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"a": rng.normal(size=5_000), "b": ["x", "y"] * 2_500, "c": rng.integers(0, 9, 5_000)})
    codec = TableCodec.fit(table, {}, RULES)
    codes = codec.encode(table, columns=["c", "b"])

    assert codec.decode(codes, rng, columns=["c", "b"]).equals(table.select(["c", "b"]))
    assert (codec.encode(table.select(["b"]), columns=["b"])[:, 0] == codes[:, 1]).all()


def test_a_fine_sub_column_names_its_coarse_one() -> None:
    table = pa.table({"a": ["x"] * 20_000, "b": [f"n{i:04d}" for i in np.arange(20_000) % 1_000]})
    coarse, fine = TableCodec.fit(table, {}, RULES).layout.sub_columns[1:]

    assert (coarse.part, coarse.n_special, fine.part, fine.within) == ("coarse", 1, "fine", 1)


def test_same_seed_gives_same_rows() -> None:
    values = pa.array(np.random.default_rng(0).normal(size=1_000))

    assert decoded(values).equals(decoded(values))


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(PlanError, match="must have column 'x'"):
        codec_of(pa.array([1])).encode(pa.table({"y": [1]}))


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(PlanError, match="among those fitted"):
        codec_of(pa.array([1])).encode(pa.table({"x": [1]}), columns=["z"])


def test_a_changed_type_is_refused_without_a_value() -> None:
    with pytest.raises(PlanError, match="must be int64") as refused:
        codec_of(pa.array([1])).encode(pa.table({"x": ["secret"]}))

    assert "secret" not in str(refused.value)


def test_a_kind_that_does_not_suit_the_type_is_refused() -> None:
    with pytest.raises(PlanError, match="cannot be numeric"):
        codec_of(pa.array(["a"]), "numeric")


def test_codes_of_another_width_are_refused() -> None:
    with pytest.raises(PlanError, match="sub-columns"):
        codec_of(pa.array([1])).decode(np.zeros((1, 7), np.int32), np.random.default_rng(0))


def test_texts_are_categories_when_any_is_common() -> None:
    """What is common is kept and the rest made up: a column of text alone would lose its common values."""
    texts = pa.array(["a"] * 10 + [f"id {i}" for i in range(50)])

    assert codec_of(texts).kinds == {"x": "categorical"}
    assert codec_of(texts[1:]).kinds == {"x": "text"}


def test_midnights_need_no_time_of_day() -> None:
    days = pa.array(np.arange(60) % 3 * 86_400, pa.timestamp("s"))

    assert [s.part for s in codec_of(days).layout.sub_columns] == ["day"]
    assert decoded(days).combine_chunks().equals(days)
