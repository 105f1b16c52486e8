import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synth_ops.errors import PlanError, SchemaChanged, WorkerFailed
from synth_ops.records import ProgressEvent
from synth_ops.worker import JobSpec, run_job
from synth_ops.worker.launch import job_files
from tests.servers import alive, within

SpecOf = Callable[..., JobSpec]

PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores it
from synth_ops.worker import JobSpec, run_job
run_job(JobSpec.model_validate_json(sys.argv[1]), progress=lambda e: print(e.phase, flush=True))
"""


def test_job_gives_its_record_and_its_progress(spec_of: SpecOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")  # it would win
    events: list[ProgressEvent] = []
    record = run_job(spec_of("double", table="t", n_threads=1), progress=events.append)

    assert record == {"value": 42, "threads": "1"}
    assert events == [ProgressEvent(step="train", table="t", phase="epoch 1", done=0.5, loss=1.25, epoch=1)]


def test_an_equal_job_that_is_complete_is_not_done_again(spec_of: SpecOf, tmp_path: Path) -> None:
    first, second = run_job(spec_of("double")), run_job(spec_of("double"))

    assert first == second
    assert (tmp_path / "runs").read_text() == "x"


def test_a_result_that_holds_no_more_is_made_again(spec_of: SpecOf, tmp_path: Path) -> None:
    run_job(spec_of("double"))
    run_job(spec_of("double"), still_holds=lambda _: False)

    assert (tmp_path / "runs").read_text() == "xx"


def test_another_seed_is_another_job(spec_of: SpecOf, tmp_path: Path) -> None:
    run_job(spec_of("double"))
    run_job(spec_of("double", seed=2))

    assert (tmp_path / "runs").read_text() == "xx"


def test_worker_killed_for_memory_says_what_to_lower(spec_of: SpecOf) -> None:
    with pytest.raises(WorkerFailed, match=r"'t'.*kernel.*memory.*n_threads.*resumes"):
        run_job(spec_of("killed", table="t"))


def test_memory_error_says_what_to_lower(spec_of: SpecOf) -> None:
    with pytest.raises(WorkerFailed, match="n_threads"):
        run_job(spec_of("hungry"))


def test_our_error_keeps_its_class_and_message(spec_of: SpecOf) -> None:
    with pytest.raises(SchemaChanged, match="must be int64") as caught:
        run_job(spec_of("refused"))

    assert caught.value.exit_code == 2


def test_foreign_error_quotes_no_value_anywhere(spec_of: SpecOf) -> None:
    """The text of someone else's exception may hold a production value."""
    spec = spec_of("quoting", options={"name": "Jane"})
    with pytest.raises(WorkerFailed, match="ValueError") as caught:
        run_job(spec)
    log = job_files(spec).log.read_text()

    assert "Jane" not in str(caught.value) + log + job_files(spec).result.read_text()
    assert "ValueError" in log
    assert "raise ValueError" in log


def test_full_disk_is_named(spec_of: SpecOf) -> None:
    with pytest.raises(WorkerFailed, match="No space left on device"):
        run_job(spec_of("disk_full"))


def test_worker_that_leaves_no_result_is_an_error(spec_of: SpecOf) -> None:
    with pytest.raises(WorkerFailed, match="exit code 7"):
        run_job(spec_of("exits"))


def test_unknown_job_names_the_known_ones(spec_of: SpecOf) -> None:
    with pytest.raises(PlanError, match="train, sample, measure"):
        run_job(spec_of("double").model_copy(update={"job": "knit"}))


def test_failed_job_is_done_again(spec_of: SpecOf) -> None:
    spec = spec_of("refused")
    for _ in range(2):
        with pytest.raises(SchemaChanged):
            run_job(spec)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(spec_of: SpecOf, tmp_path: Path, number: signal.Signals) -> None:
    parent = _parent_of(spec_of("sleeping"))
    worker, child = map(int, (tmp_path / "pids").read_text().split())
    parent.send_signal(number)
    parent.wait(20)
    parent.stdout.close()  # type: ignore[union-attr]  # it was asked for as a pipe

    within(60, lambda: not alive(worker) and not alive(child), "worker and child to leave")


def test_interrupted_worker_leaves_in_order(spec_of: SpecOf, tmp_path: Path) -> None:
    with _parent_of(spec_of("sleeping")) as parent:
        parent.send_signal(signal.SIGINT)

    assert (tmp_path / "left").read_text() == "in order"


def _parent_of(spec: JobSpec) -> "subprocess.Popen[str]":
    """Start a process that runs the job, and wait until the job is under way."""
    command = [sys.executable, "-c", PARENT, spec.model_dump_json()]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "asleep\n"
    return parent
