"""The command line: results to stdout, progress and errors to stderr, what to do next in the exit code."""

from synth_ops.cli.app import main

__all__ = ["main"]
