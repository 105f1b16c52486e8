"""The folder in which one night's steps leave their files, and the lock on it."""

from synth_ops.workspace.files import read_record, sha256_of, staged, write_record, write_text
from synth_ops.workspace.layout import Workspace, check_night
from synth_ops.workspace.salt import Salt, make_salt, read_salt, salt_name

__all__ = [
    "Salt",
    "Workspace",
    "check_night",
    "make_salt",
    "read_record",
    "read_salt",
    "salt_name",
    "sha256_of",
    "staged",
    "write_record",
    "write_text",
]
