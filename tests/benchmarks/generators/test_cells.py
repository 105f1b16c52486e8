from pathlib import Path

import pytest
from generators.cells import Cell, Key, Results, main_cells
from generators.report import markdown, passing_table

OURS = Key(contender="vae", table="toy", budget="15s")


def cell(key: Key, *, fit_seconds: float = 10.0, c2st: float = 0.6, error: str = "", over_limit: bool = False) -> Cell:
    figures = {"c2st": c2st, "shape": 0.1, "trend": 0.1, "pair": 0.1, "mle": 0.9, "dcr": 0.5, "copies": 0.0}
    return Cell(
        key=key,
        code="1",
        data="2",
        date="2026-01-31",
        machine="2 cores",
        n_train=80,
        n_columns=2,
        fit_seconds=fit_seconds,
        sample_seconds=2.0,
        n_sampled=80,
        synthetic={} if error else figures,
        floor={} if error else figures,
        error=error,
        over_limit=over_limit,
    )


def test_a_finished_cell_is_held_by_the_next_run(tmp_path: Path) -> None:
    Results.read(tmp_path / "results.json").keep(cell(OURS))

    assert Results.read(tmp_path / "results.json").holds(OURS, code="1", data="2")


@pytest.mark.parametrize(("code", "data"), [("other", "2"), ("1", "other")])
def test_a_cell_of_other_code_or_data_is_run_again(tmp_path: Path, code: str, data: str) -> None:
    results = Results(tmp_path / "results.json")
    results.keep(cell(OURS))

    assert not results.holds(OURS, code, data)


@pytest.mark.parametrize("over_limit", [True, False])
def test_a_failure_is_run_again_unless_it_was_for_the_limit(tmp_path: Path, *, over_limit: bool) -> None:
    results = Results(tmp_path / "results.json")
    results.keep(cell(OURS, error="why", over_limit=over_limit))

    assert results.holds(OURS, code="1", data="2") == over_limit


def test_the_longest_budget_stands_for_ours() -> None:
    cells = [cell(Key(contender="vae", table="toy", budget=b)) for b in ("3m", "15s", "1m")]

    assert [c.key.budget for c in main_cells(cells)] == ["3m"]


def test_a_peer_is_passed_by_the_quickest_fit_that_is_as_faithful() -> None:
    peer = cell(Key(contender="mostlyai", table="toy"), fit_seconds=99, c2st=0.6)
    slow = cell(Key(contender="vae", table="toy", budget="3m"), fit_seconds=180, c2st=0.55)
    quick = cell(OURS, fit_seconds=16, c2st=0.59)
    rough = cell(Key(contender="vae", table="toy", budget="5s"), fit_seconds=6, c2st=0.7)

    assert "| toy | mostlyai | 0.600 | 99 | vae | 16 | 0.590 |" in passing_table([peer, slow, quick, rough])


def test_a_failure_is_told_in_the_page() -> None:
    page = markdown([cell(OURS, error="not finished within 60 s", over_limit=True)], "results.svg")

    assert "| toy (80 x 2) | vae | not finished within 60 s |" in page
