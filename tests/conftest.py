"""Fixtures that tests of more than one folder share."""

import os
import signal
from typing import Any

import pytest

pytest_plugins = ["tests.postgres", "tests.airflow_server", "tests.dagster_server"]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: tests run side by side
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `pytest &`: the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests that share a server in one process, and spread all others; in pytest 9 loadgroup sees no marks."""
    from xdist.scheduler import LoadGroupScheduling

    class SharedServerScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return next((name for name in ("airflow", "dagster") if f"/test_{name}_" in nodeid), nodeid)

    return SharedServerScheduling(config, log)
