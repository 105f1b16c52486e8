from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.encode.novelty import novelty

DAYS = [datetime(2026, 1, 1) + timedelta(hours=7 * i) for i in range(200)]
RULES = FitRules(rare_below=10, clip_extremes=False, seed=0)
VALUES: dict[str, list[object]] = {
    "category": [("red", "green")[i % 2] for i in range(200)],
    "whole": list(range(200)),
    "real": [i / 7 for i in range(200)],
    "instant": list(DAYS),
    "flag": [i % 2 == 0 for i in range(200)],
}


@pytest.fixture(scope="module")
def codec() -> TableCodec:
    return TableCodec.fit(pa.table(VALUES), {}, RULES)


def test_known_values_and_nulls_are_not_new(codec: TableCodec) -> None:
    some = pa.table({n: [*v[50:100], None] for n, v in VALUES.items()}, pa.table(VALUES).schema)

    assert novelty(codec, some) == dict.fromkeys(VALUES, 0.0)


@pytest.mark.parametrize(
    ("column", "new"),
    [
        ("category", "blue"),
        ("whole", 1_000),
        ("whole", -5),
        ("real", 99.5),
        ("real", float("inf")),
        ("instant", datetime(2027, 1, 1)),
    ],
)
def test_what_lies_beyond_is_counted_in_its_column(codec: TableCodec, column: str, new: object) -> None:
    rows = {n: list(v[100:104]) for n, v in VALUES.items()}
    rows[column][0] = new
    expected = dict.fromkeys(VALUES, 0.0) | {column: 0.0 if new == float("inf") else 0.25}

    assert novelty(codec, pa.table(rows, pa.table(VALUES).schema)) == expected


def test_what_was_pooled_has_no_code() -> None:
    values = ["red"] * 95 + [f"rare {i}" for i in range(5)]
    table = pa.table({"category": values})

    assert novelty(TableCodec.fit(table, {}, RULES), table) == {"category": 0.05}


def test_nothing_is_new_in_no_rows(codec: TableCodec) -> None:
    assert novelty(codec, pa.table(VALUES).slice(0, 0)) == dict.fromkeys(VALUES, 0.0)
