"""What a person sees when a command fails: one block of prose, and an exit code that says whether to retry."""

import os
from typing import Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text
from typer.core import TyperGroup

from synth_ops.errors import GateRefused, Locked, OutsideError, PlanError, SchemaChanged, SynthOpsError

INTERRUPTED = 130

TITLES: tuple[tuple[type[SynthOpsError], str], ...] = (  # the first that fits is shown
    (SchemaChanged, "The schema changed"),
    (Locked, "Another refresh is under way"),
    (PlanError, "The plan cannot be carried out"),
    (GateRefused, "The gate refused: nothing was published"),
    (OutsideError, "Something outside failed: the same command may succeed later"),
    (SynthOpsError, "The command failed"),
)


class GuardedGroup(TyperGroup):
    """The commands, with every error that is ours told in prose."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 — Typer's own signature
        """Run the command and turn what it raises into an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _console().print("Interrupted; resumable: run the same command again.")
            raise typer.Exit(INTERRUPTED) from None
        except (SynthOpsError, OSError) as exc:
            if ctx.params.get("debug"):
                _console().print_exception()
            _tell(exc)
            raise typer.Exit(exc.exit_code if isinstance(exc, SynthOpsError) else OutsideError.exit_code) from None


def _tell(exc: SynthOpsError | OSError) -> None:
    console = _console()
    if isinstance(exc, BrokenPipeError):
        return
    console.print(Text(_title(exc), style="bold red"))
    console.print(Padding(Text(_message(exc)), (0, 0, 0, 2)), soft_wrap=not console.is_terminal)


def _title(exc: SynthOpsError | OSError) -> str:
    return next((title for kind, title in TITLES if isinstance(exc, kind)), TITLES[-2][1])


def _message(exc: SynthOpsError | OSError) -> str:
    if isinstance(exc, SynthOpsError):
        return str(exc)
    reason = os.strerror(exc.errno) if exc.errno else type(exc).__name__
    where = f" ({exc.filename})" if exc.filename else ""
    return f"The system must read and write our files, however it says: {reason}{where}. Mend that, and run again."


def _console() -> Console:
    return Console(stderr=True, highlight=False)
