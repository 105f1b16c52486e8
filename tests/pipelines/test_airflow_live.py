"""Airflow for real: triggered, scheduled on assets, backfilled; refused, killed, restarted and marked as failed."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import synth_ops
from synth_ops.plan import load_config
from synth_ops.refresh import refresh
from tests.airflow_server import NIGHTS, READER, RUN_SECONDS, AirflowServer, Refused
from tests.projects import files_of
from tests.servers import within
from tests.synth_ops.shop import build_shop

pytestmark = pytest.mark.slow


@dataclass
class Restarted:
    """What came of a deferred task whose scheduler and triggerer were killed, and then its worker."""

    run_id: str
    before: list[int]
    """The processes that were at work before the restart."""
    after: list[int]
    """Those after it."""
    learned: list[dict[str, Any]]
    """The losses, with their times, in the checkpoint that was there when the worker was killed."""
    thread: threading.Thread


@pytest.fixture(scope="session", autouse=True)
def restarted(airflow_server: AirflowServer) -> Iterator[Restarted]:
    """Kill the scheduler and the triggerer of a deferred task, and later its worker, once that has a checkpoint.

    This comes before all tests, for they share the scheduler; the training goes on beside them.
    """
    run_id = airflow_server.trigger("deferred", NIGHTS[0])
    airflow_server.await_training("deferred")
    within(RUN_SECONDS, lambda: _n_heard(airflow_server, run_id) == 1, "a triggerer to wait", every=1.0)
    before = _pids(airflow_server, "deferred")
    for component in ("scheduler", "triggerer"):
        airflow_server.kill(component)
        airflow_server.start(component)
    within(RUN_SECONDS, lambda: _n_heard(airflow_server, run_id) == 2, "another triggerer to wait", every=1.0)
    after = _pids(airflow_server, "deferred")
    learned: list[dict[str, Any]] = []
    thread = threading.Thread(target=_kill_at_checkpoint, args=(airflow_server, "deferred", learned), daemon=True)
    thread.start()
    yield Restarted(run_id, before, after, learned, thread)
    thread.join(timeout=5)


@pytest.fixture(scope="session", autouse=True)
def backfill(airflow_server: AirflowServer, restarted: Restarted) -> int:
    """Start a backfill of three nights at once, which goes on beside other tests, and give its id."""
    assert restarted
    return airflow_server.backfill("clock", NIGHTS[4:7], n_at_once=3)


@pytest.fixture(scope="session")
def backfilled(airflow_server: AirflowServer, backfill: int) -> list[dict[str, Any]]:
    """Give the runs of the backfill, at their end."""
    assert backfill

    def runs() -> list[dict[str, Any]]:
        return [r for r in airflow_server.runs("clock") if r["run_type"] == "backfill"]

    within(RUN_SECONDS, lambda: len(runs()) == 3, "the backfill to begin", every=1.0)
    for run in runs():
        airflow_server.finish("clock", run["dag_run_id"])
    return runs()


def test_a_refresh_answers_with_its_small_record(airflow_server: AirflowServer, shop_run: str) -> None:
    answer = airflow_server.xcom("shop", shop_run)

    assert answer["outcome"] == "published"
    assert answer["verdict"] == "PASS"
    assert {t["name"]: (t["n_rows"], t["decision"]) for t in answer["tables"]} == {
        "orders": (200, "reuse"),
        "users": (100, "reuse"),
    }
    assert len(json.dumps(answer)) < 2_000
    assert synth_ops.open_snapshot(airflow_server.folder / "shop" / "snapshots", "shop", NIGHTS[1]).table("users")


def test_a_snapshot_is_an_event_of_its_assets_with_its_facts(airflow_server: AirflowServer, shop_run: str) -> None:
    events, answer = airflow_server.events("shop", shop_run), airflow_server.xcom("shop", shop_run)

    assert events["synthetic/shop"] == {
        "dataset": "shop",
        "night": NIGHTS[1],
        "snapshot": answer["snapshot"],
        "path": answer["path"],
        "rows": {"orders": 200, "users": 100},
        "n_rows": 300,
        "verdict": "PASS",
        "report": answer["report"],
    }
    assert events["synthetic/shop/users"] == {**events["synthetic/shop"], "table": "users", "n_rows": 100}


def test_a_dag_that_is_scheduled_on_the_snapshot_is_told_which(airflow_server: AirflowServer, shop_run: str) -> None:
    snapshot = airflow_server.xcom("shop", shop_run)["snapshot"]
    within(RUN_SECONDS, lambda: bool(airflow_server.runs("reader")), "the consumer to run", every=1.0)
    read = []
    for run in airflow_server.runs("reader"):
        assert airflow_server.finish("reader", run["dag_run_id"]) == "success"
        read += airflow_server.xcom("reader", run["dag_run_id"], "read")

    assert snapshot in read


def test_links_lead_to_the_report_and_to_the_snapshot(airflow_server: AirflowServer, shop_run: str) -> None:
    answer, links = airflow_server.xcom("shop", shop_run), airflow_server.links("shop", shop_run)

    assert links == {
        "Quality report": f"https://reports.example/{NIGHTS[1]}/report.html",
        "Snapshot": f"https://snapshots.example/{answer['snapshot']}",
    }
    assert Path(answer["report"]).is_file()


def test_log_of_a_task_tells_what_its_worker_does(airflow_server: AirflowServer, shop_run: str) -> None:
    log = airflow_server.log("shop", shop_run)

    assert "extract users: read, 100 rows" in log
    assert "train users: reuse" in log
    assert "publish: published" in log


def test_a_group_has_a_task_for_each_step_and_each_table(airflow_server: AirflowServer, group_run: str) -> None:
    tasks = airflow_server.tasks("group", group_run)
    models = [airflow_server.xcom("group", group_run, f"synth_refresh.train_{t}") for t in ("users", "orders")]

    assert {t.removeprefix("synth_refresh."): (d["state"], d["try_number"]) for t, d in tasks.items()} == dict.fromkeys(
        ("extract", "train_users", "train_orders", "sample", "validate", "publish"), ("success", 1)
    )
    assert [(m["name"], m["decision"]) for m in models] == [("users", "retrain"), ("orders", "retrain")]
    assert airflow_server.xcom("group", group_run, "synth_refresh.validate")["failed"] == []
    assert airflow_server.events("group", group_run)["synthetic/shop/orders"]["n_rows"] == 200
    assert airflow_server.links("group", group_run, "synth_refresh.validate")["Quality report"]


def test_a_group_publishes_the_bytes_of_the_command_line(
    airflow_server: AirflowServer, group_run: str, tmp_path: Path
) -> None:
    snapshot = airflow_server.xcom("group", group_run, "synth_refresh.publish")
    by_hand = refresh(load_config(build_shop(tmp_path)), NIGHTS[0])

    assert snapshot["snapshot"] == by_hand.snapshot
    assert files_of(Path(snapshot["path"])) == files_of(Path(by_hand.path)) != {}


def test_a_group_without_tables_trains_those_that_it_finds(airflow_server: AirflowServer, group_run: str) -> None:
    run_id = airflow_server.trigger("mapped", NIGHTS[3])
    state, tasks = airflow_server.finish("mapped", run_id), airflow_server.tasks("mapped", run_id)

    assert state == "success", tasks
    assert {t for t in tasks if "train" in t} == {"copy.train orders", "copy.train users"}
    assert airflow_server.xcom("mapped", run_id, "copy.extract") == ["orders", "users"]
    assert NIGHTS[3] in [s[:10] for s in airflow_server.snapshots("shop")]


def test_a_refresh_that_is_mapped_announces_every_dataset(airflow_server: AirflowServer, shop_run: str) -> None:
    """Outlets that are no alias get no events in a mapped task. The shop's night is published: it is found so."""
    run_id = airflow_server.trigger("fleet", NIGHTS[1])
    state, events = airflow_server.finish("fleet", run_id), airflow_server.events("fleet", run_id)

    assert state == "success"
    assert {name: extra["n_rows"] for name, extra in events.items()} == {"synthetic/shop": 300, "synthetic/clock": 500}
    assert events["synthetic/shop"]["snapshot"] == airflow_server.xcom("shop", shop_run)["snapshot"]


