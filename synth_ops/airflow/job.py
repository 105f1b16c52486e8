"""What a task does: one job in a worker, in the terms of the core; and what of its errors Airflow may retry."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from synth_ops.airflow.compat import AirflowException, AirflowFailException
from synth_ops.airflow.refusal import refusal_lines
from synth_ops.announce import announced
from synth_ops.errors import GateRefused, Locked, OutsideError, PlanError, SynthOpsError
from synth_ops.plan import Config
from synth_ops.records import Published, Record, Validated
from synth_ops.steps import StepCall, read_step, step_spec
from synth_ops.worker.launch import Leash, collect, run_job
from synth_ops.worker.lease import Lease, launch
from synth_ops.worker.spec import JobSpec
from synth_ops.workspace import Workspace, check_night, read_record

Tell = Callable[[str], None]
FIRST_ZONE = timedelta(hours=14)
"""Where a day begins first."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One step, or the whole refresh, of one night."""

    call: StepCall
    path: Path
    """synth.yaml."""
    config: Config
    text: str | None = None
    """What synth.yaml says, where it is a template that was filled in."""
    device: str = "auto"
    python: str = ""
    """The worker's interpreter; empty is this one."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the worker, which may be secrets."""

    def __post_init__(self) -> None:
        """Refuse a night that has begun nowhere on earth: the worker takes this task's word for it.

        Raises:
            PlanError: the night is malformed, or in the future.
        """
        check_night(self.call.night)
        latest = (datetime.now(UTC) + FIRST_ZONE).date().isoformat()
        if self.call.night > latest:
            raise PlanError(f"A night must not be in the future, however {self.call.night} is later than {latest}.")

    @property
    def spec(self) -> JobSpec:
        return step_spec(self.call, self.config, self.path, device=self.device, text=self.text)

    @property
    def workspace(self) -> Workspace:
        return self.spec.workspace

    @property
    def validated(self) -> Validated | None:
        """The gate's verdict of the night, where there is one."""
        return read_record(self.workspace.record("validate"), Validated)

    @property
    def published(self) -> Published | None:
        """The night's snapshot, where there is one."""
        return read_record(self.workspace.record("publish"), Published)

    def run(self, tell: Tell, leash: Leash) -> Record:
        """Do it in a worker that ends with this process; give its record."""
        self.workspace.prepare()
        # A finished job is asked again: the worker looks whether what it left is still there, and does what is not.
        result = run_job(
            self.spec,
            progress=announced(tell),
            still_holds=lambda _: False,
            python=self._python,
            env=self._env,
            leash=leash,
        )
        return read_step(self.call, result)

    def start(self, tell: Tell) -> Lease:
        """Start a worker that outlives this process, or take over the one that is at the same job."""
        self.workspace.prepare()
        lease = Lease(self.spec, holder=uuid4().hex)
        if launch(self.spec, holder=lease.holder, python=self._python, env=self._env):
            tell(f"A worker was started for {self.spec.stem}. This task waits in the triggerer until it is done.")
        else:
            tell(f"A worker is already at {self.spec.stem}. This task waits for it in the triggerer.")
        return lease

    def collect(self) -> Record:
        """Give the record that a worker left which outlived the process that started it."""
        return read_step(self.call, collect(self.spec))

    @property
    def _python(self) -> str:
        return self.python or sys.executable

    @property
    def _env(self) -> Mapping[str, str]:
        # A night that has begun by Airflow's clock may not have by the worker's, which may be in another zone.
        return {"SYNTH_OPS_NIGHT": self.call.night, **self.env}


@contextmanager
def translated(job: Job | None, tell: Tell) -> Iterator[None]:
    """Turn our errors into Airflow's: what the outside world did may be retried, all else fails the task for good.

    Of a copy that the gate refuses, the failing expectations are told first.
    """
    try:
        yield
    except GateRefused:
        validated = job.validated if job else None
        raise refused(validated, tell) from None
    except SynthOpsError as exc:
        is_outside = isinstance(exc, OutsideError | Locked)
        raise (AirflowException if is_outside else AirflowFailException)(str(exc)) from None


def refused(validated: Validated | None, tell: Tell) -> AirflowFailException:
    """Tell the failing expectations, and give the error that fails the task for good."""
    if validated is None:
        return AirflowFailException("The gate refused the copy; its record is gone from the workspace.")
    for line in refusal_lines(validated):
        tell(line)
    return AirflowFailException(
        f"The gate says {validated.verdict}: the table above names the critical expectations that did not pass."
        " Nothing was published, and the last snapshot stands."
    )
