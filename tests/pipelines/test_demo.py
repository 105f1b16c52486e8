"""The demo production database, built from the installed package's data."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from synth_ops.schema import ForeignKey
from synth_ops.source import open_source

SCRIPT = Path(__file__).parents[2] / "pipelines" / "demo.py"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    """Load the script as a module: the folder of pipelines is no package."""
    spec = importlib.util.spec_from_file_location("demo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def small(demo: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = demo.build(tmp_path_factory.mktemp("demo") / "small.duckdb", n_flights=500)
    return path


def test_keys_that_hold_are_declared(small: Path) -> None:
    with open_source(f"duckdb:///{small}") as source:
        database = source.database()

    assert {t.name: t.primary_key for t in database.tables} == {
        "airlines": ("carrier",),
        "airports": ("faa",),
        "flights": (),
        "planes": ("tailnum",),
        "weather": ("origin", "time_hour"),
    }
    assert {t.name: t.foreign_keys for t in database.tables if t.foreign_keys} == {
        "flights": (
            ForeignKey(columns=("carrier",), ref_table="airlines", ref_columns=("carrier",)),
            ForeignKey(columns=("origin",), ref_table="airports", ref_columns=("faa",)),
        ),
        "weather": (ForeignKey(columns=("origin",), ref_table="airports", ref_columns=("faa",)),),
    }
    assert database.table("flights").column("time_hour").arrow_type == "timestamp[us, tz=UTC]"
    assert all(t.comment for t in database.tables)


def test_small_build_keeps_other_tables_whole_and_missing_values_null(small: Path) -> None:
    with duckdb.connect(str(small), read_only=True) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM flights), (SELECT count(*) FROM weather), (SELECT count(*) FROM airports)"
        ).fetchall()
        marked = connection.execute("SELECT count(*) FROM flights WHERE tailnum = 'NA'").fetchall()
        orphans = connection.execute(
            "SELECT count(*) FROM flights WHERE dest NOT IN (SELECT faa FROM airports)"
        ).fetchall()

    assert counts == [(500, 26_115, 1_458)]
    assert marked == [(0,)]
    assert orphans[0][0] > 0


def test_script_builds_once_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "demo" / "x.duckdb"
    command = [sys.executable, str(SCRIPT), str(target)]

    subprocess.run(command, check=True, capture_output=True)
    made = target.stat().st_mtime_ns
    subprocess.run(command, check=True, capture_output=True)

    assert target.stat().st_mtime_ns == made
    assert list(target.parent.iterdir()) == [target]
