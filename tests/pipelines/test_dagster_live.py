"""Dagster for real: launched by GraphQL, by a tick, by a backfill; cancelled, killed and refused."""

import json
import os
import shutil
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import synth_ops
from synth_ops.plan import load_config
from synth_ops.workspace import Workspace
from tests.dagster_server import LAST_NIGHT, TONIGHT, DagsterServer, Refused, nights_before
from tests.servers import within

pytestmark = pytest.mark.slow


def test_a_launched_night_materialises_every_asset_and_publishes_a_whole_snapshot(
    dagster_server: DagsterServer, published: str
) -> None:
    assets = dagster_server.materialized(published)
    night = assets["snapshot/users"].partition
    snapshot = synth_ops.open_snapshot(dagster_server.folder / "shop" / "snapshots", "shop", night)

    assert {k for k in assets if "/" in k} == {
        f"{role}/{table}" for role in ("extract", "model", "synthetic", "snapshot") for table in ("orders", "users")
    }
    assert snapshot.table("users").num_rows == 100
    assert snapshot.table("orders").num_rows == 200


def test_every_check_of_a_launched_night_is_evaluated_and_passes(dagster_server: DagsterServer, published: str) -> None:
    checks = dagster_server.checked(published)
    suites = (dagster_server.folder / "shop" / "expectations" / "shop").glob("*.json")
    n_expectations = sum(len(json.loads(p.read_text())["expectations"]) for p in suites)

    assert len(checks) == n_expectations + 2
    assert [name for name, check in checks.items() if not check.passed] == []
    assert ("orders", "expect_foreign_key_to_resolve_user_id_users") in checks


def test_assets_of_a_launched_night_show_rows_columns_lineage_and_report(
    dagster_server: DagsterServer, published: str
) -> None:
    assets = dagster_server.materialized(published)
    snapshot, model = assets["snapshot/users"].metadata, assets["model/orders"].metadata
    lineage = snapshot["dagster/column_lineage"].value.deps_by_column

    assert snapshot["dagster/row_count"].value == 100
    assert [c.name for c in snapshot["dagster/column_schema"].value.columns] == ["id", "plan", "age"]
    assert lineage["plan"][0].asset_key.path == ["shop", "synthetic", "users"]
    assert Path(snapshot["report"].value).is_file()
    assert model["decision"].value == "retrain"
    assert model["model"].value


def test_log_of_a_run_shows_what_its_workers_do(dagster_server: DagsterServer, published: str) -> None:
    log = dagster_server.log(published)

    assert "shop_extract: extract users: read, 100 rows" in log
    assert "shop_train_users: train users: encode" in log
    assert "shop_publish: publish: published" in log


def test_schedules_run_out_of_the_box_and_sensors_wait_to_be_switched_on(dagster_server: DagsterServer) -> None:
    """The clock's was switched off when the server started, lest it ticks while other tests run."""
    answer = dagster_server.ask(_AUTOMATION)["repositoriesOrError"]["nodes"][0]

    assert {s["name"]: s["scheduleState"]["status"] for s in answer["schedules"]} == {
        "nightly_clock": "STOPPED",
        "nightly_kiosk": "RUNNING",
        "nightly_shop": "RUNNING",
    }
    assert {s["sensorState"]["status"] for s in answer["sensors"]} == {"STOPPED"}


def test_a_tick_asks_for_the_night_that_begins_then(dagster_server: DagsterServer) -> None:
    at = f"{nights_before(3)[0]}T02:00:00+00:00"
    request = _dry_run(dagster_server, "nightly_shop", at)

    assert request["runKey"] == nights_before(3)[0]
    tags = {t["key"]: t["value"] for t in request["tags"]}
    assert tags["dagster/partition"] == nights_before(3)[0]
    assert tags["synth_ops/when_unchanged"] == "skip"


def test_a_scheduled_night_without_changes_trains_nothing_and_confirms_the_snapshot(
    dagster_server: DagsterServer,
) -> None:
    run_id = _tick(dagster_server, "nightly_clock")
    status, assets = dagster_server.status(run_id), dagster_server.materialized(run_id)

    assert status == "SUCCESS", dagster_server.log(run_id)
    assert set(assets) == {"snapshot/visits"}
    assert assets["snapshot/visits"].partition == TONIGHT.isoformat()
    assert assets["snapshot/visits"].metadata["unchanged_since"].value == LAST_NIGHT
    assert dagster_server.latest("clock")[:10] == LAST_NIGHT


