"""What a copy lost of how columns, nulls, parents and successive rows go together."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synth_ops.measure.draws import draw_samples
from synth_ops.measure.joined import measure_across, relates
from synth_ops.measure.pairs import measure_associations, measure_null_relations, measure_pairs
from synth_ops.measure.records import Measure
from synth_ops.measure.relations import Sides
from synth_ops.measure.sequences import follows, measure_sequences
from synth_ops.measure.triples import measure_null_patterns, measure_triples
from synth_ops.measure.usefulness import measure_usefulness
from synth_ops.plan.plan import ColumnPlan, Plan, TablePlan
from synth_ops.schema import Column, ForeignKey, Table
from tests.synth_ops.measure.test_figures import stack_of

N = 4000


def draw(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    word = np.where(x + 0.5 * rng.normal(size=N) > 0, "high", "low")
    y = pd.Series(x + 0.3 * rng.normal(size=N)).where(~((x > 0.5) & (rng.random(N) < 0.8)))
    z = pd.Series(rng.normal(size=N)).where(y.notna() | (rng.random(N) < 0.1))
    return pd.DataFrame({"x": x, "word": word, "y": y, "z": z})


def table(rows: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(column.tolist(), from_pandas=True) for name, column in rows.items()})


def shuffled(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows.assign(**{name: np.random.default_rng(0).permutation(rows[name].to_numpy())})


def measured(measure: object, copy: pd.DataFrame, *more: object) -> dict[tuple[str, str], Measure]:
    rng = np.random.default_rng(0)
    stack = stack_of(table(draw(1)), table(copy))
    draws = draw_samples(stack, 6, 50_000, rng)
    return {(m.name, m.subject): m for m in measure("t", stack, draws, 10, rng)}  # type: ignore[operator]


def figure(found: dict[tuple[str, str], Measure], name: str, subject: str = "") -> float:
    observed = found[name, subject].observed
    assert observed is not None
    return observed


def test_an_honest_copy_loses_no_relation_and_a_shuffled_column_all_of_its_own() -> None:
    honest, spoilt = measured(measure_pairs, draw(2)), measured(measure_pairs, shuffled(draw(2), "word"))

    assert all(figure(honest, "relations_lost", c) < 0.1 for c in ("x", "word", "y"))
    assert figure(spoilt, "relations_lost", "word") > 0.9
    assert figure(spoilt, "relations_lost", "y") < 0.6


def test_the_worst_association_is_that_of_the_shuffled_column() -> None:
    honest = measured(measure_associations, draw(2))
    spoilt = measured(measure_associations, shuffled(draw(2), "x"))

    assert figure(honest, "worst_association_error") < 0.08
    assert figure(spoilt, "worst_association_error") > 0.7
    assert figure(spoilt, "information_error") > 5 * figure(honest, "information_error")


def test_nulls_put_in_anywhere_lose_their_relations_and_patterns() -> None:
    copy = draw(2)
    rng = np.random.default_rng(0)
    for name in ("y", "z"):
        copy[name] = copy[name].fillna(0.0).where(rng.random(N) >= copy[name].isna().mean())

    relations, patterns = measured(measure_null_relations, copy), measured(measure_null_patterns, copy)

    assert figure(relations, "null_relations_lost", "y") > 0.9
    assert figure(measured(measure_null_relations, draw(2)), "null_relations_lost", "y") < 0.1
    independent = patterns["null_patterns", ""].independent
    assert figure(patterns, "null_patterns") == pytest.approx(independent, abs=0.08)
    assert figure(measured(measure_null_patterns, draw(2)), "null_patterns") < 0.03


def test_triples_see_what_pairs_do_not() -> None:
    def bits(seed: int, *, parity: bool) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        a, b, c = rng.integers(0, 2, (3, N))
        return pd.DataFrame({"a": a, "b": b, "c": a ^ b if parity else c}).astype(float)

    rng = np.random.default_rng(0)
    stack = stack_of(table(bits(1, parity=True)), table(bits(2, parity=False)))
    draws = draw_samples(stack, 6, 50_000, rng)
    pairs = next(iter(measure_pairs("t", stack, draws, 10, rng)))
    (triples,) = measure_triples("t", stack, draws, 10, rng)

    assert pairs.observed is not None
    assert pairs.observed < 0.05
    assert triples.observed == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("target", ["word", "y"])
def test_a_shuffled_target_is_of_no_use(target: str) -> None:
    rng = np.random.default_rng(0)
    for copy, low, high in ((draw(2), -0.05, 0.05), (shuffled(draw(2), target), 0.3, 2.0)):
        stack = stack_of(table(draw(1)), table(copy))
        (measure,) = measure_usefulness("t", stack, target, 10, rng)
        assert measure.observed is not None
        assert low < measure.observed < high


def test_a_target_that_is_not_compared_is_not_measured() -> None:
    stack = stack_of(table(draw(1)), table(draw(2)))
    (measure,) = measure_usefulness("t", stack, "gone", 10, np.random.default_rng(0))

    assert measure.error is not None


KEY = ForeignKey(columns=("owner",), ref_table="owners", ref_columns=("id",))


def shop_plan() -> Plan:
    owners = _planned("owners", {"id": "int64", "age": "double"}, ("id",))
    visits = _planned("visits", {"owner": "int64", "spent": "double", "at": "timestamp[s]"}, (), (KEY,))
    return Plan(dataset="d", source="", publish="", expectations="", tables=(owners, visits))


def _planned(name: str, types: dict[str, str], key: tuple[str, ...], keys: tuple[ForeignKey, ...] = ()) -> TablePlan:
    columns = tuple(Column(name=c, source_type="any", arrow_type=t) for c, t in types.items())
    minted = {*key, *(c for k in keys for c in k.columns)}
    fates = tuple(ColumnPlan(name=c, fate="mint" if c in minted else "learn", reason="a test") for c in types)
    table = Table(name=name, columns=columns, primary_key=key, foreign_keys=keys)
    return TablePlan(name=name, columns=fates, foreign_keys=keys, table=table)


def draw_visits(seed: int) -> dict[str, pa.Table]:
    """Draw owners who spend by their age, and more at each visit; visits are about a day apart."""
    rng = np.random.default_rng(seed)
    n_owners, n_each = 800, 6
    age = rng.uniform(20, 80, n_owners)
    owner = np.repeat(np.arange(n_owners), n_each)
    step = np.tile(np.arange(n_each), n_owners)
    start = rng.uniform(0, 1e7, n_owners)[owner]
    at = start + step * 86_400 + rng.normal(0, 3_600, len(owner))
    spent = age[owner] + 15 * step + rng.normal(0, 4, len(owner))
    owners = pa.table({"id": np.arange(n_owners), "age": age})
    when = pa.array(at.astype(np.int64)).cast(pa.timestamp("s"))
    return {"owners": owners, "visits": pa.table({"owner": owner, "spent": spent, "at": when})}


def with_visits(tables: dict[str, pa.Table], name: str, values: object) -> dict[str, pa.Table]:
    visits = tables["visits"]
    return tables | {"visits": visits.set_column(visits.column_names.index(name), name, pa.array(values))}


def sides(copy: dict[str, pa.Table]) -> Sides:
    real = draw_visits(1)
    return Sides(lambda t, c: real[t].select(list(c or ())), lambda t, c: copy[t].select(list(c or ())))


def test_a_key_that_was_dealt_out_anew_loses_what_goes_across_it() -> None:
    plan, honest = shop_plan(), draw_visits(2)
    dealt = with_visits(honest, "owner", np.random.default_rng(0).permutation(honest["visits"]["owner"].to_numpy()))
    lost = []
    for copy in (honest, dealt):
        found = {m.name: m for m in measure_across(plan, plan.tables[1], KEY, sides(copy), np.random.default_rng(0))}
        lost.append(found["relation_lost"].observed)

    assert relates(plan, plan.tables[1], KEY)
    assert lost[0] is not None
    assert lost[0] < 0.1
    assert lost[1] is not None
    assert lost[1] > 0.9


def test_visits_at_any_time_and_in_any_order_are_seen() -> None:
    plan, honest = shop_plan(), draw_visits(2)
    rng = np.random.default_rng(0)
    times = pa.array(rng.integers(0, 10**7, N + 800)).cast(pa.timestamp("s"))
    found = []
    for copy in (honest, with_visits(honest, "at", times)):
        measures = measure_sequences(plan, plan.tables[1], KEY, sides(copy), np.random.default_rng(0))
        found.append({m.name: m for m in measures})

    assert follows(plan, plan.tables[1], KEY)
    honest_gap, spoilt_gap = (f["time_between_events"].excess for f in found)
    honest_order, spoilt_order = (f["event_order"].excess for f in found)
    assert honest_gap is not None
    assert honest_gap < 0.05
    assert spoilt_gap is not None
    assert spoilt_gap > 0.5
    assert honest_order is not None
    assert honest_order < 0.05
    assert spoilt_order is not None
    assert spoilt_order > 0.1
