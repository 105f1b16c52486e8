"""The secret of a workspace that decides which entities are held out.

It is drawn once and kept from night to night, so that no warm start meets what was held out yesterday; whoever lacks it
cannot tell from a row on which side the row is.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from synth_ops.errors import CorruptArtifact
from synth_ops.workspace.files import sync_folder
from synth_ops.workspace.layout import Workspace

_N_BYTES = 32
_WRITTEN = re.compile(rb"[0-9a-f]{64}\s*")


@dataclass(frozen=True)
class Salt:
    """A key of hashes. It is never shown; its name may be."""

    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Sixteen hex digits that tell one salt from another, and from which none can be found."""
        return hashlib.blake2b(self.key, digest_size=8, person=b"salt's name").hexdigest()


NO_SALT = Salt(b"")
"""For rows of which none were held out by a workspace."""


def make_salt(workspace: Workspace) -> Salt:
    """Give the workspace's salt, drawn at random where there is none yet.

    Raises:
        CorruptArtifact: the file is there and holds none.
    """
    if not workspace.salt.exists():
        _write(workspace.salt, secrets.token_hex(_N_BYTES))
    return read_salt(workspace)


def read_salt(workspace: Workspace) -> Salt:
    """Give the salt that models were trained under.

    Raises:
        CorruptArtifact: the file is gone, or holds none; the message shows nothing of it.
    """
    try:
        text = workspace.salt.read_bytes()
    except FileNotFoundError:
        text = b""
    if not _WRITTEN.fullmatch(text):
        raise CorruptArtifact(
            f"{workspace.salt} must hold the salt by which rows are held out, 64 hex digits, however it does not."
            " Put back the file as it was, or delete it and run `synth-ops refresh`: every model is then begun anew."
        )
    return Salt(bytes.fromhex(text.decode().strip()))


def salt_name(workspace: Workspace) -> str:
    """Give the name of the workspace's salt; empty where there is none yet."""
    return read_salt(workspace).name if workspace.salt.exists() else ""


def _write(path: Path, text: str) -> None:
    """Leave the file whole, for its owner's eyes only; one that came first stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(part)  # unlike a rename, it fails where another process was faster
    except FileExistsError:
        pass
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
