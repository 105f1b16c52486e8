"""Progress to Dagster, where it started this worker: lines in the run's log, as they happen."""

from collections.abc import Iterator
from contextlib import contextmanager

from synth_ops import settings
from synth_ops.announce import announced
from synth_ops.records import Progress, no_progress


@contextmanager
def piped() -> Iterator[Progress]:
    """Open Dagster Pipes and give a progress that logs to the run; workers that this one starts are not Dagster's."""
    try:
        from dagster_pipes import open_dagster_pipes
    except ImportError:  # a worker's image may lack it: its log is the job's file then, and nothing is live
        yield no_progress
        return
    left: SystemExit | None = None
    with open_dagster_pipes() as pipes:
        settings.forget_pipes()
        try:
            yield announced(pipes.log.info)
        except SystemExit as exc:  # asked to leave: Pipes would show a traceback of it, where nothing is wrong
            left = exc
    if left is not None:
        raise left
