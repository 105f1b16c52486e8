"""Run a command and give its wall time and the peak memory of its whole process tree."""

import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Run:
    """What one run of a command cost."""

    seconds: float
    peak_gb: float
    """Largest sum of resident memory over the process and its descendants, sampled ten times a second."""
    return_code: int
    output: str


def run(
    command: Sequence[str],
    *,
    limit_seconds: float | None = None,
    errors: Path | None = None,
    folder: Path | None = None,
) -> Run:
    """Run the command in ``folder`` to its end, its standard error passed through, or into the file ``errors``.

    After ``limit_seconds`` the command and all its descendants are killed.
    """
    started = time.monotonic()
    with ExitStack() as files:
        stderr = files.enter_context(errors.open("w", encoding="utf-8")) if errors else None
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    try:
        output = process.communicate(timeout=limit_seconds)[0]
    except subprocess.TimeoutExpired:
        _kill(process.pid)
        output = process.communicate()[0]
    return Run(time.monotonic() - started, peak[0] / 1e9, process.returncode, output)


def _kill(pid: int) -> None:
    root = psutil.Process(pid)
    for process in [*root.children(recursive=True), root]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _watch(pid: int, peak: list[int]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], sum(map(_resident, [root, *root.children(recursive=True)])))
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
