"""Jobs that end in every way a job can end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from synth_ops.errors import SchemaChanged
from synth_ops.records import Progress, ProgressEvent, Record
from synth_ops.worker import JobSpec


class Answer(Record):
    value: int
    threads: str = ""


def double(spec: JobSpec, progress: Progress) -> Answer:
    print("a library talks on stdout")
    progress(ProgressEvent(step="train", table=spec.table, phase="epoch 1", done=0.5, loss=1.25, epoch=1))
    with (Path(spec.root) / "runs").open("a", encoding="utf-8") as runs:
        runs.write("x")
    return Answer(value=2 * spec.options["value"], threads=os.environ["OMP_NUM_THREADS"])


def killed(_spec: JobSpec, _progress: Progress) -> Answer:
    os.kill(os.getpid(), signal.SIGKILL)
    return Answer(value=0)


def refused(_spec: JobSpec, _progress: Progress) -> Answer:
    raise SchemaChanged("Column 'a' of table 't' must be int64, however it is string. Accept it.")


def quoting(spec: JobSpec, _progress: Progress) -> Answer:
    raise ValueError(f"could not convert {spec.options['name']} to float")


def disk_full(_spec: JobSpec, _progress: Progress) -> Answer:
    raise OSError(28, "No space left on device", "/x")


def hungry(_spec: JobSpec, _progress: Progress) -> Answer:
    raise MemoryError


def exits(_spec: JobSpec, _progress: Progress) -> Answer:
    raise SystemExit(7)


def sleeping(spec: JobSpec, progress: Progress) -> Answer:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    with (Path(spec.root) / "pids").open("w", encoding="utf-8") as pids:
        pids.write(f"{os.getpid()} {child.pid}")
    try:
        progress(ProgressEvent(step="train", phase="asleep"))  # within: whoever hears of it may stop the job at once
        time.sleep(120)
    finally:
        with (Path(spec.root) / "left").open("w", encoding="utf-8") as left:
            left.write("in order")
    return Answer(value=0)
