"""Values are kept by the entities that hold them, and what was kept does not come and go with a single one."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from synth_ops.encode import FitRules, TableCodec
from synth_ops.encode.categorical import CategoricalCodec
from synth_ops.encode.numeric import NumericCodec
from synth_ops.plan.plan import Kind

RULES = FitRules(seed=0)
Ids = NDArray[np.int64]


def fitted(
    values: pa.Array, ids: Ids | list[int] | None, kind: Kind = "auto", before: TableCodec | None = None
) -> TableCodec:
    owners = None if ids is None else np.asarray(ids)
    return TableCodec.fit(pa.table({"x": values}), {"x": kind}, RULES, ids=owners, before=before)


def names(codec: TableCodec) -> set[str]:
    column = codec.codecs["x"]
    assert isinstance(column, CategoricalCodec)
    return set(column.names)


def ends(codec: TableCodec) -> list[float]:
    column = codec.codecs["x"]
    assert isinstance(column, NumericCodec)
    return [float(v) for v in column.scale.lattice.to_value(column.scale.leaves.ends)]


def points(codec: TableCodec) -> tuple[float, ...]:
    column = codec.codecs["x"]
    assert isinstance(column, NumericCodec)
    return tuple(column.scale.lattice.to_value(column.scale.leaves.point_values).tolist())


def crowd(n: int, first: int = 1_000) -> list[int]:
    """Give as many entities of one row each."""
    return list(range(first, first + n))


@pytest.mark.parametrize("kind", ["auto", "categorical"])
def test_a_category_of_one_prolific_customer_is_pooled(kind: Kind) -> None:
    values = pa.array(["common"] * 50 + ["Zebedee"] * 40)

    assert "Zebedee" in names(fitted(values, None, kind))
    codec = fitted(values, crowd(50) + [7] * 40, kind)
    assert names(codec) == {"common"}
    assert "Zebedee" not in json.dumps(codec.to_json())


def test_what_the_texts_of_one_customer_share_is_no_pattern() -> None:
    """Of twenty texts that begin with a word, all are one customer's."""
    theirs = [f"Zebedee{i:02d}" for i in range(20)]
    values = pa.array(["common"] * 50 + theirs)

    assert "Zebedee" in json.dumps(fitted(values, None).to_json())
    assert "Zebedee" not in json.dumps(fitted(values, crowd(50) + [7] * 20).to_json())


def test_a_column_whose_every_value_is_one_customers_holds_no_category() -> None:
    codec = fitted(pa.array(["Zebedee"] * 40), [7] * 40)

    assert codec.kinds == {"x": "text"}


def test_the_kth_entity_clips_and_not_the_kth_row() -> None:
    rng = np.random.default_rng(0)
    common, theirs = rng.normal(100, 5, 500), rng.normal(9_000, 1, 30)
    values = pa.array(np.append(common, theirs))

    assert ends(fitted(values, None))[1] > 8_000
    assert ends(fitted(values, crowd(500) + [7] * 30))[1] < 120


def test_a_number_that_one_customer_repeats_is_no_point() -> None:
    values = pa.array(np.append(np.random.default_rng(0).normal(100, 5, 500), [101.2345] * 30))

    assert 101.2345 in points(fitted(values, None))
    assert points(fitted(values, crowd(500) + [7] * 30)) == ()


@pytest.mark.parametrize("seed", range(5))
def test_each_cell_holds_rows_of_enough_entities(seed: int) -> None:
    """A few customers have most of the rows, each in a narrow band of its own."""
    rng = np.random.default_rng(seed)
    prolific = np.repeat(np.arange(12), 200)
    values = np.append(rng.normal(100, 30, 400), 40 + 10 * prolific + rng.random(len(prolific)))
    ids = np.append(crowd(400), prolific)

    codec = fitted(pa.array(values), ids)

    column = codec.codecs["x"]
    assert isinstance(column, NumericCodec)
    leaves = column.scale.leaves
    assert leaves.points == ()
    cells = np.clip(np.searchsorted(leaves.lows, values, side="right") - 1, 0, None)
    assert min(len(set(ids[cells == c].tolist())) for c in range(len(leaves.lows))) >= RULES.rare_below
    assert sum(leaves.counts) == len(values)


def test_a_column_of_few_entities_keeps_nothing() -> None:
    codec = fitted(pa.array(np.arange(900.0)), np.arange(900) % 9)

    assert ends(codec) == [0.0, 0.0]


def test_few_entities_around_one_value_keep_nothing() -> None:
    assert ends(fitted(pa.array([1] + [5] * 8 + [9]), None)) == [0.0, 0.0]


