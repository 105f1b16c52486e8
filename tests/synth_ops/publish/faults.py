"""A store that breaks at its n-th step, as a kill or as an error of the operating system."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synth_ops.errors import PublishError
from synth_ops.publish.store import HashedFile, LocalStore, translated


class Killed(BaseException):
    """The process is gone: nothing that comes after this runs on the disk."""


class FaultyStore(LocalStore):
    """Break before step n, and where it is a write also half-way through; count the steps."""

    def __init__(self, fail_at: int = 10**9, error: int | None = None) -> None:
        self.fail_at = fail_at
        self.error = error
        self.steps: list[str] = []

    def _step(self, name: str, path: Path) -> None:
        self.steps.append(name)
        if self.error is None and len(self.steps) >= self.fail_at:
            raise Killed
        if len(self.steps) == self.fail_at:
            with translated(name, path):
                raise OSError(self.error, os.strerror(self.error or 0))

    def make_folder(self, path: Path) -> None:
        self._step("make_folder", path)
        super().make_folder(path)
        self._step("made_folder", path)

    @contextmanager
    def writing(self, path: Path) -> Iterator[HashedFile]:
        self._step("create", path)
        with super().writing(path) as file:
            yield file
            self._tear(path, file)
        self._step("wrote", path)

    def _tear(self, path: Path, file: HashedFile) -> None:
        """Leave half of the bytes where the process dies while they are written."""
        try:
            self._step("write", path)
        except (Killed, PublishError):
            file.flush()
            file.truncate(file.tell() // 2)
            raise

    def sha256(self, path: Path) -> str:
        self._step("read back", path)
        return super().sha256(path)

    def sync_folder(self, path: Path) -> None:
        self._step("sync_folder", path)
        super().sync_folder(path)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename", target)
        super().rename(source, target)
        self._step("renamed", target)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        super().remove(path)
        self._step("removed", path)
