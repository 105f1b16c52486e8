"""Fixtures that tests of more than one folder share."""

import os
import signal
from typing import Any

import pytest

from tests import interpreter

pytest_plugins = ["tests.dagster_server", "tests.postgres"]

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before torch loads: tests run side by side
    os.environ.setdefault(name, "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `pytest &`: the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests that share a Dagster in one process, and spread all others; in pytest 9 loadgroup sees no marks."""
    from xdist.scheduler import LoadGroupScheduling

    class SharedServerScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return "dagster" if "/test_dagster_" in nodeid else nodeid

    return SharedServerScheduling(config, log)


SERVERS = interpreter.begin()  # before synth_ops loads: it starts workers by `sys.executable`


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVERS is not None:
        SERVERS.end()
