"""Run one heavy job in a process of its own, which dies with its parent and leaves a result that a retry finds."""

from synth_ops.worker.launch import run_job
from synth_ops.worker.spec import JobSpec

__all__ = ["JobSpec", "run_job"]
