"""What a person sees when a command fails: one block of prose, and an exit code that says whether to retry."""

import os
import textwrap
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from synth_ops.errors import (
    GateRefused,
    Locked,
    OutsideError,
    PersonalFound,
    PlanError,
    SchemaChanged,
    SynthOpsError,
)
from synth_ops.worker.failure import class_name, place

INTERRUPTED = 130
INDENT = "  "

TITLES: tuple[tuple[type[Exception], str], ...] = (  # the first that fits is shown
    (SchemaChanged, "The schema changed"),
    (PersonalFound, "Nothing was learned, for a column looks personal"),
    (Locked, "Another refresh is under way"),
    (PlanError, "The plan cannot be carried out"),
    (GateRefused, "The gate refused: nothing was published"),
    (OSError, "Something outside failed: the same command may succeed later"),
    (Exception, "The command failed"),
)


class GuardedGroup(TyperGroup):
    """The commands, with every error told in prose."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 — Typer's own signature
        """Run the command and turn what it raises into an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _console().print("Interrupted; resumable: run the same command again.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our stdout has seen enough
            raise typer.Exit(OutsideError.exit_code) from None
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as exc:  # noqa: BLE001 — a foreign exception's own text may quote a row
            if ctx.params.get("debug"):
                _console().print_exception()
            _tell(exc)
            raise typer.Exit(exc.exit_code if isinstance(exc, SynthOpsError) else SynthOpsError.exit_code) from None


def _tell(exc: Exception) -> None:
    console = _console()
    title = next(title for kind, title in TITLES if isinstance(exc, kind))
    console.print(Text(title, style="bold red"))
    width = console.width if console.is_terminal else 120
    for line in _message(exc).splitlines():
        wrapped = textwrap.wrap(line, width - len(INDENT), break_long_words=False, break_on_hyphens=False)
        for piece in wrapped:  # a path stays in one piece, to be copied
            console.print(INDENT + piece, markup=False, soft_wrap=True)


def _message(exc: Exception) -> str:
    if isinstance(exc, SynthOpsError):
        return str(exc)
    if isinstance(exc, OSError) and exc.errno:
        where = f" ({exc.filename})" if exc.filename else ""
        reason = os.strerror(exc.errno)
        return f"Our files must be read and written, however: {reason}{where}. Mend that, and run again."
    return (
        f"A command must end well or in an error of ours, however it stopped with {class_name(exc)} {place(exc)}."
        " This is a defect: please report it with the output of the same command under `synth-ops --debug`,"
        " from which real values must be removed."
    )


def _console() -> Console:
    return Console(stderr=True, highlight=False)