def test_a_refused_copy_is_not_asked_again_and_readers_keep_the_last_snapshot(
    airflow_server: AirflowServer, refusal: Refused
) -> None:
    assert refusal.state == "failed"
    assert airflow_server.tries("refused", refusal.run_id) == ["failed"]
    assert refusal.latest_after == refusal.latest_before
    assert NIGHTS[2] not in [s[:10] for s in airflow_server.snapshots("refused")]
    assert airflow_server.events("refused", refusal.run_id) == {}


def test_log_of_a_refused_copy_ends_with_what_did_not_pass(airflow_server: AirflowServer, refusal: Refused) -> None:
    log = airflow_server.log("refused", refusal.run_id)
    links = airflow_server.links("refused", refusal.run_id)
    at = next(i for i, line in enumerate(log) if line.startswith("The gate refused the copy"))
    told = log[at:]

    assert told[1].split() == ["verdict", "table", "expectation", "found", "floor", "limit"]
    assert told[2].split()[:3] == ["FAIL", "orders", "expect_table_row_count_to_match_plan"]
    assert "Rows must be 3 to 4 times" in told[3]
    assert links["Quality report"] == f"file://{told[4].rpartition(' ')[2]}"
    assert any("The gate says FAIL" in line for line in told[5:])
    assert len(told) < 12


