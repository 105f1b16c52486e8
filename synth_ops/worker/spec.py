"""What a worker is told, and what it answers: one JSON in, one JSON out."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth_ops.names import file_stem
from synth_ops.records import Record
from synth_ops.workspace.layout import Workspace

STEP_JOB = "step"
"""The job that takes a whole step, as orchestrators do."""


class JobSpec(Record):
    """One job, complete: a worker on any machine that sees the workspace does the same with it."""

    job: str
    """A name in `synth_ops.worker.jobs.JOBS`, such as ``train``, ``measure`` or ``step``, or ``module:function``."""
    root: str
    """The folder that holds every dataset's workspace."""
    dataset: str
    night: str
    table: str | None = None
    device: str = "auto"
    seed: int
    n_threads: int = 2
    """Threads that numeric libraries may use; fewer need less memory. OMP_NUM_THREADS wins, where it is set."""
    options: Mapping[str, Any] = {}
    """What only this job knows of; JSON."""

    @property
    def hash(self) -> str:
        """Sixteen hex digits over the whole spec: equal specs share their result."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def workspace(self) -> Workspace:
        """The night's workspace."""
        return Workspace(Path(self.root), self.dataset, self.night)

    @property
    def folder(self) -> Path:
        """Where the job's files lie: those of steps are still needed while the last one deletes all others."""
        return self.workspace.steps if self.job == STEP_JOB else self.workspace.work

    @property
    def stem(self) -> str:
        """What the job's files are called: ``train-orders-0123456789abcdef``."""
        subject = file_stem(self.table) if self.table else "all"
        return f"{self.job.replace(':', '.')}-{subject}-{self.hash}"


class Failure(Record):
    """Why a job failed, in words that quote no row."""

    type: str
    """Name of an exception in `synth_ops.errors`."""
    message: str
    exit_code: int


class JobResult(Record):
    """What a worker leaves: the job's own record as JSON, or why there is none."""

    ok: bool
    result: Mapping[str, Any] = {}
    error: Failure | None = None
