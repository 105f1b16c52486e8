"""What faults of the world do to a refresh, through the real command line: nothing is lost, and running again mends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synth_ops.plan import load_config
from synth_ops.refresh import workspace_of
from synth_ops.workspace import Workspace
from synth_ops.workspace.lock import locked
from tests import interpreter
from tests.leaks import AMOUNT, CANARY, leaks
from tests.projects import NEXT, NIGHT, change, make_project, run, start, told

MIB = 1 << 20
PEOPLE = f"""
CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL, note VARCHAR, paid DOUBLE);
INSERT INTO users SELECT i, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END,
    CASE WHEN i = 7 THEN '{CANARY}' ELSE 'n' || (i % 2) END,
    CASE WHEN i = 7 THEN {AMOUNT} ELSE round(sqrt(i), 2) END FROM range(1, 61) r(i);
"""
"""One table, for a training that ends by itself gives the same model whatever the machine does beside it."""


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the folder of a project that was refreshed once, and a copy of it as it was then."""
    folder = tmp_path_factory.mktemp("faults") / "project"
    done = run(make_project(folder, PEOPLE), "refresh", "--night", NIGHT, "--json")
    assert done.returncode == 0, done.stderr
    assert leaks(folder, done.stdout, done.stderr) == []
    backup = folder.with_name("backup")
    shutil.copytree(folder, backup, symlinks=True)
    return folder, backup


@pytest.fixture
def plan(kept: tuple[Path, Path]) -> Iterator[Path]:
    """Give the refreshed project's plan, the folder as it was; what a test leaves must hold no canary."""
    folder, backup = kept
    shutil.rmtree(folder)
    shutil.copytree(backup, folder, symlinks=True)
    yield folder / "synth.yaml"
    assert leaks(folder) == []


@pytest.fixture
def snapshot(plan: Path) -> str:
    """Give the id of the snapshot that is published."""
    return _latest(plan)


def _latest(plan: Path) -> str:
    return str(json.loads((plan.parent / "snapshots" / "shop" / "latest.json").read_text())["snapshot"])


def _night(plan: Path, night: str = NIGHT) -> Workspace:
    return workspace_of(load_config(plan), night)


def _forget_from(plan: Path, *records: str) -> None:
    """Take the night back to before the steps that leave these records."""
    workspace = _night(plan)
    for name in records:
        for folder in (workspace.private_night, workspace.shared_night):
            (folder / name).unlink(missing_ok=True)
    for job in workspace.work.glob("*"):
        job.unlink()


def _refreshed(plan: Path, night: str = NIGHT) -> dict[str, object]:
    done = run(plan, "refresh", "--night", night, "--json")
    assert done.returncode == 0, done.stderr
    assert CANARY not in done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_second_refresh_the_same_night_says_nothing_to_do(plan: Path, snapshot: str) -> None:
    done = run(plan, "refresh", "--night", NIGHT)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Nothing to do: the night {NIGHT} of shop is published.")
    assert _latest(plan) == snapshot


def test_next_night_unchanged_reuses_the_models(plan: Path, snapshot: str) -> None:
    record = _refreshed(plan, NEXT)

    assert {t["decision"] for t in record["tables"]} == {"reuse"}  # type: ignore[attr-defined]
    assert record["snapshot"] == _latest(plan) != snapshot


def test_second_refresh_at_once_exits_2_and_says_who_holds_the_lock(plan: Path) -> None:
    with locked(_night(plan, NEXT)):
        done = run(plan, "refresh", "--night", NIGHT)

    told(done, 2, "Another refresh is under way", f"process {os.getpid()}", f"night {NEXT}", "Wait")


def test_refused_gate_exits_1_names_the_checks_and_keeps_the_last_snapshot(plan: Path, snapshot: str) -> None:
    suite = plan.parent / "expectations" / "shop" / "users.json"
    held = json.loads(suite.read_text())
    held["expectations"].append(
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10**6}, "severity": "critical"}
    )
    suite.write_text(json.dumps(held))
    done = run(plan, "refresh", "--night", NEXT)

    told(done, 1, "The gate refused", "users", "row_count", "FAIL", "report.html")
    assert _latest(plan) == snapshot
    assert CANARY not in done.stderr
    assert len(list((plan.parent / "snapshots" / "shop" / "snapshots").iterdir())) == 1


