import numpy as np
import pandas as pd
from generators.drivers.ctgan_tvae import prepare, restore

ROWS = pd.DataFrame(
    {
        "text": ["a", None, "b", "a"] * 10,
        "few": [1, 2, 3, 4] * 10,
        "few_null": [1.0, np.nan, 3.0, 4.0] * 10,
        "many": range(40),
        "real": np.linspace(0.5, 9.7, 40),
        "real_null": [np.nan, *np.linspace(0.5, 9.7, 39)],
        "flag": [True, False] * 20,
        "when": pd.date_range("2020-01-01", periods=40, freq="h"),
        "empty": [None] * 40,
    }
)


def test_what_ctgan_sees_has_no_null() -> None:
    prepared, discrete = prepare(ROWS)

    assert not prepared.isna().any().any()
    assert discrete == ["text", "few", "few_null", "real_null is null", "flag"]
    assert all(prepared[c].dtype == float for c in prepared.columns if c not in discrete)


def test_rows_come_back_as_they_were() -> None:
    prepared, _ = prepare(ROWS)

    pd.testing.assert_frame_equal(restore(prepared, ROWS), ROWS, check_dtype=False, check_freq=False)


def test_types_come_back_as_they_were() -> None:
    prepared, _ = prepare(ROWS)

    assert restore(prepared, ROWS).dtypes.drop("when").equals(ROWS.dtypes.drop("when"))


def test_whole_numbers_are_rounded_not_cut() -> None:
    prepared, _ = prepare(ROWS)
    drawn = prepared.assign(many=prepared["many"] - 0.1)

    assert restore(drawn, ROWS)["many"].tolist() == list(range(40))
