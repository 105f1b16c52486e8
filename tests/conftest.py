"""Fixtures that tests of more than one folder share."""

import os
import signal
from typing import Any

import pytest

from tests import interpreter

pytest_plugins = ["tests.dagster_server", "tests.postgres"]

# Before torch loads: tests run side by side.
for limit in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(limit, "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `pytest &`: the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


SERVERS = interpreter.begin()  # before synth_ops loads: it starts workers by `sys.executable`


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, for they share what took long to make, and so those of one Dagster."""
    from xdist.scheduler import LoadGroupScheduling

    class FileScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return "dagster" if _needs_dagster(nodeid) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # the order is below
    return FileScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, lest one process is at the last of them while the others have nothing."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not _needs_dagster(item.nodeid), item.path not in slow))


def _needs_dagster(nodeid: str) -> bool:
    return "/test_dagster_" in nodeid and "/pipelines/" in nodeid


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVERS is not None:
        SERVERS.end()
