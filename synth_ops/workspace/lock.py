"""One refresh of a dataset at a time, by the operating system's own lock: a dead holder holds nothing."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from synth_ops.errors import Locked
from synth_ops.records import Record
from synth_ops.workspace.layout import Workspace


class Holder(Record):
    """Who holds the lock."""

    pid: int
    host: str
    night: str
    started: str
    """An ISO time, UTC."""


@contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Hold the dataset's lock.

    The file stays when the lock is released: to delete it would let two holders in, one by the old file and one by
    the new.

    Raises:
        Locked: another process holds it.
    """
    workspace.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(workspace.lock, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(_message(workspace, _holder(workspace.lock))) from None
        file.truncate()
        file.write(_myself(workspace.night).model_dump_json())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _myself(night: str) -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(pid=os.getpid(), host=socket.gethostname(), night=night, started=now)


def _holder(path: Path) -> Holder | None:
    """Give what the holder wrote, or None where it has not got to it."""
    try:
        return Holder.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _message(workspace: Workspace, holder: Holder | None) -> str:
    who = (
        f"process {holder.pid} on {holder.host} holds it since {holder.started} for the night {holder.night}"
        if holder
        else "another process has just taken it"
    )
    return (
        f"One refresh of dataset {workspace.dataset!r} may run at a time, however {who}."
        f" Wait until it ends, or stop that process, and run the same command again."
    )
