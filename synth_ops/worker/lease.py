"""Workers that outlive whoever started them, for orchestrators whose tasks wait elsewhere.

Such a worker has no parent to die with. It lives on a lease instead, a file beside its spec: it holds the file's lock
for as long as it lives, and it leaves when the file is gone, or when nobody has touched it for ten minutes. So whoever
waits may be restarted, or be on another machine that sees the workspace, and nothing runs on that nobody waits for.
Who waits is named in the file; whoever comes later to the same job takes it over, and none before can end it then.
"""

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from synth_ops import settings
from synth_ops.records import ProgressEvent
from synth_ops.worker.launch import command, lay_out
from synth_ops.worker.spec import JobSpec
from synth_ops.workspace.lock import taken

LEASE_SECONDS = 600.0
"""How long a worker goes on while nobody renews its lease: longer than a triggerer takes to be replaced."""
POLL_SECONDS = 1.0
LEAVE_SECONDS = 15.0
"""How long a worker that was asked to leave may take."""
TRIES = 20


@dataclass(frozen=True)
class Lease:
    """The lease of one job, seen by those who wait for it. Equal specs share it."""

    spec: JobSpec
    holder: str = ""
    """Who waits, by a name of no one else's; empty may end it whoever waits."""

    @property
    def path(self) -> Path:
        return self.spec.folder / f"{self.spec.stem}.lease"

    @property
    def events(self) -> Path:
        """What the worker told of its progress, a JSON event a line."""
        return self.spec.folder / f"{self.spec.stem}.events"

    def is_held(self) -> bool:
        """Tell whether a worker is at the job."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not taken(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def renew(self) -> None:
        """Say that somebody waits. A lease that was ended stays ended."""
        try:
            os.utime(self.path)
        except FileNotFoundError:
            return

    def end(self) -> None:
        """Ask the worker to leave, unless another waits for it by now.

        It does within seconds, and the same job can be taken up again.
        """
        if self.holder and _read(self.path) != self.holder:
            return
        self.path.unlink(missing_ok=True)


def launch(
    spec: JobSpec, *, holder: str = "", python: str = sys.executable, env: Mapping[str, str] | None = None
) -> bool:
    """Start a worker that nobody needs to watch, unless one is at the same job; tell whether one was started.

    Args:
        spec: the job; its workspace must be prepared.
        holder: who waits from now on, and takes over from whoever did.
        python: the worker's interpreter.
        env: variables that it gets beside this process's own.
    """
    lease = Lease(spec, holder)
    while True:
        descriptor = os.open(lease.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            is_free = any(taken(descriptor, fcntl.LOCK_EX) or _waited() for _ in range(TRIES))
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
            if not _is_still(descriptor, lease.path):
                continue  # whoever waited has ended it in this moment: that worker leaves
            lease.renew()
            if is_free:
                _start(spec, lease, python, env or {}, descriptor)
            return is_free
        finally:
            os.close(descriptor)


def _start(spec: JobSpec, lease: Lease, python: str, env: Mapping[str, str], held: int) -> None:
    """Start the worker with the lock in its hands: from its first moment it counts as alive."""
    files = lay_out(spec)
    words = command(files, python)
    with files.log.open("ab") as log, lease.events.open("wb") as events:
        os.set_inheritable(held, True)  # noqa: FBT003 — it takes it by position alone
        os.posix_spawnp(  # no Popen, which wants to be waited for
            words[0],
            words,
            {**os.environ, **env, settings.LEASE: str(lease.path)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, events.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ],
            setsid=True,
        )


def read_events(path: Path, offset: int) -> tuple[list[ProgressEvent], int]:
    """Give the whole lines beyond an offset in bytes, as events, and the offset behind them."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        try:
            events.append(ProgressEvent.model_validate_json(line))
        except ValidationError:
            continue
    return events, offset + len(whole)


def leave_with(lease: Path, *, seconds: float = LEASE_SECONDS) -> None:
    """See to it that this process, a worker, leaves when its lease ends; the worker's own side."""
    threading.Thread(target=_watch, args=(lease, seconds), daemon=True, name="lease-watch").start()


def _watch(lease: Path, seconds: float) -> None:
    seen, since = _touched(lease), time.monotonic()
    while seen is not None and time.monotonic() - since < seconds:
        time.sleep(POLL_SECONDS)
        now = _touched(lease)
        if now != seen:  # another machine's clock may have written it: that it changed is what counts
            seen, since = now, time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LEAVE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _touched(lease: Path) -> int | None:
    try:
        return lease.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _read(lease: Path) -> str:
    try:
        return lease.read_text()
    except FileNotFoundError:
        return ""


def _is_still(descriptor: int, path: Path) -> bool:
    """Tell whether the file that is open is the one that the path names."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _waited() -> bool:
    """Wait a moment: who looks whether a worker lives holds the lock for as long as the look takes."""
    time.sleep(0.05)
    return False
