"""Airflow's shell: operators and a task group that run a night's refresh in workers, for Airflow 2.11 and 3."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth_ops.airflow.operators import SynthRefreshOperator, SynthStepOperator
    from synth_ops.airflow.pods import train_pod
    from synth_ops.airflow.task_group import synth_refresh_task_group

__all__ = ["SynthRefreshOperator", "SynthStepOperator", "synth_refresh_task_group", "train_pod"]

_HOMES = {
    "SynthRefreshOperator": "operators",
    "SynthStepOperator": "operators",
    "synth_refresh_task_group": "task_group",
    "train_pod": "pods",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is: Airflow reads `provider.py` while it is itself being loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
