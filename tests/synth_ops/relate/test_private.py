import numpy as np
import pyarrow as pa
import pytest

from synth_ops.plan.plan import ColumnPlan, Fate, Kind, Mode, Plan, Privacy, TablePlan
from synth_ops.privacy.budget import spending_of
from synth_ops.privacy.counting import NoisyCounter
from synth_ops.relate import Augmented, augment_privately
from synth_ops.schema import Column, ForeignKey, Table

N_ROWS = 4_000


def planned(name: str, columns: dict[str, tuple[Fate, Kind, str]], *, mode: Mode, keys: dict[str, str]) -> TablePlan:
    source = Table(
        name=name,
        columns=tuple(
            Column(name=c, source_type=t, arrow_type=t, nullable=c != "id") for c, (_, _, t) in columns.items()
        ),
        primary_key=("id",),
    )
    return TablePlan(
        name=name,
        mode=mode,
        columns=tuple(ColumnPlan(name=c, fate=f, kind=k, reason="") for c, (f, k, _) in columns.items()),
        foreign_keys=tuple(ForeignKey(columns=(c,), ref_table=t, ref_columns=("id",)) for c, t in keys.items()),
        table=source,
    )


KEY: tuple[Fate, Kind, str] = ("mint", "numeric", "int64")
LINK: tuple[Fate, Kind, str] = ("learn", "numeric", "int64")
USERS = planned("users", {"id": KEY}, mode="synthesize", keys={})
COUNTRIES = planned("countries", {"id": KEY}, mode="copy", keys={})
ORDERS = planned(
    "orders",
    {
        "id": KEY,
        "user_id": LINK,
        "country_id": LINK,
        "total": ("learn", "numeric", "double"),
        "double_total": ("learn", "numeric", "double"),
        "code": ("mint", "auto", "string"),
    },
    mode="synthesize",
    keys={"user_id": "users", "country_id": "countries"},
)
PLAN = Plan(
    dataset="d",
    source="s",
    publish="p",
    expectations="e",
    privacy=Privacy(epsilon=3.0, delta=1e-6),
    tables=(USERS, COUNTRIES, ORDERS),
)


def augmented(seed: int = 0) -> Augmented:
    rng = np.random.default_rng(3)
    total = rng.random(N_ROWS)
    rows = pa.table(
        {
            "id": np.arange(N_ROWS),
            "user_id": pa.array(rng.integers(0, 9, N_ROWS), mask=rng.random(N_ROWS) < 0.4),
            "country_id": rng.integers(0, 3, N_ROWS),
            "total": total,
            "double_total": 2 * total,
            "code": [f"AB-{i:05}-secret" for i in range(N_ROWS)],
        }
    )
    spending = spending_of(PLAN, ORDERS)
    counter = NoisyCounter(20.0, spending.n_histograms, np.random.default_rng(seed))
    return augment_privately(PLAN, "orders", rows, counter, keep=np.arange(N_ROWS) % 2 == 0)


def test_flat_table_is_of_the_tables_own_columns_and_kept_rows_alone() -> None:
    """A column that follows from another is learned as any other: that it does is known from rows only."""
    found = augmented()

    assert found.table.column_names == ["total", "double_total"]
    assert found.table.num_rows == N_ROWS // 2
    assert (found.context, found.spec.main, found.spec.derived) == ((), None, ())


def test_what_its_spec_says_of_rows_are_noisy_counts() -> None:
    one, other = augmented(0).spec, augmented(1).spec
    shares = {k.foreign_key.ref_table: k.null_share for k in one.others}

    assert one.n_rows == pytest.approx(N_ROWS, abs=100)
    assert one.n_rows != other.n_rows
    assert shares["users"] == pytest.approx(0.4, abs=0.03)
    assert shares["countries"] == pytest.approx(0.0, abs=0.03)


def test_nothing_of_keys_degrees_and_texts_depends_on_rows() -> None:
    spec = augmented().spec
    by_table = {k.foreign_key.ref_table: k for k in spec.others}

    assert "secret" not in spec.model_dump_json()
    assert by_table["countries"].copied
    assert by_table["countries"].common == ()
    degrees = by_table["users"].degrees
    assert degrees is not None
    assert [(g.share, g.low, g.high) for g in degrees.groups] == [(1.0, 1.0, 1.0)]
    assert spec.minters["code"]["distinct_share"] == 1.0
