"""The parent's side of a local worker: start it, watch it, take its result, never leave it behind."""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from synth_ops.errors import WorkerFailed
from synth_ops.records import Progress, ProgressEvent, no_progress
from synth_ops.worker.failure import LESS_MEMORY, revive
from synth_ops.worker.spec import JobResult, JobSpec
from synth_ops.workspace.files import read_record, write_record

GRACE_SECONDS = 10
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class JobFiles:
    """Where one job's files lie; equal specs share them."""

    spec: Path
    result: Path
    log: Path
    """What the worker and its libraries wrote to stderr: private, for a library may quote a row."""


def run_job(
    spec: JobSpec,
    *,
    progress: Progress = no_progress,
    still_holds: Callable[[Mapping[str, Any]], bool] = bool,
    python: str = sys.executable,
    env: Mapping[str, str] | None = None,
    leash: "Leash | None" = None,
) -> dict[str, Any]:
    """Do the job in a worker process and give its record as JSON; an equal job that is complete is not done again.

    Leaves spec, result and log in the workspace's private work folder. However this call ends, the worker has ended.

    Args:
        spec: the job.
        progress: told of every event.
        still_holds: whether an earlier result may be believed: the files that it names are there, and whole.
        python: the worker's interpreter.
        env: variables that the worker gets beside this process's own.
        leash: by which a signal handler of the caller's ends the worker.

    Raises:
        SynthOpsError: what the job raised, as the same class.
        WorkerFailed: the worker died, or stopped with an exception that is not ours.
    """
    done = read_record(job_files(spec).result, JobResult)
    if done is not None and done.ok and still_holds(done.result):
        return dict(done.result)
    files = lay_out(spec)
    with _started(files, python, env or {}) as process, (leash or Leash()).on(process):
        for line in _lines(process):
            _pass_on(line, progress)
        return_code = process.wait()
    return collect(spec, return_code)


def job_files(spec: JobSpec) -> JobFiles:
    """Give the paths of a job's files."""
    base = spec.folder / spec.stem
    return JobFiles(*(base.with_name(f"{base.name}.{kind}") for kind in ("spec.json", "result.json", "log")))


def lay_out(spec: JobSpec) -> JobFiles:
    """Write the job's spec, and clear the place of its result: a launcher starts the worker on them."""
    files = job_files(spec)
    files.result.unlink(missing_ok=True)
    write_record(files.spec, spec)
    return files


def command(files: JobFiles, python: str = sys.executable) -> list[str]:
    """Give the command of the worker that does the job of these files."""
    # -P: a file of the user's in the current folder must not pass for a module
    return [python, "-P", "-m", "synth_ops", "worker", str(files.spec), str(files.result)]


class Leash:
    """Ends the worker that `run_job` waits for, from a signal handler, which cannot raise into it everywhere."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def pull(self) -> None:
        """Ask the worker to leave, if there is one; `run_job` then raises that it has left."""
        if self._process is not None:
            _signal_group(self._process, signal.SIGTERM)

    @contextmanager
    def on(self, process: "subprocess.Popen[bytes]") -> Iterator[None]:
        """Hold this worker."""
        self._process = process
        try:
            yield
        finally:
            self._process = None


@contextmanager
def _started(files: JobFiles, python: str, env: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a worker in a process group of its own, and end the whole group on leaving."""
    with files.log.open("ab") as log:
        process = subprocess.Popen(
            command(files, python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            process_group=0,
            env={**os.environ, **env},
        )
    try:
        with process:
            try:
                yield process
            except BaseException:
                _stop(process)
                raise
    finally:
        _signal_group(process, signal.SIGKILL)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the worker to leave, and make it leave when the grace is over or someone loses patience."""
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Give the worker's lines until it ends, even where a process that it forked keeps the pipe open."""
    pipe = _required(process.stdout)
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(POLL_SECONDS):
                if process.poll() is not None:
                    return
                continue
            chunk = os.read(pipe.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, pending = (pending + chunk).split(b"\n")
            yield from lines


def _required(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise WorkerFailed("A worker must be started with a pipe for its events, however it has none.")
    return pipe


def _pass_on(line: bytes, progress: Progress) -> None:
    try:
        event = ProgressEvent.model_validate_json(line)
    except ValidationError:
        return  # the worker died within the line
    progress(event)


def collect(spec: JobSpec, return_code: int | None = None) -> dict[str, Any]:
    """Give the record of a job whose worker has ended, or raise what it left in its place.

    Args:
        spec: the job.
        return_code: the worker's, negative for a signal; None where the launcher does not know.

    Raises:
        SynthOpsError: what the job raised, as the same class.
        WorkerFailed: there is no result.
    """
    files = job_files(spec)
    outcome = read_record(files.result, JobResult)
    subject = f"The {spec.job} worker of {f'table {spec.table!r}' if spec.table else 'all tables'}"
    if outcome is not None and outcome.ok:
        return dict(outcome.result)
    if outcome is not None and outcome.error is not None:
        raise _with_log(revive(outcome.error), files)
    if return_code == -signal.SIGKILL:
        raise WorkerFailed(
            f"{subject} must leave a result, however it was killed (signal 9): probably by the kernel, for want of"
            f" memory. {LESS_MEMORY}"
        )
    raise WorkerFailed(
        f"{subject} must leave a result, however it ended{_ending(return_code)} and left none."
        f" Its log is {files.log}. Running the same command again resumes."
    )


def _ending(return_code: int | None) -> str:
    if return_code is None:
        return ""
    return f" with signal {signal.Signals(-return_code).name}" if return_code < 0 else f" with exit code {return_code}"


def _with_log(error: Exception, files: JobFiles) -> Exception:
    """Tell where a foreign exception's traceback is; our own errors say enough."""
    return WorkerFailed(f"{error} Its traceback is in {files.log}.") if isinstance(error, WorkerFailed) else error
