from collections.abc import Callable
from pathlib import Path

import pytest

from synth_ops.worker import JobSpec

SpecOf = Callable[..., JobSpec]


@pytest.fixture
def spec_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SpecOf:
    """Give specs of example jobs in a prepared workspace."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def make(job: str, **more: object) -> JobSpec:
        fields = {"job": f"example_jobs:{job}", "root": str(tmp_path), "dataset": "d", "night": "2026-01-31", "seed": 1}
        spec = JobSpec.model_validate(fields | {"options": {"value": 21}} | more)
        spec.workspace.prepare()
        return spec

    return make
