"""Fixtures that tests of more than one folder share."""

pytest_plugins = ["tests.postgres"]