def test_a_plan_that_is_wrong_is_not_tried_again(airflow_server: AirflowServer) -> None:
    run_id = airflow_server.trigger("wrong", NIGHTS[0])

    assert airflow_server.finish("wrong", run_id) == "failed"
    assert airflow_server.tries("wrong", run_id) == ["failed"]
    assert "the nearest is 'publish'" in "\n".join(airflow_server.log("wrong", run_id))


def test_a_source_that_is_gone_is_tried_again(airflow_server: AirflowServer) -> None:
    run_id = airflow_server.trigger("gone", NIGHTS[0])

    assert airflow_server.finish("gone", run_id) == "failed"
    assert airflow_server.tries("gone", run_id) == ["failed"] * 3
    assert "nowhere.duckdb" in "\n".join(airflow_server.log("gone", run_id, attempt=3))


def test_a_night_goes_on_after_its_worker_and_then_its_task_are_killed(airflow_server: AirflowServer) -> None:
    """The worker first; of the next try Airflow's own process: what it had started must not outlive it."""
    run_id = airflow_server.trigger("killed", NIGHTS[0])
    airflow_server.await_training("killed")
    read = _read_at(airflow_server, "killed")
    gone = [_killed(airflow_server, "killed", airflow_server.workers("killed", "step")[0].pid)]
    airflow_server.await_training("killed")
    gone.append(_killed(airflow_server, "killed", airflow_server.task_process("killed").pid))
    state = airflow_server.finish("killed", run_id)

    assert state == "success", airflow_server.log("killed", run_id, attempt=3)
    assert airflow_server.tries("killed", run_id) == ["failed", "failed", "success"]
    assert "killed (signal 9)" in "\n".join(airflow_server.log("killed", run_id))
    assert max(gone) < 5
    assert _read_at(airflow_server, "killed") == read
    assert _n_models(airflow_server, "killed") == 1


@pytest.mark.parametrize(("dag", "state"), [("dropped", "running"), ("abandoned", "deferred")])
def test_a_task_that_is_marked_as_failed_leaves_no_worker(airflow_server: AirflowServer, dag: str, state: str) -> None:
    run_id = airflow_server.trigger(dag, NIGHTS[0])
    airflow_server.await_training(dag)
    airflow_server.await_state(dag, run_id, state)
    airflow_server.mark_failed(dag, run_id)
    began = time.monotonic()
    within(60, lambda: not airflow_server.workers(dag), f"the workers of {dag} to leave")
    seconds = time.monotonic() - began

    assert airflow_server.finish(dag, run_id) == "failed"
    assert seconds < 20


def test_a_deferred_task_outlives_scheduler_and_triggerer(airflow_server: AirflowServer, restarted: Restarted) -> None:
    assert len(restarted.before) == 2  # the step's worker, and the one that this started to compute in
    assert restarted.after == restarted.before


def test_a_training_whose_worker_is_killed_goes_on_from_its_checkpoint(
    airflow_server: AirflowServer, restarted: Restarted
) -> None:
    """A training begun anew would pass the same points at other times."""
    state = airflow_server.finish("deferred", restarted.run_id)
    trained = json.loads(airflow_server.workspace("deferred", NIGHTS[0]).trained("visits").read_text())["table"]

    assert state == "success", airflow_server.log("deferred", restarted.run_id, attempt=2)
    assert airflow_server.tries("deferred", restarted.run_id) == ["failed", "success"]
    left = [(point["n_visits"], point["seconds"]) for point in restarted.learned]
    passed = [(p["n_visits"], p["seconds"]) for p in trained["losses"] if p["n_visits"] <= left[-1][0]]
    assert len(passed) > 1
    assert set(passed) <= set(left)
    assert _n_models(airflow_server, "deferred") == 1
    assert len(airflow_server.snapshots("deferred")) == 1


