"""A sample is bounded, uniform over different values, and the same however rows are cut into batches."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.personal import Sampler, sample_file
from synth_ops.personal.sample import DENSE_ROWS, MOST_CHARACTERS, MOST_KEPT, Sample


def sampled(values: Sequence[object], size: int = 10_000) -> Sample:
    sampler = Sampler(["x"])
    for batch in pa.table({"x": values, "y": [0] * len(values)}).to_batches(max_chunksize=size):
        sampler.update(batch)
    return sampler.samples()["x"]


def test_every_value_of_a_small_table_is_seen() -> None:
    sample = sampled([f"v{n % 900}" for n in range(1_800)] + [None] * 200)

    assert set(sample.values) == {f"v{n}" for n in range(900)}
    assert sample.distinct_share == 0.5


def test_sample_does_not_depend_on_batches() -> None:
    values = [f"v{n}" for n in range(3 * DENSE_ROWS)]

    assert sampled(values, 1_000) == sampled(values, 65_536) == sampled(values, 131_072)


def test_sample_is_bounded_and_knows_how_many_there_were() -> None:
    sample = sampled([f"v{n}" for n in range(3 * DENSE_ROWS)])

    assert len(sample.values) == MOST_KEPT
    assert 0.9 < sample.distinct_share <= 1
    assert 0.4 < sampled([f"v{n // 2}" for n in range(30_000)]).distinct_share < 0.6


def test_last_rows_of_a_large_table_have_their_share() -> None:
    values = [f"old{n}" for n in range(2 * DENSE_ROWS)] + [f"new{n}" for n in range(DENSE_ROWS)]

    n_new = sum(v.startswith("new") for v in sampled(values).values)
    assert 0.28 < n_new / MOST_KEPT < 0.39


def test_frequent_values_weigh_no_more_than_rare_ones() -> None:
    values = ["often"] * 30_000 + [f"v{n}" for n in range(99)]

    assert len(sampled(values).values) == 100


def test_long_value_is_cut() -> None:
    assert [len(v) for v in sampled(["x" * 10_000_000]).values] == [MOST_CHARACTERS]


def test_file_gives_the_sample_that_its_rows_gave(tmp_path: Path) -> None:
    values = [f"v{n}" for n in range(2 * DENSE_ROWS)]
    pq.write_table(pa.table({"x": values, "z": values}), tmp_path / "t.parquet", row_group_size=50_000)

    assert sample_file(tmp_path / "t.parquet", ["x"]).samples() == {"x": sampled(values)}
    assert sample_file(tmp_path / "t.parquet", []).samples() == {}
