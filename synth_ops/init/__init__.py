"""A project for a database, written by looking at it once."""

from synth_ops.init.project import Initialised, init_project
from synth_ops.init.suites import suggest, write_missing_suites

__all__ = ["Initialised", "init_project", "suggest", "write_missing_suites"]