def test_a_backfill_publishes_each_night(airflow_server: AirflowServer, backfilled: list[dict[str, Any]]) -> None:
    found = [s[:10] for s in airflow_server.snapshots("clock")]

    assert {r["logical_date"][:10]: r["state"] for r in backfilled} == dict.fromkeys(NIGHTS[4:7], "success")
    assert [n for n in found if n in NIGHTS[4:7]] == NIGHTS[4:7]


def test_nights_at_once_of_one_dataset_wait_for_each_other(
    airflow_server: AirflowServer, backfilled: list[dict[str, Any]]
) -> None:
    tasks = [airflow_server.tasks("clock", r["dag_run_id"])["refresh"] for r in backfilled]
    logs = ["\n".join(airflow_server.log("clock", r["dag_run_id"])) for r in backfilled]

    assert [t["try_number"] for t in tasks] == [1, 1, 1]
    assert max(_time(t, "start_date") for t in tasks) < min(_time(t, "end_date") for t in tasks)
    assert sum("waiting, for" in log for log in logs) >= 1


def test_a_connections_password_is_used_and_told_nowhere(airflow_server: AirflowServer) -> None:
    run_id = airflow_server.trigger("ledger", NIGHTS[0])
    state = airflow_server.finish("ledger", run_id)
    files = [p for p in (airflow_server.folder / "ledger").rglob("*") if p.is_file()]

    assert state == "success", airflow_server.log("ledger", run_id, "extract")
    assert airflow_server.xcom("ledger", run_id, "extract") == ["visits"]
    assert READER not in airflow_server.logs()
    assert [p for p in files if READER.encode() in p.read_bytes()] == []


def test_dags_are_read_without_errors(airflow_server: AirflowServer) -> None:
    assert airflow_server.run_command("dags", "list-import-errors").split()[-1:] == ["found"]


@pytest.mark.skipif(
    not [e for e in entry_points(group="apache_airflow_provider") if e.module == "synth_ops.airflow.provider"],
    reason="needs the package's metadata as they are in pyproject.toml: pip install -e .",
)
def test_airflow_lists_the_package_among_its_providers(airflow_server: AirflowServer) -> None:
    listed = airflow_server.run_command("providers", "list", "--output", "json")

    assert "synth-ops" in [p["package_name"] for p in json.loads(listed)]


def _pids(server: AirflowServer, dataset: str) -> list[int]:
    return sorted(p.pid for p in server.workers(dataset))


def _n_heard(server: AirflowServer, run_id: str) -> int:
    """Tell how many triggerers have read what the worker tells."""
    return server.log("deferred", run_id).count("train visits: encode")


def _kill_at_checkpoint(server: AirflowServer, dataset: str, learned: list[dict[str, Any]]) -> None:
    """Kill the workers of a dataset once the training has left a checkpoint, and tell what it had learned."""
    work = server.workspace(dataset, NIGHTS[0]).work

    def losses() -> list[dict[str, Any]]:
        return [
            p for s in work.glob("*.checkpoint/state.json") for p in json.loads(s.read_text())["counters"]["losses"]
        ]

    within(RUN_SECONDS, lambda: len(losses()) > 1, "a checkpoint after some validations", every=1.0)
    learned.extend(losses())
    os.kill(server.workers(dataset, "step")[0].pid, signal.SIGKILL)


def _killed(server: AirflowServer, dataset: str, pid: int) -> float:
    """Kill a process, wait until the dataset's workers that live now are gone, and give the seconds that it took."""
    workers, began = set(_pids(server, dataset)), time.monotonic()
    os.kill(pid, signal.SIGKILL)
    within(60, lambda: not workers & set(_pids(server, dataset)), f"the workers of {dataset} to end")
    return time.monotonic() - began


def _read_at(server: AirflowServer, dataset: str) -> int:
    """Tell when the night was read from production."""
    return server.workspace(dataset, NIGHTS[0]).record("extract").stat().st_mtime_ns


def _n_models(server: AirflowServer, dataset: str) -> int:
    return sum(p.is_dir() for p in server.workspace(dataset, NIGHTS[0]).models("visits").iterdir())


def _time(task: Mapping[str, Any], which: str) -> datetime:
    return datetime.fromisoformat(str(task[which]))