def test_a_backfill_publishes_each_night_and_readers_get_the_newest(dagster_server: DagsterServer) -> None:
    nights = nights_before(12, 2)
    backfill = dagster_server.backfill("clock", nights)
    runs = _runs_of_backfill(dagster_server, backfill)
    found = [s[:10] for s in dagster_server.snapshots("clock")]

    assert {r.tags["dagster/partition"]: r.status.value for r in runs} == dict.fromkeys(nights, "SUCCESS")
    assert [n for n in found if n in nights] == nights
    assert dagster_server.latest("clock")[:10] == max(found)
    assert {_night_checked(dagster_server, r.run_id) for r in runs} == set(nights)


def test_a_cancelled_run_leaves_no_worker_and_running_again_goes_on(dagster_server: DagsterServer) -> None:
    night = nights_before(16)[0]
    _untrain(dagster_server)
    run_id = dagster_server.launch("kiosk", night, in_process=False)
    dagster_server.await_training(run_id)
    dagster_server.terminate(run_id)
    status = dagster_server.finish(run_id)
    within(30, lambda: not dagster_server.workers("kiosk"), "the workers of a cancelled run to end")
    read = _workspace(dagster_server, "kiosk", night).record("extract").stat().st_mtime_ns
    again = dagster_server.launch("kiosk", night)

    assert status == "CANCELED"
    assert "model/visits" not in dagster_server.materialized(run_id)
    assert "SystemExit" not in dagster_server.log(run_id)
    assert dagster_server.finish(again) == "SUCCESS", dagster_server.log(again)
    assert _workspace(dagster_server, "kiosk", night).record("extract").stat().st_mtime_ns == read
    assert night in [s[:10] for s in dagster_server.snapshots("kiosk")]


def test_a_cancelled_run_of_one_process_is_not_taken_up_again(dagster_server: DagsterServer) -> None:
    """Dagster takes an interrupt for a fault of the outside world, and its steps then share the process that waits."""
    _untrain(dagster_server)
    run_id = dagster_server.launch("kiosk", nights_before(18)[0])
    dagster_server.await_training(run_id)
    dagster_server.terminate(run_id)
    status = dagster_server.finish(run_id)

    assert status in {"CANCELED", "FAILURE"}
    assert dagster_server.workers("kiosk") == []
    assert "STEP_UP_FOR_RETRY" not in _types(dagster_server, run_id)
    assert "The run was cancelled." in dagster_server.log(run_id)


@pytest.mark.parametrize(("job", "days"), [("step-visits", 15), ("train", 14)])
def test_a_killed_worker_is_started_again_and_the_night_published(
    dagster_server: DagsterServer, job: str, days: int
) -> None:
    """Be it the worker that Dagster started, or the one that this started to compute in."""
    night = nights_before(days)[0]
    _untrain(dagster_server)
    run_id = dagster_server.launch("kiosk", night)
    dagster_server.await_training(run_id)
    os.kill(dagster_server.workers("kiosk", job)[0].pid, signal.SIGKILL)
    status = dagster_server.finish(run_id)

    assert status == "SUCCESS", dagster_server.log(run_id)
    assert _types(dagster_server, run_id).count("STEP_RESTARTED") == 1
    assert "killed (signal 9)" in dagster_server.log(run_id)
    assert dagster_server.materialized(run_id)["model/visits"].metadata["losses"].value.startswith("![loss from")
    assert night in [s[:10] for s in dagster_server.snapshots("kiosk")]


def test_a_refused_gate_fails_its_checks_and_says_why(dagster_server: DagsterServer, refused: Refused) -> None:
    checks = dagster_server.checked(refused.run_id)
    found = checks["orders", "expect_table_row_count_to_match_plan"]

    assert refused.status == "FAILURE"
    assert not found.passed
    assert found.metadata["verdict"].value == "FAIL"
    assert found.metadata["observed"].value == 1.0
    assert not checks["orders", "gate"].passed
    assert checks["users", "gate"].passed
    assert "Rows must be 3 to 4 times" in checks["orders", "gate"].description
    assert "The gate says FAIL" in dagster_server.log(refused.run_id)


def test_a_refused_gate_leaves_readers_the_last_snapshot(dagster_server: DagsterServer, refused: Refused) -> None:
    assert [k for k in dagster_server.materialized(refused.run_id) if k.startswith("snapshot/")] == []
    assert refused.latest_after == refused.latest_before != ""


def test_a_refused_gate_is_not_asked_again(dagster_server: DagsterServer, refused: Refused) -> None:
    types = _types(dagster_server, refused.run_id)

    assert types.count("STEP_START") == 5  # extract, two trainings, sample, validate
    assert types.count("STEP_FAILURE") == 1
    assert "STEP_UP_FOR_RETRY" not in types
    assert [r for r in dagster_server.instance.get_runs() if r.parent_run_id == refused.run_id] == []


