"""The commands that run a night, whole or by the step, and the worker's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from synth_ops.cli.options import (
    DEFAULT_CONFIG,
    AcceptSchema,
    AsJson,
    ConfigPath,
    Device,
    Night,
    Quiet,
    Tables,
    table_names,
)
from synth_ops.cli.results import print_json, print_line, print_refreshed
from synth_ops.cli.watch import duration, watching
from synth_ops.records import Record, Step


def refresh(
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    night: Night = None,
    tables: Tables = None,
    device: Device = "auto",
    accept_schema: AcceptSchema = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make tonight's snapshot: extract, train, sample, validate, publish.

    Stopped at any moment, the same command goes on where it was; complete, it says that there is nothing to do.

    [bold]Examples[/bold]

      synth-ops refresh
      synth-ops refresh --night 2026-01-31 --tables users,orders
      synth-ops refresh --json --quiet | jq .snapshot
    """
    from synth_ops import refresh as core
    from synth_ops.plan import load_config

    with watching(quiet=quiet) as progress:
        record = core.refresh(
            load_config(config),
            night,
            tables=table_names(tables),
            progress=progress,
            device=device,
            accept_schema=accept_schema,
        )
    (print_json if as_json else print_refreshed)(record)


def extract(
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    night: Night = None,
    accept_schema: AcceptSchema = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read all tables in one consistent transaction.

    [bold]Example[/bold]

      synth-ops extract --night 2026-01-31
    """
    _take("extract", _Call(config, night, as_json=as_json, quiet=quiet, accept_schema=accept_schema))


def train(
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    night: Night = None,
    tables: Tables = None,
    table: Annotated[
        str | None,
        typer.Option("--table", metavar="NAME", help="Learn this one alone; others may be learned beside it."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn the tables, or reuse and refine the models of the night before.

    [bold]Examples[/bold]

      synth-ops train --tables orders --device cuda
      synth-ops train --table orders --device cuda:1
    """
    if table is not None:
        _train_alone(table, _Call(config, night, as_json=as_json, quiet=quiet, device=device))
        return
    _take("train", _Call(config, night, as_json=as_json, quiet=quiet, tables=tables, device=device))


def sample(
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    night: Night = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sample a whole database from the models, keys and all.

    [bold]Example[/bold]

      synth-ops sample --night 2026-01-31
    """
    _take("sample", _Call(config, night, as_json=as_json, quiet=quiet, device=device))


def validate(
    *, config: ConfigPath = DEFAULT_CONFIG, night: Night = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Measure the copy, write the report, and pass or refuse it.

    [bold]Example[/bold]

      synth-ops validate --json | jq .verdict
    """
    _take("validate", _Call(config, night, as_json=as_json, quiet=quiet))


def publish(
    *, config: ConfigPath = DEFAULT_CONFIG, night: Night = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Publish the night as one immutable snapshot, if the gate is open.

    [bold]Example[/bold]

      synth-ops publish --night 2026-01-31
    """
    _take("publish", _Call(config, night, as_json=as_json, quiet=quiet))


def worker(spec: Path, result: Path) -> None:
    """Do one job: what a GPU worker runs."""
    from synth_ops.worker.main import worker as work

    raise typer.Exit(work(spec, result))


@dataclass(frozen=True)
class _Call:
    """The options that a single step was called with."""

    config: Path
    night: str | None
    as_json: bool
    quiet: bool
    tables: str | None = None
    device: str = "auto"
    accept_schema: bool = False


def _take(step: Step, call: _Call) -> None:
    """Take one step and print what it left."""
    from synth_ops.plan import load_config
    from synth_ops.refresh import Options, take_step

    options = Options(table_names(call.tables), call.device, call.accept_schema)
    with watching(quiet=call.quiet) as progress:
        record = take_step(step, load_config(call.config), call.night, options=options, progress=progress)
    if call.as_json:
        print_json(record)
    else:
        print_line(_told(step, record))


def _train_alone(table: str, call: _Call) -> None:
    """Train one table and print what came of it, after whoever is at work on it or on all of the dataset."""
    from synth_ops.plan import load_config
    from synth_ops.refresh import Options, take_table
    from synth_ops.steps import WAIT_SECONDS

    options = Options(device=call.device, wait_seconds=WAIT_SECONDS)
    with watching(quiet=call.quiet) as progress:
        trained = take_table(table, load_config(call.config), call.night, options=options, progress=progress)
    if call.as_json:
        print_json(trained)
    else:
        print_line(f"train of {table}: {trained.decision}, for {trained.reason} ({duration(trained.seconds)})")


def _told(step: Step, record: Record) -> str:
    figures = record.model_dump(include={"night", "verdict", "snapshot", "path", "report", "seconds"})
    seconds = duration(figures.pop("seconds"))
    night = figures.pop("night")
    details = "".join(f"\n{name:<9} {value}" for name, value in figures.items())
    return f"{step} of {night}: complete ({seconds}){details}"
