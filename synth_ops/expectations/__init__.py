"""The gate's suites: what is asserted of a copy, as JSON that the data's owners edit, and the run that asserts it.

The only place that imports Great Expectations, and only where a suite is loaded or run.
"""

from synth_ops.expectations.defaults import default_suite, suite_path, write_suites
from synth_ops.expectations.run import run_suites

__all__ = ["default_suite", "run_suites", "suite_path", "write_suites"]
