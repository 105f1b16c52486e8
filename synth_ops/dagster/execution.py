"""A step of a night, run in a worker through Dagster Pipes; Dagster itself loads no torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from synth_ops.dagster.project import Project
from synth_ops.errors import Locked, OutsideError, SynthOpsError
from synth_ops.records import Record
from synth_ops.steps import StepCall, read_step, step_spec
from synth_ops.worker.launch import collect, command, job_files, lay_out

RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)
"""For what the outside world did. A refused gate and a wrong plan are not retried, whatever the policy says."""
UNCHANGED_TAG = "synth_ops/when_unchanged"
"""A run's tag: ``skip`` makes no new copy where neither production nor the plan has changed since the last one."""

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


@dataclass(frozen=True)
class Runner:
    """Runs steps of one dataset."""

    project: Project
    python: str
    """The interpreter that has torch and Great Expectations."""
    device: str = "auto"
    client: dg.PipesClient | None = None
    """Starts the worker: by default a process of this machine. One that starts pods must see the same workspace."""

    def run(self, context: Context, call: StepCall) -> Record:
        """Take a step in a worker, to its end: log lines come as they happen, and a cancelled run ends the worker.

        Raises:
            dg.Failure: what the step raised; retried by the op's policy where the outside world is to blame.
        """
        try:
            return read_step(call, self._run(context, call))
        except SynthOpsError as exc:
            is_outside = isinstance(exc, OutsideError | Locked)
            raise dg.Failure(str(exc), metadata={"kind": type(exc).__name__}, allow_retries=is_outside) from None
        except dg.DagsterExecutionInterruptedError:
            if not _is_cancelled(context):
                raise  # its machine was taken away: retried by the op's policy
            # An op with such a policy would be taken up again, and the run with it, where steps share one process.
            words = "The run was cancelled. Running it again goes on where this one was."
            raise dg.Failure(words, allow_retries=False) from None

    def _run(self, context: Context, call: StepCall) -> Mapping[str, object]:
        spec = step_spec(call, self.project.config, self.project.path, device=self.device)
        spec.workspace.prepare()
        code: int | None = 0
        try:
            self._client.run(
                context=_WithoutAssets(context.op_execution_context.get_step_execution_context()),
                command=command(lay_out(spec), self.python),
                # A partition is there when its night has begun by Dagster's clock; the worker's may be in another zone.
                env={"SYNTH_OPS_NIGHT": call.night},
            )
        except Exception as exc:
            code = _code_in(str(exc))
            if code is None and not job_files(spec).result.is_file():
                raise  # the worker was never started: its client says why
        return collect(spec, code)

    @property
    def _client(self) -> dg.PipesClient:
        return self.client or dg.PipesSubprocessClient()


class _WithoutAssets(dg.OpExecutionContext):
    """An op's context as Pipes is to see it: what is materialised is told by us, from the record.

    Pipes would else look up every asset's provenance before the worker starts, and would have each of them reported,
    those too that an unchanged night leaves out.
    """

    @property
    def has_assets_def(self) -> bool:
        return False


def _is_cancelled(context: Context) -> bool:
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


def _code_in(message: str) -> int | None:
    found = re.search(r"code (-?\d+)", message)
    return int(found[1]) if found else None
