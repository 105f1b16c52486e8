"""The commands, and the one way in."""

import signal
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, NoReturn

import typer

from synth_ops import __version__
from synth_ops.cli.failures import GuardedGroup
from synth_ops.cli.judging import judge
from synth_ops.cli.project import init, plan, schema, suggest
from synth_ops.cli.run import extract, publish, refresh, sample, train, validate, worker
from synth_ops.cli.snapshots import snapshots
from synth_ops.cli.trial import copy

app = typer.Typer(
    name="synth-ops",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PANELS: Mapping[str, tuple[Callable[..., None], ...]] = {
    "Every night": (init, plan, refresh),
    "One step of it": (extract, train, sample, validate, publish),
    "Beside it": (suggest, copy, judge, schema),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(snapshots, rich_help_panel="Beside it")
app.command(hidden=True)(worker)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 — Typer calls it with the option's value
    if wanted:
        print(f"synth-ops {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Keep a synthetic copy of a production database fresh.

    Progress and errors go to stderr, results to stdout.

    [bold]Exit codes[/bold]: 0 published, or nothing to do · 1 the gate refused, nothing was published ·
    2 the plan or the usage is wrong · 3 the outside world failed, try again · 130 interrupted, resumable
    """


def main() -> NoReturn:
    """Run the command line; SIGTERM is taken as Ctrl-C, so that workers leave in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(app(prog_name="synth-ops"))
