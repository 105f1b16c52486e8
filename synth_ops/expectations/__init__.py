"""The gate's suites: what is asserted of a copy, as JSON that the data's owners edit, and the run that asserts it.

The only place that imports Great Expectations, and only where a suite is loaded or run.
"""

from synth_ops.expectations.defaults import default_suite
from synth_ops.expectations.run import run_suites
from synth_ops.expectations.suggest import SuggestedSuite, suggest_suites, write_suites

__all__ = ["SuggestedSuite", "default_suite", "run_suites", "suggest_suites", "write_suites"]
