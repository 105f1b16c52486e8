from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from synth_ops.workspace import Workspace
from tests.synth_ops.publish import nights

MakeNight = Callable[..., Workspace]


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def make_night(tmp_path: Path, snapshots: Path) -> MakeNight:
    """Give a function that leaves what the steps before `publish` leave."""
    return partial(nights.make_night, tmp_path / "work", str(snapshots))
