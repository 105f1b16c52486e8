"""The worker's own side: read the spec, die with the parent, do the job, leave the result."""

import ctypes
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from synth_ops import settings
from synth_ops.errors import PlanError
from synth_ops.records import Progress, ProgressEvent
from synth_ops.worker.failure import describe, trace
from synth_ops.worker.jobs import load_job
from synth_ops.worker.launch import job_files
from synth_ops.worker.lease import leave_with
from synth_ops.worker.spec import JobResult, JobSpec
from synth_ops.workspace.files import read_record, write_record

PR_SET_PDEATHSIG = 1
TERMINATED = 128 + signal.SIGTERM
THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def worker(spec_path: Path, result_path: Path) -> int:
    """Do the job that the spec file describes, leave its result, and give the exit code.

    Progress goes to stdout, one JSON event a line. Where stdin is a pipe, its end is the parent's death.
    """
    spec = _read_spec(spec_path)
    lease = settings.take_lease()
    if lease is None:
        _die_with_parent()
    for stop in (signal.SIGTERM, signal.SIGINT):  # Dagster sends the second; a shell's `&` would have it ignored
        signal.signal(stop, _leave)
    if lease is not None:
        leave_with(lease)
    for name in THREAD_LIMITS:  # read by torch and numpy when first imported; who set one meant it
        os.environ.setdefault(name, str(spec.n_threads))
    # Threads that spin for long steal the cores from those they wait for; on a shared machine that cost a factor of 18.
    # Those that never spin wake late, at twice the time on an idle one. A short spin has neither fault.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    with _reporting(spec) as progress:
        outcome = _outcome(spec, progress)
    write_record(result_path, outcome)
    return outcome.error.exit_code if outcome.error else 0


def _read_spec(path: Path) -> JobSpec:
    spec = read_record(path, JobSpec)
    if spec is None:
        raise PlanError(f"A worker must be given the file of its spec, however there is no {path}.")
    return spec


def _outcome(spec: JobSpec, progress: Progress) -> JobResult:
    try:
        record = load_job(spec.job)(spec, progress)
    except Exception as exc:  # noqa: BLE001 — whatever it is, the parent is told by the result file
        sys.stderr.write(f"{trace(exc)}\n")
        return JobResult(ok=False, error=describe(exc))
    return JobResult(ok=True, result=record.model_dump(mode="json"))


@contextmanager
def _reporting(spec: JobSpec) -> Iterator[Progress]:
    """Report to whoever started the worker: to Dagster by Pipes, to all others by lines on stdout."""
    if not settings.is_piped():
        yield _reporter()
        return
    from synth_ops.worker.pipes import piped  # needs dagster-pipes, which is there where Dagster is

    _write_to_log(spec)
    with piped() as progress:
        yield progress


def _write_to_log(spec: JobSpec) -> None:
    """Write what libraries print to the job's own log: Dagster shows a worker's output to everyone."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(job_files(spec).log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)


def _reporter() -> Progress:
    """Keep stdout for events alone: what any library prints goes to stderr, the private log."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def report(event: ProgressEvent) -> None:
        events.write(event.model_dump_json(exclude_defaults=True) + "\n")

    return report


def _die_with_parent() -> None:
    """See to it that no worker outlives its parent, nor what the worker started.

    The end of a stdin pipe is the parent's death and ends the whole group. Without one the kernel tells; not beside
    it, for the kernel's signal would end the worker before it could end its children.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode) and not settings.is_piped():  # Dagster's own stdin is nobody's life line
        threading.Thread(target=_kill_at_end_of_stdin, daemon=True, name="parent-watch").start()
    elif sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_at_end_of_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _leave(_signal: int, _frame: object) -> NoReturn:
    """Turn SIGTERM into an exit that runs every ``finally`` on the way out."""
    raise SystemExit(TERMINATED)