def test_model_file_damaged_after_training_is_trained_anew_to_the_same_bytes(plan: Path) -> None:
    weights = next(_night(plan).models("users").glob("*/model.safetensors"))
    before = weights.read_bytes()
    weights.write_bytes(before[:-100])
    _night(plan).models("users").joinpath("latest.json").unlink()
    _forget_publish(plan)
    done = run(plan, "train", "--night", NIGHT)

    assert done.returncode == 0, done.stderr
    assert weights.read_bytes() == before


def test_model_file_damaged_before_sampling_exits_3_and_says_what_to_do(plan: Path) -> None:
    weights = next(_night(plan).models("users").glob("*/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    _forget_from(plan, "sampled.json", "validated.json", "published.json")

    told(run(plan, "sample", "--night", NIGHT), 3, "'users'", str(weights.parent), "synth-ops train")


def test_truncated_real_rows_are_read_again(plan: Path, snapshot: str) -> None:
    _truncate(_night(plan).real("users"))
    _forget_publish(plan)

    assert _refreshed(plan)["snapshot"] == snapshot


def test_truncated_synthetic_rows_are_sampled_again(plan: Path, snapshot: str) -> None:
    _truncate(_night(plan).synthetic("users"))
    _forget_publish(plan)

    assert _refreshed(plan)["snapshot"] == snapshot


def test_publishing_truncated_rows_exits_3_and_says_what_to_do(plan: Path, snapshot: str) -> None:
    _truncate(_night(plan).synthetic("users"))
    _forget_publish(plan)
    shutil.rmtree(plan.parent / "snapshots" / "shop" / "snapshots" / snapshot)

    told(run(plan, "publish", "--night", NIGHT), 3, "users.parquet", "altered", "refresh")


def test_truncated_record_exits_3_and_says_what_to_do(plan: Path) -> None:
    _truncate(_night(plan).record("train"))
    _forget_publish(plan)

    told(run(plan, "refresh", "--night", NIGHT), 3, "trained.json", "Delete the file")


def test_extract_to_a_full_disk_exits_3_and_resumes(plan: Path) -> None:
    change(plan.parent, "CREATE TABLE big AS SELECT i AS id, md5(i::VARCHAR) AS word FROM range(300000) r(i)")
    with _small_disk(plan.parent / ".synth-ops", keep=True):
        done = run(plan, "extract", "--night", NEXT)
        left = list((plan.parent / ".synth-ops").rglob("*.part"))

    told(done, 3, "No space left on device", "Free the disk", "big")
    assert left == []


def test_sampling_to_a_full_disk_exits_3_and_ends_in_the_same_snapshot(plan: Path, snapshot: str) -> None:
    _forget_from(plan, "sampled.json", "validated.json", "published.json")
    with _full_disk(_night(plan).shared_night / "synthetic"):
        done = run(plan, "sample", "--night", NIGHT)

    told(done, 3, "No space left on device")
    assert _refreshed(plan)["snapshot"] == snapshot


def test_publishing_to_a_full_disk_exits_3_and_leaves_nothing_half(plan: Path, snapshot: str) -> None:
    _forget_publish(plan)
    published = plan.parent / "snapshots"
    shutil.rmtree(published)
    published.mkdir()
    with _full_disk(published):
        done = run(plan, "publish", "--night", NIGHT)
        left = [p for p in published.rglob("manifest.json") if p.is_file()]

    told(done, 3, "No space left on device", str(published), "Free some space")
    assert left == []
    assert _refreshed(plan)["snapshot"] == snapshot


def test_read_only_publish_folder_exits_3_and_leaves_the_last_snapshot(plan: Path, snapshot: str) -> None:
    change(plan.parent, "DELETE FROM users WHERE id = 3")
    with _read_only(plan.parent / "snapshots"):
        done = run(plan, "refresh", "--night", NEXT)
        latest = _latest(plan)

    told(done, 3, "Publishing must", "snapshots", "the last good snapshot is untouched")
    assert latest == snapshot
    assert _refreshed(plan, NEXT)["snapshot"] == _latest(plan) != snapshot


def test_worker_killed_for_memory_exits_3_and_running_again_ends_in_the_same_snapshot(
    plan: Path, snapshot: str
) -> None:
    _untrain(plan)
    process = start(plan, "refresh", "--night", NIGHT, env=interpreter.COLD)
    os.kill(_worker_of(process, "train"), signal.SIGKILL)
    out, err = process.communicate(timeout=60)

    told(subprocess.CompletedProcess((), process.returncode, out, err), 3, "signal 9", "memory", "resumes", "train")
    assert _refreshed(plan)["snapshot"] == snapshot


def test_interrupt_exits_130_leaves_no_process_and_running_again_ends_in_the_same_snapshot(
    plan: Path, snapshot: str
) -> None:
    _untrain(plan)
    process = start(plan, "refresh", "--night", NIGHT, env=interpreter.COLD)
    worker = _worker_of(process, "train")
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "Interrupted; resumable: run the same command again." in err
    assert "Traceback" not in err
    assert _ends(worker)
    assert _refreshed(plan)["snapshot"] == snapshot


def test_killed_parent_takes_its_worker_along(plan: Path, snapshot: str) -> None:
    _untrain(plan)
    process = start(plan, "refresh", "--night", NIGHT, env=interpreter.COLD)
    worker = _worker_of(process, "train")
    process.kill()
    process.communicate(timeout=60)

    assert _ends(worker)
    assert _refreshed(plan)["snapshot"] == snapshot


def test_failing_runs_tell_no_real_value(plan: Path) -> None:
    """The canary is put where casts, keys and domains fail on it."""
    change(plan.parent, f"UPDATE users SET plan = '{CANARY}' WHERE id = 9")
    shutil.rmtree(plan.parent / "expectations" / "shop")
    outputs = [run(plan, *words, "--night", NEXT) for words in (("refresh",), ("publish",), ("--debug", "refresh"))]

    assert [o.returncode for o in outputs] == [1, 1, 1]
    assert leaks(plan.parent, *(o.stdout + o.stderr for o in outputs)) == []


def _forget_publish(plan: Path) -> None:
    _night(plan).record("publish").unlink()


def _untrain(plan: Path) -> None:
    """Take the night back to before its training, and give the training time to be stopped in."""
    shutil.rmtree(_night(plan).private / "models")
    _forget_from(plan, "trained.json", "sampled.json", "validated.json", "published.json")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _worker_of(process: "subprocess.Popen[str]", job: str) -> int:
    """Wait for a worker of the job, and give its process id."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            if f"{job}-" in _command(int(child)):
                time.sleep(0.5)
                return int(child)
        time.sleep(0.02)
    raise AssertionError(f"no {job} worker was seen: {process.communicate()[1]}")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _ends(pid: int) -> bool:
    """Tell whether a process, that is no child of ours, is gone within seconds."""
    return _within(10, lambda: not _command(pid))


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[Path]:
    """Put a file system of its own in the folder's place while the block runs."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here; run the tests as root, with CAP_SYS_ADMIN")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _small_disk(folder: Path, *, keep: bool = False) -> Iterator[Path]:
    """Put a disk with one free MiB in the folder's place, with what the folder holds."""
    held = folder.with_name(f"{folder.name}.held")
    shutil.copytree(folder, held, symlinks=True)
    size = sum(p.stat().st_size for p in held.rglob("*") if p.is_file())
    try:
        with _mounted(folder, f"size={size + 2 * MIB}"):
            if keep:
                shutil.copytree(held, folder, symlinks=True, dirs_exist_ok=True)
            yield folder
    finally:
        shutil.rmtree(held)


@contextmanager
def _full_disk(folder: Path) -> Iterator[Path]:
    """Put a full disk in the folder's place."""
    with _mounted(folder, "size=64k"):
        try:
            with (folder / "ballast").open("wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
        except OSError:
            pass
        yield folder


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Mount the folder on itself, read-only: root may write where the mode bits forbid it."""
    bind = ["mount", "--bind", str(folder), str(folder)]
    if sys.platform != "linux" or subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("a folder cannot be mounted read-only here; run the tests as root, with CAP_SYS_ADMIN")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
