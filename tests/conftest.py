"""Fixtures that tests of more than one folder share."""

import os
import signal
from typing import Any

import pytest

from tests import interpreter

pytest_plugins = ["tests.browser", "tests.postgres", "tests.airflow_server", "tests.dagster_server"]

# Before torch loads: tests run side by side.
for limit in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(limit, "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `pytest &`: the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


SERVERS = interpreter.begin()  # before synth_ops loads: it starts workers by `sys.executable`


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, for they share what took long to make, and so those of one server."""
    from xdist.scheduler import LoadGroupScheduling

    class FileScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return _server_of(nodeid) or nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # the order is below
    return FileScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, lest one process is at the last of them while the others have nothing."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (_server_of(item.nodeid) is None, item.path not in slow))


def _server_of(nodeid: str) -> str | None:
    """Give the name of the server that a test runs on."""
    return next((name for name in ("airflow", "dagster") if f"/pipelines/test_{name}_" in nodeid), None)


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVERS is not None:
        SERVERS.end()
