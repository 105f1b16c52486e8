"""Fixtures that tests of more than one folder share."""

import os

pytest_plugins = ["tests.postgres"]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: tests run side by side
