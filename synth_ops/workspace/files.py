"""Files that are there whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from synth_ops.errors import CorruptArtifact
from synth_ops.records import Record

R = TypeVar("R", bound=Record)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write; on leaving, flush it to disk and put it in the path's place in one step.

    If the body raises, the temporary file is removed and the path is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        sync_file(part)
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content in one durable step."""
    with staged(path) as part:
        part.write_text(text, encoding="utf-8")


def write_record(path: Path, record: Record) -> None:
    """Replace the file by the record's JSON in one durable step."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def read_record(path: Path, kind: type[R]) -> R | None:
    """Give the record that the file holds, or None where there is no file.

    Raises:
        CorruptArtifact: the file is there and is not such a record.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise CorruptArtifact(
            f"{path} must hold a {kind.__name__} record, however it does not parse as one."
            " Delete the file and run the same command again: the step will be redone."
        ) from None


def sha256_of(path: Path) -> str:
    """Give the file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Flush the file's bytes to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush the folder's entries to the disk, where the system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
