from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from replay import CHANGES, Night, Place, _cost, _draw, _lay_out

N_DAYS = 70


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two flights a day, one of them from JFK."""
    hours = [datetime(2012, 12, 25) + timedelta(days=i // 2) for i in range(2 * N_DAYS)]
    rows = {
        "dep_delay": [i % 7 for i in range(2 * N_DAYS)],
        "origin": ["JFK", "LGA"] * N_DAYS,
        "air_time": [100 + i % 5 for i in range(2 * N_DAYS)],
        "distance": [700 + i % 9 for i in range(2 * N_DAYS)],
        "time_hour": hours,
    }
    path = tmp_path / "flights.parquet"
    pq.write_table(pa.table(rows), path)
    return Place(tmp_path, path, tmp_path / "judge.py", None)


def laid_out(place: Place, k: int) -> pa.Table:
    _lay_out(place, k)
    with duckdb.connect(str(place.folder / "flights.duckdb")) as connection:
        return connection.sql("SELECT * FROM flights ORDER BY id").to_arrow_table()


def test_the_window_moves_by_a_day(place: Place) -> None:
    first, second = laid_out(place, 0), laid_out(place, 1)

    assert (first.num_rows, second.num_rows) == (60, 60)
    assert set(first["id"].to_pylist()) - set(second["id"].to_pylist()) == set(first["id"].to_pylist()[:2])


def test_changes_of_the_schema_stay_once_they_came(place: Place) -> None:
    before, after = laid_out(place, 0), laid_out(place, max(CHANGES))

    assert before.column_names == ["id", "dep_delay", "origin", "air_time", "distance", "time_hour"]
    assert after.column_names == ["id", "departure_delay", "origin", "distance", "time_hour", "mph"]
    assert set(after["origin"].to_pylist()) == {"KJFK", "LGA"}
    assert after["mph"].null_count == 0


def night(decision: str, seconds: float, cold: float | None = None, failure: str = "") -> Night:
    return Night(
        night="2013-02-01",
        change="column came" if decision == "finetune" else "",
        decision=decision,
        reason="",
        seconds=seconds,
        processor_seconds=seconds / 2,
        n_epochs=1,
        n_visits=10,
        drift=None,
        failure=failure,
        cold_seconds=cold,
        cold_processor_seconds=None if cold is None else cold / 4,
        cold_visits=None if cold is None else 100,
    )


NIGHTS = [night("retrain", 90.0, 90.0), night("finetune", 10.0), night("reuse", 5.0), night("failed", 0.0, 110.0, "x")]


def test_cost_is_in_cold_trainings_of_as_many_nights() -> None:
    figures = _cost(NIGHTS)

    assert figures["cold seconds"] == 100.0
    assert figures["warm seconds"] == 5.0
    assert figures["cost"] == pytest.approx(105 / 400)
    assert figures["cost in processor seconds"] == pytest.approx(52.5 / 100)
    assert figures["cost in row visits"] == pytest.approx(0.1)
    assert figures["failures"] == 1.0


def test_every_decision_is_drawn(tmp_path: Path) -> None:
    _draw(tmp_path / "replay.svg", NIGHTS)

    assert "<svg" in (tmp_path / "replay.svg").read_text()
