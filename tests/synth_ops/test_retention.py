import os
import time
from pathlib import Path

import pytest

from synth_ops.records import Trained, TrainedTable
from synth_ops.retention import UNDER_WAY_SECONDS, forget
from synth_ops.workspace import Workspace, write_record


@pytest.fixture
def nights(tmp_path: Path) -> tuple[Workspace, Workspace]:
    """Give a night and the one after it, each with real rows, work files and a plan."""
    earlier, tonight = (Workspace(tmp_path, "shop", f"2026-01-3{day}").prepare() for day in (0, 1))
    for workspace in (earlier, tonight):
        for path in (workspace.real("users"), workspace.work / "checkpoint", workspace.plan):
            path.write_text("x")
    return earlier, tonight


def test_real_rows_of_earlier_nights_are_deleted(nights: tuple[Workspace, Workspace]) -> None:
    earlier, tonight = nights
    forget(tonight)

    assert not earlier.real("users").exists()
    assert tonight.real("users").exists()


def test_work_files_are_deleted_and_plans_stay(nights: tuple[Workspace, Workspace]) -> None:
    earlier, tonight = nights
    forget(tonight)

    assert not earlier.work.exists()
    assert not tonight.work.exists()
    assert earlier.plan.exists()
    assert tonight.plan.exists()


def test_the_three_newest_models_and_tonights_stay(nights: tuple[Workspace, Workspace]) -> None:
    tonight = nights[1]
    for age, name in enumerate("edcba"):
        folder = tonight.models("users") / name
        folder.mkdir(parents=True)
        os.utime(folder, (age, age))
    used = TrainedTable(name="users", decision="reuse", reason="", model_id="e")
    write_record(tonight.record("train"), Trained(night=tonight.night, tables=(used,), seconds=0))
    forget(tonight)

    assert {p.name for p in tonight.models("users").iterdir()} == {"a", "b", "c", "e"}


def test_another_night_that_is_under_way_keeps_its_rows_and_models(nights: tuple[Workspace, Workspace]) -> None:
    """Orchestrators run nights beside one another: a backfill, or a night that began while one was late."""
    earlier, tonight = nights
    earlier.record("extract").write_text("{}")
    for age, name in enumerate("edcba"):
        folder = tonight.models("users") / name
        folder.mkdir(parents=True)
        os.utime(folder, (age, age))
    used = TrainedTable(name="users", decision="retrain", reason="", model_id="d")
    write_record(earlier.record("train"), Trained(night=earlier.night, tables=(used,), seconds=0))
    forget(tonight)

    assert earlier.real("users").exists()
    assert (tonight.models("users") / "d").exists()
    assert not (tonight.models("users") / "e").exists()


def test_a_night_that_was_given_up_keeps_its_rows_for_a_day(nights: tuple[Workspace, Workspace]) -> None:
    earlier, tonight = nights
    earlier.record("extract").write_text("{}")
    long_ago = time.time() - UNDER_WAY_SECONDS - 1
    os.utime(earlier.record("extract"), (long_ago, long_ago))
    forget(tonight)

    assert not earlier.real("users").exists()
