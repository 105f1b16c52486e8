"""Any table comes back from its codes up to the stated loss."""

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_ops.encode import TableCodec
from tests.synth_ops.encode import zoo
from tests.synth_ops.encode.loss import RULES, assert_stated_loss, round_trip

N_SCHEMAS = 1_000


def test_a_thousand_schemas_come_back_up_to_the_stated_loss() -> None:
    for seed in range(N_SCHEMAS):
        try:
            assert_stated_loss(zoo.table(seed), np.random.default_rng(seed))
        except Exception as exc:
            exc.add_note(f"zoo.table({seed})")
            raise


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.integers(min_value=N_SCHEMAS, max_value=2**31))
def test_any_table_of_the_zoo_comes_back(seed: int) -> None:
    assert_stated_loss(zoo.table(seed), np.random.default_rng(seed))


@pytest.mark.parametrize("species", zoo.SPECIES, ids=lambda s: s.name)
def test_each_species_comes_back_at_length(species: zoo.Species) -> None:
    rng = np.random.default_rng(1)
    assert_stated_loss(pa.table({"x": zoo.with_nulls(species.draw(rng, 3_000), rng)}), rng)


@pytest.mark.parametrize("seed", range(0, 200, 5))
def test_json_gives_the_same_codec(seed: int) -> None:
    table = zoo.table(seed)
    codec, codes, decoded = round_trip(table, np.random.default_rng(2))
    read = TableCodec.from_json(json.loads(json.dumps(codec.to_json(), allow_nan=False)))

    assert read.layout == codec.layout
    assert (read.encode(table) == codes).all()
    again = read.decode(codes, np.random.default_rng(2))
    assert again.to_pydict().__repr__() == decoded.to_pydict().__repr__()


def test_a_hundred_thousand_categories_come_back() -> None:
    names = [f"category {i:06d}" for i in range(100_000)]
    table = pa.table({"x": pa.array(names * RULES.rare_below)})
    codec, codes, decoded = round_trip(table, np.random.default_rng(0))

    assert codec.kinds == {"x": "categorical"}
    assert max(codec.layout.sizes) <= 1024
    assert codes.shape[1] == 2
    assert decoded.equals(table)


def test_any_codes_at_all_decode_to_a_valid_table() -> None:
    for seed in range(100):
        table = zoo.table(seed)
        codec = TableCodec.fit(table, {}, RULES)
        rng = np.random.default_rng(seed)
        codes = np.stack([rng.integers(0, s, 50) for s in codec.layout.sizes], axis=1)
        decoded = codec.decode(codes, rng)
        decoded.validate(full=True)
        for field in table.schema:
            assert field.nullable or not decoded.column(field.name).null_count


def test_a_million_rows_of_fifteen_columns_take_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 200_000  # a fifth, in a fifth of ten seconds
    columns = {f"f{i}": pa.array(rng.normal(size=n)) for i in range(5)}
    columns |= {f"i{i}": pa.array(rng.poisson(300, n)) for i in range(5)}
    columns |= {f"c{i}": pa.array(rng.integers(0, 50, n).astype(str)) for i in range(3)}
    columns |= {f"t{i}": pa.array(rng.integers(0, 10**15, n), pa.timestamp("us")) for i in range(2)}
    table = pa.table(columns)
    codec = TableCodec.fit(table, {}, RULES)
    started = time.process_time()
    codec.decode(codec.encode(table), rng)

    assert time.process_time() - started < 4
