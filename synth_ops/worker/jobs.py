"""Which function does which job. They are named here and imported in the worker only, for they load torch."""

from collections.abc import Callable, Mapping
from importlib import import_module

from synth_ops.errors import PlanError
from synth_ops.records import Progress, Record
from synth_ops.worker.spec import STEP_JOB, JobSpec

Job = Callable[[JobSpec, Progress], Record]

JOBS: Mapping[str, str] = {
    "train": "synth_ops.learning:train_job",
    "sample": "synth_ops.sample:sample_job",
    "measure": "synth_ops.validate:measure_job",
    "observe": "synth_ops.observe:observe_job",
    STEP_JOB: "synth_ops.steps:step_job",
}


def load_job(name: str) -> Job:
    """Import the function that does the job of that name, or that ``module:function`` names.

    Raises:
        PlanError: there is no such job.
    """
    module, _, function = JOBS.get(name, name).partition(":")
    if not function:
        raise PlanError(f"A job must be one of {', '.join(JOBS)}, or module:function, however: {name!r}.")
    job: Job = getattr(import_module(module), function)
    return job
