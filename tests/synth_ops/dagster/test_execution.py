from pathlib import Path
from typing import Any

import pytest

from synth_ops.worker import JobSpec

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster import SynthOptions, build_synth_assets  # noqa: E402 — after the skip


class Told(dg.PipesClient):  # type: ignore[name-defined,misc] # the import that may be skipped hides its type
    """Keeps what a worker would be started with, and starts none."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def run(self, **asked: Any) -> Any:
        self.asked = asked
        raise dg.Failure("no worker", allow_retries=False)


def test_a_worker_is_started_as_the_deployment_says(tmp_path: Path) -> None:
    plan = tmp_path / "synth.yaml"
    plan.write_text("dataset: shop\nsource: ${PROD_URL}\npublish: out\ntables: {users: {}}\n")
    client = Told()
    options = SynthOptions(device="cuda", python="/opt/worker/bin/python", pipes_client=client)
    job = build_synth_assets(plan, options=options).resolve_job_def("refresh_shop")
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(partition_key="2026-01-30", instance=instance, raise_on_error=False)
    command = client.asked["command"]
    spec = JobSpec.model_validate_json(Path(command[-2]).read_text())

    assert command[0] == "/opt/worker/bin/python"
    assert (spec.device, spec.night) == ("cuda", "2026-01-30")
    assert client.asked["env"] == {"SYNTH_OPS_NIGHT": "2026-01-30"}
