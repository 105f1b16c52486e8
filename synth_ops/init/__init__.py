"""A project for a database, written by looking at it once."""

from synth_ops.init.project import Initialised, init_project, write_missing_suites

__all__ = ["Initialised", "init_project", "write_missing_suites"]