def test_dates_and_times_are_clipped_by_entities_too() -> None:
    day = dt.datetime(2026, 1, 1)
    common = [day + dt.timedelta(days=i % 60, seconds=977 * i % 86_400) for i in range(600)]
    theirs = [dt.datetime(1911, 11, 11, 11, 11, i) for i in range(30)]
    values = pa.array(common + theirs, pa.timestamp("us"))
    codec = fitted(values, crowd(600) + [7] * 30)

    made = codec.decode(codec.encode(pa.table({"x": values})), np.random.default_rng(0))

    assert min(made.column("x").to_pylist()) >= day


def test_a_category_stays_while_half_as_many_hold_it_and_enters_at_the_threshold() -> None:
    def of(n: int, before: TableCodec | None) -> set[str]:
        codec = fitted(pa.array(["common"] * 50 + ["edge"] * n + ["other"]), None, before=before)
        return names(codec)

    kept = fitted(pa.array(["common"] * 50 + ["edge"] * 10 + ["other"]), None)

    assert ["edge" in of(n, kept) for n in (9, 5, 4)] == [True, True, False]
    assert ["edge" in of(n, None) for n in (9, 5, 4)] == [False, False, False]
    assert "other" not in of(9, kept)


def test_a_column_stays_a_category_while_one_of_its_values_may_stay() -> None:
    before = fitted(pa.array(["edge"] * 10 + ["a", "b"]), None)

    after = fitted(pa.array(["edge"] * 8 + ["a", "b"]), None, before=before)

    assert (before.kinds, after.kinds) == ({"x": "categorical"}, {"x": "categorical"})
    assert fitted(pa.array(["edge"] * 8 + ["a", "b"]), None).kinds == {"x": "text"}


def test_a_number_stays_a_point_while_half_as_many_hold_it() -> None:
    rest = np.random.default_rng(0).normal(100, 5, 500).round(4)

    def priced(n: int) -> pa.Array:
        return pa.array(np.append(rest, [101.5] * n))

    before = fitted(priced(12), None)

    assert ["101.5" in str(points(fitted(priced(n), None, before=before))) for n in (9, 5, 4)] == [True, True, False]
    assert points(fitted(priced(9), None)) == ()


def test_a_bound_stays_while_rows_come_and_go_beyond_it() -> None:
    """One row more at the end would otherwise move what a copy shows as its largest value."""
    values = np.random.default_rng(0).lognormal(3, 1, 2_000)
    before = fitted(pa.array(values), None)
    nights = [np.append(values, [500.0 + i for i in range(n)]) for n in (1, 3, 6)] + [
        np.delete(values, values.argmax())
    ]

    assert {tuple(ends(fitted(pa.array(v), None, before=before))) for v in nights} == {tuple(ends(before))}
    assert len({tuple(ends(fitted(pa.array(v), None))) for v in nights}) == len(nights)


def test_a_bound_moves_where_many_lie_beyond_it_or_too_few() -> None:
    values = np.random.default_rng(0).lognormal(3, 1, 2_000)
    before = fitted(pa.array(values), None)
    high = ends(before)[1]
    many, few = np.append(values, high + np.arange(1, 30)), values[values < high * 0.9]

    assert ends(fitted(pa.array(many), None, before=before))[1] > high
    assert ends(fitted(pa.array(few), None, before=before))[1] < high * 0.9


def test_a_bound_stays_night_after_night() -> None:
    values = np.random.default_rng(0).integers(0, 10_000, 3_000)
    codec = fitted(pa.array(values), None)
    first = ends(codec)

    for night in range(5):
        codec = fitted(pa.array(np.append(values, np.full(night % 3, 20_000))), None, before=codec)

    assert ends(codec) == first


def test_what_lies_beyond_a_bound_that_stays_is_encoded_at_it() -> None:
    values = np.random.default_rng(0).lognormal(3, 1, 2_000)
    before = fitted(pa.array(values), None)
    tonight = pa.table({"x": np.append(values, [9_999.0])})
    codec = fitted(tonight.column("x").combine_chunks(), None, before=before)

    made = codec.decode(codec.encode(tonight), np.random.default_rng(0)).column("x").to_numpy()

    assert made.max() <= ends(before)[1]
    assert np.median(made) == pytest.approx(np.median(values), rel=0.05)


def test_a_codec_of_another_type_settles_nothing() -> None:
    before = fitted(pa.array(np.arange(2_000)), None)

    assert ends(fitted(pa.array(np.arange(2_000.0)), None, before=before)) == ends(
        fitted(pa.array(np.arange(2_000.0)), None)
    )
