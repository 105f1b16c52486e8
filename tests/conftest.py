"""Fixtures that tests of more than one folder share."""

import os
import signal

pytest_plugins = ["tests.dagster_server", "tests.postgres"]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: tests run side by side
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `pytest &`: the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
