"""One step of a night, or all of it, as a worker's job: orchestrators start it, and read the record that it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synth_ops.plan import Config, load_config
from synth_ops.records import Progress, Record, Refreshed, Step, TrainedTable
from synth_ops.refresh import KINDS, Options, take_all, take_step, take_table
from synth_ops.settings import default_night
from synth_ops.worker.spec import STEP_JOB, JobSpec

WAIT_SECONDS = 12 * 3600.0
"""How long a step waits for another refresh of its dataset: longer than any that somebody waits for."""


@dataclass(frozen=True)
class StepCall:
    """A step as an orchestrator takes it: with those before it, and after whoever is at work on the dataset."""

    step: Step | Literal["refresh"]
    """``refresh`` is all of them."""
    night: str
    table: str | None = None
    """Train this one alone."""
    tables: tuple[str, ...] | None = None
    """Whose models may be learned anew, where the step learns some; None is all."""
    wait_seconds: float = WAIT_SECONDS


def step_spec(call: StepCall, config: Config, path: Path, *, device: str = "auto", text: str | None = None) -> JobSpec:
    """Give the spec that `synth-ops worker` takes the step by; it holds no secret.

    Args:
        call: the step.
        config: as loaded from `path`.
        path: synth.yaml, where the worker finds it.
        device: where models compute.
        text: what synth.yaml says, where it is a template that was filled in.
    """
    return JobSpec(
        job=STEP_JOB,
        root=str(config.workspace),
        dataset=config.dataset,
        night=call.night,
        table=call.table,
        device=device,
        seed=0,
        options={
            "config": str(path),
            "text": text,
            "step": call.step,
            "tables": None if call.tables is None else list(call.tables),
            "wait_seconds": call.wait_seconds,
        },
    )


def step_job(spec: JobSpec, progress: Progress) -> Record:
    """Take the step that the spec names, with those before it that are not complete; what a worker runs.

    A refused copy is no error here: the record says so, and whoever asked decides what follows from it.
    """
    asked = spec.options
    config = load_config(Path(asked["config"]), text=asked["text"])
    options = Options(
        tables=None if asked["tables"] is None else tuple(asked["tables"]),
        device=spec.device,
        wait_seconds=asked["wait_seconds"],
        with_earlier=True,
        refuse=asked["step"] != "validate",
    )
    if asked["step"] == "refresh":
        return take_all(config, spec.night, options=options, progress=progress)
    if spec.table is not None:
        return take_table(spec.table, config, spec.night, options=options, progress=progress)
    return take_step(asked["step"], config, spec.night, options=options, progress=progress)


def read_step(call: StepCall, record: Mapping[str, Any]) -> Record:
    """Give the record that a step's worker left as JSON."""
    if call.step == "refresh":
        return Refreshed.model_validate(record)
    kind = TrainedTable if call.table is not None else KINDS[call.step]
    return kind.model_validate(record)


def observe_spec(config: Config, path: Path) -> JobSpec:
    """Give the spec of a look at production that reads no rows."""
    return JobSpec(
        job="observe",
        root=str(config.workspace),
        dataset=config.dataset,
        night=default_night(),
        seed=0,
        options={"config": str(path)},
    )
