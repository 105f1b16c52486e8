"""The folder in which one night's steps leave their files, and the lock on it."""

from synth_ops.workspace.files import read_record, sha256_of, staged, write_record, write_text
from synth_ops.workspace.layout import Workspace, check_night

__all__ = ["Workspace", "check_night", "read_record", "sha256_of", "staged", "write_record", "write_text"]