def test_a_refused_night_is_published_when_its_suite_is_mended_and_it_is_run_again(
    dagster_server: DagsterServer, refused: Refused
) -> None:
    again = dagster_server.launch("shop", refused.night)

    assert dagster_server.finish(again) == "SUCCESS", dagster_server.log(again)
    assert refused.night in [s[:10] for s in dagster_server.snapshots("shop")]


def test_checks_that_are_run_by_themselves_look_at_the_newest_copy(
    dagster_server: DagsterServer, refused: Refused
) -> None:
    """As the button `Execute all` of the UI does; a suite that was edited is tried so."""
    run_id = dagster_server.launch_checks("shop", "users")

    assert dagster_server.finish(run_id) == "SUCCESS", dagster_server.log(run_id)
    report = dagster_server.checked(run_id)["users", "gate"].metadata["report"].value
    assert Path(report).parent.name == refused.night


def test_two_assets_of_one_table_publish_a_whole_snapshot(dagster_server: DagsterServer, published: str) -> None:
    night = nights_before(6)[0]
    run_id = dagster_server.launch("shop", night, assets=("model/users", "snapshot/users"))
    status = dagster_server.finish(run_id)
    snapshot = synth_ops.open_snapshot(dagster_server.folder / "shop" / "snapshots", "shop", night)

    assert status == "SUCCESS", dagster_server.log(run_id)
    assert set(dagster_server.materialized(run_id)) == {"model/users", "snapshot/users"}
    assert snapshot.table("orders").num_rows == 200
    assert snapshot.table("users").num_rows == 100


def test_two_runs_of_one_night_wait_for_each_other_and_publish_it_once(
    dagster_server: DagsterServer, published: str
) -> None:
    night = nights_before(8)[0]
    runs = [dagster_server.launch("shop", night) for _ in range(2)]
    ends = [dagster_server.finish(r) for r in runs]

    assert ends == ["SUCCESS", "SUCCESS"]
    assert [s[:10] for s in dagster_server.snapshots("shop")].count(night) == 1


def _workspace(server: DagsterServer, dataset: str, night: str) -> Workspace:
    return Workspace(load_config(server.plan(dataset)).workspace, dataset, night)


def _untrain(server: DagsterServer) -> None:
    """Take the kiosk's models away, so that its table is learned tonight."""
    shutil.rmtree(server.folder / "kiosk" / ".synth-ops" / "kiosk" / "private" / "models", ignore_errors=True)


def _tick(server: DagsterServer, schedule: str) -> str:
    """Switch a schedule on until it has ticked, and give the run that it started, at its end."""

    def runs() -> list[Any]:
        return [r for r in server.instance.get_runs() if r.tags.get("dagster/schedule_name") == schedule]

    server.switch(schedule, on=True)
    within(180, lambda: bool(runs()), f"a tick of {schedule}")
    run_id = str(runs()[-1].run_id)
    server.finish(run_id)
    server.switch(schedule, on=False)  # not before: a tick under way writes down that its schedule runs
    return run_id


def _runs_of_backfill(server: DagsterServer, backfill: str) -> list[Any]:
    def is_over() -> bool:
        return str(server.instance.get_backfill(backfill).status.value) not in ("REQUESTED", "CANCELING", "FAILING")

    within(900, is_over, f"backfill {backfill} to end")
    return [r for r in server.instance.get_runs() if r.tags.get("dagster/backfill") == backfill]


def _night_checked(server: DagsterServer, run_id: str) -> str:
    report = server.checked(run_id)["visits", "gate"].metadata["report"].value
    return Path(report).parent.name


def _types(server: DagsterServer, run_id: str) -> list[str]:
    """Give what happened to the steps of a run, in order."""
    return [e.dagster_event.event_type_value for e in server.events(run_id) if e.is_dagster_event and e.step_key]


def _dry_run(server: DagsterServer, schedule: str, at: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(at).timestamp()
    answer = server.ask(_DRY_RUN, selector=server.selector(schedule), at=moment)
    (request,) = answer["scheduleDryRun"]["evaluationResult"]["runRequests"]
    return dict(request)


_AUTOMATION = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { name scheduleState { status } }
  sensors { name sensorState { status } }
} } } }
"""
_DRY_RUN = """
mutation($selector: ScheduleSelector!, $at: Float) { scheduleDryRun(selectorData: $selector, timestamp: $at) {
  ... on DryRunInstigationTick { evaluationResult { runRequests { runKey tags { key value } } } }
} }
"""
