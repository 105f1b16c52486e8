"""One refresh of a dataset at a time, by the operating system's own lock: a dead holder holds nothing."""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import ValidationError

from synth_ops.errors import Locked
from synth_ops.records import Record
from synth_ops.workspace.layout import Workspace

POLL_SECONDS = 0.5


class Holder(Record):
    """Who holds the lock."""

    pid: int
    host: str
    night: str
    started: str
    """An ISO time, UTC."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for who holds a lock."""

    seconds: float = 0.0
    tell: Callable[[str], None] = lambda _who: None
    """Told once who is waited for."""


@contextmanager
def locked(workspace: Workspace, *, table: str | None = None, patience: Patience = Patience()) -> Iterator[None]:
    """Hold the dataset's lock; with a table, only that table's, beside others who hold other tables.

    The files stay when a lock is released: to delete one would let two holders in, one by the old file and one by
    the new.

    Raises:
        Locked: another process holds it, and held it to the end of the patience.
    """
    with ExitStack() as stack:
        what = f"refresh of dataset {workspace.dataset!r}"
        stack.enter_context(_held(_File(workspace.lock, what, is_shared=table is not None), workspace, patience))
        if table is not None:
            path = workspace.models(table).with_suffix(".lock")
            what = f"training of table {table!r} of dataset {workspace.dataset!r}"
            stack.enter_context(_held(_File(path, what), workspace, patience))
        yield


class _File(NamedTuple):
    """A file that is locked."""

    path: Path
    what: str
    """What may run one at a time."""
    is_shared: bool = False


@contextmanager
def _held(lock: _File, workspace: Workspace, patience: Patience) -> Iterator[None]:
    """Hold the system's lock of the file, and write into it who does."""
    lock.path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock.path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        _wait(file, lock, patience)
        file.truncate()
        file.write(_myself(workspace.night).model_dump_json())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _wait(file: IO[str], lock: _File, patience: Patience) -> None:
    ends = time.monotonic() + patience.seconds
    is_told = False
    while not taken(file.fileno(), fcntl.LOCK_SH if lock.is_shared else fcntl.LOCK_EX):
        who = _who(_holder(lock.path))
        if time.monotonic() >= ends:
            raise Locked(
                f"One {lock.what} may run at a time, however {who}."
                f" Wait until it ends, or stop that process, and run the same command again."
            )
        if not is_told:
            patience.tell(who)
            is_told = True
        time.sleep(POLL_SECONDS)


def taken(descriptor: int, kind: int) -> bool:
    """Take the system's lock of an open file, of that kind (``fcntl.LOCK_EX``), unless another process holds it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _myself(night: str) -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(pid=os.getpid(), host=socket.gethostname(), night=night, started=now)


def _holder(path: Path) -> Holder | None:
    """Give what the holder wrote, or None where it has not got to it."""
    try:
        return Holder.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _who(holder: Holder | None) -> str:
    if holder is None:
        return "another process has just taken it"
    return f"process {holder.pid} on {holder.host} holds it since {holder.started} for the night {holder.night}"
