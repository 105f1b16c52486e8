"""What the environment says. No other file reads it."""

import os
import re
from datetime import datetime
from pathlib import Path

from synth_ops.errors import PlanError

SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""How a configuration names an environment variable."""


def expand(text: str) -> str:
    """Put the environment's value in the place of each ``${NAME}``; what a value holds is not expanded again.

    >>> expand("parquet:rows")
    'parquet:rows'

    Raises:
        PlanError: a variable is not set. The message holds its name, and the value of no other.
    """
    return SECRET.sub(_value, text)


def default_night() -> str:
    """Give the night that is meant where none is named: today by the local clock, unless SYNTH_OPS_NIGHT says else."""
    return os.environ.get("SYNTH_OPS_NIGHT") or datetime.now().astimezone().date().isoformat()


def n_threads() -> int:
    """Give how many threads the numeric libraries of this process may use: a worker says it, else the machine."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else os.cpu_count() or 1


LEASE = "SYNTH_OPS_LEASE"
"""Names the file that a worker without a parent lives by."""


def take_lease() -> Path | None:
    """Give the lease that this worker lives by, if it has no parent; those that it starts have one."""
    lease = os.environ.pop(LEASE, None)
    return Path(lease) if lease else None


def is_piped() -> bool:
    """Tell whether Dagster Pipes started this process."""
    return "DAGSTER_PIPES_CONTEXT" in os.environ


def forget_pipes() -> None:
    """Keep Dagster Pipes from the processes that this one starts."""
    for name in ("DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"):
        os.environ.pop(name, None)


def _value(match: re.Match[str]) -> str:
    name = match[1]
    value = os.environ.get(name)
    if value is None:
        raise PlanError(
            f"The environment variable {name} must be set, for synth.yaml names it as ${{{name}}}, however it is not."
            f" Run `export {name}=...`, and the same command again."
        )
    return value
