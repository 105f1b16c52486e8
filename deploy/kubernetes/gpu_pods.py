"""Steps in pods with a GPU: a Dagster Pipes client that makes each pod from gpu-worker.yaml.

Copy both files beside your code location, and give it `SynthOptions(pipes_client=GpuPods())`.
"""

from pathlib import Path
from typing import Any

import yaml
from dagster import PipesClientCompletedInvocation
from dagster_k8s import PipesK8sClient

TEMPLATE = Path(__file__).with_name("gpu-worker.yaml")


class GpuPods(PipesK8sClient):
    """Runs a command in a pod of its own."""

    def run(self, **asked: Any) -> PipesClientCompletedInvocation:  # noqa: ANN401 — passed on as it comes
        """Start the pod, wait until it ends, and delete it."""
        template = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["template"]
        return super().run(base_pod_meta=template["metadata"], base_pod_spec=template["spec"], **asked)
