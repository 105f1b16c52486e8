import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import load_config
from synth_ops.records import Refreshed, Step, Trained
from synth_ops.refresh import refresh, take_step, workspace_of
from synth_ops.workspace import read_record
from synth_ops.workspace.lock import locked
from tests import interpreter
from tests.synth_ops.shop import build_shop

NIGHT, NEXT = "2026-01-30", "2026-01-31"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Refreshed]:
    """Give a shop's plan, and the record of its first refresh."""
    plan = build_shop(tmp_path_factory.mktemp("shop"))
    return plan, refresh(load_config(plan), NIGHT)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give the plan of a shop of one's own that nobody has refreshed."""
    return build_shop(tmp_path)


def test_refresh_publishes_every_table(published: tuple[Path, Refreshed]) -> None:
    record = published[1]

    assert record.outcome == "published"
    assert record.verdict == "PASS"
    assert {t.name: t.n_rows for t in record.tables} == {"users": 100, "orders": pytest.approx(200, rel=0.2)}
    assert Path(record.report).is_file()


def test_foreign_keys_resolve(published: tuple[Path, Refreshed]) -> None:
    folder = Path(published[1].path)
    users = pq.read_table(folder / "users").column("id").to_pylist()
    orders = pq.read_table(folder / "orders").column("user_id").to_pylist()

    assert set(orders) <= set(users)


def test_second_refresh_of_a_night_reads_nothing(published: tuple[Path, Refreshed]) -> None:
    plan = published[0]
    before = refresh(load_config(plan), NIGHT)  # another test may have taken the night up again
    source = plan.parent / "shop.duckdb"
    hidden = source.rename(source.with_suffix(".hidden"))  # it must not be touched
    again = refresh(load_config(plan), NIGHT)
    hidden.rename(source)

    assert again == before.model_copy(update={"outcome": "nothing to do"})


def test_next_night_of_unchanged_data_reuses_the_models(published: tuple[Path, Refreshed]) -> None:
    plan = published[0]
    record = refresh(load_config(plan), NEXT)

    assert {t.decision for t in record.tables} == {"reuse"}
    assert record.snapshot != published[1].snapshot
    assert not workspace_of(load_config(plan), NIGHT).real("users").exists()


def test_a_published_snapshot_that_was_removed_is_published_again(published: tuple[Path, Refreshed]) -> None:
    plan, first = published
    shutil.rmtree(first.path)

    assert refresh(load_config(plan), NIGHT).outcome == "published"


def test_night_in_the_future_is_refused(shop: Path) -> None:
    with pytest.raises(PlanError, match="future"):
        refresh(load_config(shop), "2999-01-01")


@pytest.mark.parametrize("night", ["tomorrow", "2026-02-30", "2026-1-1", "../../etc"])
def test_malformed_night_is_refused(shop: Path, night: str) -> None:
    with pytest.raises(PlanError, match="YYYY-MM-DD"):
        refresh(load_config(shop), night)


def test_step_out_of_order_names_the_step_before(shop: Path) -> None:
    with pytest.raises(PlanError, match=r"Before train, extract .* synth-ops extract --night 2026-01-30"):
        take_step("train", load_config(shop), NIGHT)


def test_second_refresh_exits_2_and_says_who_holds_the_lock(shop: Path) -> None:
    with locked(workspace_of(load_config(shop), NIGHT)):
        done = _start(shop)
        told = done.communicate()[1]

    assert done.returncode == 2
    assert f"process {os.getpid()}" in told


@pytest.mark.slow
@pytest.mark.parametrize("step", ["extract", "train", "sample"])
def test_killed_after_any_step_and_run_again_ends_in_the_same_snapshot(
    published: tuple[Path, Refreshed], shop: Path, step: Step
) -> None:
    process = _start(shop, interpreter.COLD)
    _wait_for(process, workspace_of(load_config(shop), NIGHT).record(step))
    process.kill()
    process.communicate()
    record = json.loads(_start(shop).communicate()[0])

    assert record["snapshot"] == published[1].snapshot


def test_interrupted_refresh_exits_130_and_is_resumable(shop: Path) -> None:
    process = _start(shop, interpreter.COLD)
    _wait_for(process, workspace_of(load_config(shop), NIGHT).record("extract"))
    process.send_signal(signal.SIGTERM)
    told = process.communicate()[1]

    assert process.returncode == 130
    assert "resumable" in told
    assert read_record(workspace_of(load_config(shop), NIGHT).record("train"), Trained) is None


def _wait_for(process: "subprocess.Popen[str]", record: Path) -> None:
    """Wait until a step has left its record, or there is nothing left to wait for."""
    while process.poll() is None and not record.exists():
        time.sleep(0.02)


def _start(plan: Path, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "synth_ops", "refresh", "--json", "--config", str(plan), "--night", NIGHT]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
