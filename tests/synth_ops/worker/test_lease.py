import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synth_ops.errors import SchemaChanged, WorkerFailed
from synth_ops.worker import JobSpec
from synth_ops.worker.launch import collect
from synth_ops.worker.lease import Lease, launch, read_events
from tests.servers import alive, within

SpecOf = Callable[..., JobSpec]
LAUNCH = """
import sys
from synth_ops.worker import JobSpec
from synth_ops.worker.lease import launch
assert launch(JobSpec.model_validate_json(sys.argv[1]))
"""
LAPSE = """
import sys
from pathlib import Path
from synth_ops.worker import lease
import signal, time
def leave(*_):
    print("asked to leave", flush=True)
    raise SystemExit(0)
signal.signal(signal.SIGTERM, leave)
lease.leave_with(Path(sys.argv[1]), seconds=1.0)
time.sleep(60)
"""


def test_worker_on_a_lease_leaves_its_record_and_its_events(spec_of: SpecOf) -> None:
    spec = spec_of("double", table="t")
    assert launch(spec)
    within(60, lambda: not Lease(spec).is_held(), "the worker")

    assert collect(spec)["value"] == 42
    events, offset = read_events(Lease(spec).events, 0)
    assert [e.phase for e in events] == ["epoch 1"]
    assert read_events(Lease(spec).events, offset) == ([], offset)


def test_worker_goes_on_when_its_launcher_is_gone_and_is_not_started_twice(spec_of: SpecOf, tmp_path: Path) -> None:
    spec = spec_of("sleeping")
    subprocess.run([sys.executable, "-c", LAUNCH, spec.model_dump_json()], check=True)
    worker, child = pids(tmp_path)
    try:
        assert Lease(spec).is_held()
        assert alive(worker)
        assert not launch(spec)
    finally:
        Lease(spec).end()
    within(60, lambda: not alive(worker), "the worker")
    assert (tmp_path / "left").read_text() == "in order"
    os.kill(child, signal.SIGKILL)  # a job's own children are its own business where it leaves in order


def test_ended_lease_stays_ended_and_the_job_can_be_taken_up_again(spec_of: SpecOf, tmp_path: Path) -> None:
    spec = spec_of("sleeping")
    launch(spec)
    worker, child = pids(tmp_path)
    Lease(spec).end()
    Lease(spec).renew()
    within(60, lambda: not alive(worker), "the worker")
    os.kill(child, signal.SIGKILL)

    assert not Lease(spec).path.exists()
    with pytest.raises(WorkerFailed, match="resumes"):
        collect(spec)
    (tmp_path / "pids").unlink()
    assert launch(spec)
    worker, child = pids(tmp_path)
    Lease(spec).end()
    within(60, lambda: not alive(worker), "the worker")
    os.kill(child, signal.SIGKILL)


def test_worker_that_was_taken_over_is_ended_by_the_one_that_waits(spec_of: SpecOf, tmp_path: Path) -> None:
    """A task that was cleared may be back before its first try's trigger hears that it was."""
    spec = spec_of("sleeping")
    assert launch(spec, holder="first")
    worker, child = pids(tmp_path)
    assert not launch(spec, holder="second")
    Lease(spec, "first").end()
    held = Lease(spec).is_held(), Lease(spec).path.exists()
    Lease(spec, "second").end()
    within(60, lambda: not alive(worker), "the worker")
    os.kill(child, signal.SIGKILL)

    assert held == (True, True)


def test_killed_worker_counts_as_gone_at_once(spec_of: SpecOf, tmp_path: Path) -> None:
    spec = spec_of("sleeping")
    launch(spec)
    worker, child = pids(tmp_path)
    os.kill(worker, signal.SIGKILL)
    within(60, lambda: not Lease(spec).is_held(), "the worker")
    os.kill(child, signal.SIGKILL)


def test_our_error_keeps_its_class(spec_of: SpecOf) -> None:
    spec = spec_of("refused")
    launch(spec)
    within(60, lambda: not Lease(spec).is_held(), "the worker")

    with pytest.raises(SchemaChanged, match="must be int64"):
        collect(spec)


@pytest.mark.parametrize("renews", [True, False])
def test_worker_leaves_when_nobody_renews_its_lease(tmp_path: Path, *, renews: bool) -> None:
    lease = tmp_path / "lease"
    lease.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", LAPSE, str(lease)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    ends = time.monotonic() + 8
    while renews and time.monotonic() < ends:
        os.utime(lease)
        time.sleep(0.2)
    if renews:
        assert process.poll() is None
        lease.unlink()
    out, _ = process.communicate(timeout=60)

    assert out == "asked to leave\n"


def pids(folder: Path) -> tuple[int, int]:
    """Give the worker and its child, when the job is under way."""
    within(60, lambda: (folder / "pids").is_file() and len((folder / "pids").read_text().split()) == 2, "the worker")
    worker, child = map(int, (folder / "pids").read_text().split())
    return worker, child
