"""Say why a job failed without quoting a row: an exception of someone else's may hold one in its text."""

import os
import traceback
from pathlib import Path

from synth_ops import errors
from synth_ops.errors import SynthOpsError, WorkerFailed
from synth_ops.worker.spec import Failure

PACKAGE = Path(errors.__file__).parent

LESS_MEMORY = (
    "Give it less to hold (fewer n_threads, fewer rows, a shorter time_budget), or a machine with more memory."
    " Running the same command again resumes from the last checkpoint."
)


def describe(exc: BaseException) -> Failure:
    """Give the failure that an exception comes to: our own in full, any other by its class and place."""
    ours = exc if isinstance(exc, SynthOpsError) else WorkerFailed(_from_outside(exc))
    return Failure(type=type(ours).__name__, message=str(ours), exit_code=ours.exit_code)


def revive(failure: Failure) -> SynthOpsError:
    """Give the exception that a failure describes, of the class that it had in the worker."""
    kind = getattr(errors, failure.type, WorkerFailed)
    return kind(failure.message) if issubclass(kind, SynthOpsError) else WorkerFailed(failure.message)


def trace(exc: BaseException) -> str:
    """Give the exception's traceback, and those behind it, with classes in place of messages."""
    links = [exc]
    while (behind := links[-1].__cause__ or links[-1].__context__) is not None and behind not in links:
        links.append(behind)
    return "\n".join(f"{''.join(traceback.format_tb(e.__traceback__))}{class_name(e)}" for e in reversed(links))


def _from_outside(exc: BaseException) -> str:
    if isinstance(exc, MemoryError) or "OutOfMemory" in type(exc).__name__:
        return f"The worker needs memory, however it ran out of it ({class_name(exc)} {place(exc)}). {LESS_MEMORY}"
    reason = f": {os.strerror(exc.errno)}" if isinstance(exc, OSError) and exc.errno else ""
    return f"The job must end in a record, however it stopped with {class_name(exc)}{reason} {place(exc)}."


def class_name(exc: BaseException) -> str:
    """Give the full name of the class."""
    kind = type(exc)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def place(exc: BaseException) -> str:
    """Name the innermost line of ours that the exception passed."""
    frames = traceback.extract_tb(exc.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(PACKAGE)] or frames
    if not ours:
        return "at an unknown place"
    return f"at {_short(Path(ours[-1].filename))}:{ours[-1].lineno}"


def _short(path: Path) -> Path:
    return path.relative_to(PACKAGE.parent) if path.is_relative_to(PACKAGE) else path
