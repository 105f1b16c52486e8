"""The few file-system steps that publishing takes, each durable when it returns and named when it fails.

Publishing touches the publish folder through these only, so that a test can break any one of them.
"""

import errno
import fcntl
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synth_ops.errors import Locked, PublishError
from synth_ops.workspace.files import sha256_of, sync_folder

_ADVICE = {
    errno.ENOSPC: "Free some space there, or publish to another folder",
    errno.EDQUOT: "Raise the quota there, or publish to another folder",
    errno.EFBIG: "Raise the file size limit, or publish to another folder",
    errno.EACCES: "Give this user the right to write there, or publish to another folder",
    errno.EPERM: "Give this user the right to write there, or publish to another folder",
    errno.EROFS: "Mount it writable, or publish to another folder",
    errno.ENOTDIR: "Move the file that stands where a folder must be, or publish to another folder",
}


class HashedFile(io.BufferedWriter):
    """A file being written that knows the sha256 of what it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "x"))
        self.sha256 = hashlib.sha256()

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override] # any buffer
        self.sha256.update(data)
        return super().write(data)


class LocalStore:
    """A folder on a local or mounted file system."""

    def make_folder(self, path: Path) -> None:
        """Create the folder and the parents it lacks, and flush their entries."""
        with translated("create", path):
            missing = [p for p in (path, *path.parents) if not p.is_dir()]
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                sync_folder(folder.parent)

    @contextmanager
    def writing(self, path: Path) -> Iterator[HashedFile]:
        """Give a new file to write; on leaving, flush it to the disk."""
        with translated("write", path), self.open(path) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def open(self, path: Path) -> HashedFile:
        return HashedFile(path)

    def sha256(self, path: Path) -> str:
        """Read the file back from the disk."""
        with translated("read back", path):
            return sha256_of(path)

    def sync_folder(self, path: Path) -> None:
        with translated("flush", path):
            sync_folder(path)

    def rename(self, source: Path, target: Path) -> None:
        """Move a folder or file to its place in one step, and flush the place's folder."""
        with translated("rename to", target):
            source.replace(target)
            sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove a folder with all that is in it."""
        with translated("remove", path):
            shutil.rmtree(path)


@contextmanager
def translated(action: str, path: Path) -> Iterator[None]:
    """Turn what the operating system says into an error that says what to do.

    Raises:
        PublishError: the step failed.
    """
    try:
        yield
    except PublishError:
        raise
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "an input/output error"
        advice = _ADVICE.get(error.errno or 0, "See that the folder is there and healthy")
        raise PublishError(
            f"Publishing must {action} {path}, however: {why}. {advice}, and run `synth-ops publish` again;"
            " the last good snapshot is untouched.",
        ) from None


@contextmanager
def only_publisher(lock: Path) -> Iterator[None]:
    """Be the one process that publishes under a folder: whatever lies in staging belongs to the dead.

    Raises:
        Locked: another process is publishing there.
        PublishError: the lock cannot be taken for another reason.
    """
    with translated("open", lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with translated("lock", lock):
            _lock(descriptor, lock)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, lock: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Locked(
            f"One process may publish to {lock.parent.parent} at a time, however another is doing so."
            " Wait until it ends, and run `synth-ops publish` again."
        ) from None
