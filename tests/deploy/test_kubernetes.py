"""The Kubernetes files: each is valid alone, they agree, and Dagster takes the pod and the values as they are."""

import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

kubernetes_validate = pytest.importorskip(
    "kubernetes_validate", reason="needs the extra dev: pip install 'synth-ops[dev]'"
)
DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
VALUES = KUBERNETES / "dagster-values.yaml"
COMMAND = ["python", "-m", "synth_ops", "worker", "spec.json", "result.json"]
CHART = os.environ.get("DAGSTER_CHART")
CHART_KEYS = set(Path(__file__).with_name("chart_keys.txt").read_text().split())
"""The chart's keys that our values set. Helm takes a key that it does not know in silence, so they are named twice."""
FREE_KEYS = {"additionalInstanceConfig", "runLauncher.config.k8sRunLauncher.runK8sConfig"}
"""Those under which anything may stand."""


@pytest.mark.parametrize("name", ["gpu-worker.yaml", "storage.yaml"])
def test_manifest_is_valid(name: str) -> None:
    _validate(_read(name))


def test_worker_has_a_gpu_and_no_rights() -> None:
    spec = _read("gpu-worker.yaml")["template"]["spec"]

    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert (spec["securityContext"]["runAsNonRoot"], spec["automountServiceAccountToken"]) == (True, False)


def test_pipes_makes_a_valid_pod_of_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = pytest.importorskip("dagster_k8s.pipes", reason="needs the extra dev: pip install 'synth-ops[dev]'")
    from kubernetes.client import ApiClient

    asked: dict[str, Any] = {}
    monkeypatch.setattr(pipes.PipesK8sClient, "run", lambda _, **given: asked.update(given))
    runpy.run_path(str(KUBERNETES / "gpu_pods.py"))["GpuPods"]().run(command=COMMAND)
    pod = pipes.build_pod_body(pod_name="night", image=None, env_vars={"DAGSTER_PIPES_CONTEXT": "x"}, **asked)
    manifest = {"apiVersion": "v1", "kind": "Pod", **ApiClient().sanitize_for_serialization(pod)}

    _validate(manifest)
    assert manifest["spec"]["containers"][0]["command"] == COMMAND
    assert "PROD_URL" in {e["name"] for e in manifest["spec"]["containers"][0]["env"]}


def test_template_serves_as_an_op_tag() -> None:
    job = pytest.importorskip("dagster_k8s.job", reason="needs the extra dev: pip install 'synth-ops[dev]'")
    spec = _read("gpu-worker.yaml")["template"]["spec"]
    (container,) = spec.pop("containers")
    tag = job.UserDefinedDagsterK8sConfig.from_dict({"container_config": container, "pod_spec_config": spec})

    assert tag.container_config["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert tag.pod_spec_config["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_pods_of_a_run_and_of_its_steps_share_volume_and_user() -> None:
    """What the run writes, a step reads: the same claim, at the same place, by the same user."""
    location = _read(VALUES.name)["dagster-user-deployments"]["deployments"][0]
    worker = _read("gpu-worker.yaml")["template"]["spec"]
    shared = {k: v for k, v in worker["securityContext"].items() if k != "seccompProfile"}

    assert location["volumes"] == worker["volumes"]
    assert location["volumes"][0]["persistentVolumeClaim"]["claimName"] == _read("storage.yaml")["metadata"]["name"]
    assert location["volumeMounts"] == worker["containers"][0]["volumeMounts"]
    assert location["podSecurityContext"] == shared


def test_secrets_stand_in_no_file() -> None:
    container = _read("gpu-worker.yaml")["template"]["spec"]["containers"][0]
    words = [p for p, _ in _leaves(_read(VALUES.name)) if "password" in p.lower()]

    assert [e["name"] for e in container["env"] if "value" in e] == []
    assert words == ["generatePostgresqlPasswordSecret"]


def test_instance_is_that_of_dagster_yaml() -> None:
    """Compose and Kubernetes are one deployment in two places."""
    values, instance = _read(VALUES.name), yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    daemon, pools = values["dagsterDaemon"], values["concurrency"]

    assert _snake(daemon["runRetries"]) == instance["run_retries"]
    assert _snake(daemon["runMonitoring"]) == instance["run_monitoring"]
    assert _snake({k: _snake(v) for k, v in pools.items() if k != "enabled"}) == instance["concurrency"]
    assert values["additionalInstanceConfig"] == {k: instance[k] for k in ("nux", "freshness")}
    assert values["telemetry"] == instance["telemetry"]


def test_values_set_keys_of_the_chart_only() -> None:
    assert {path for path, _ in _leaves(_read(VALUES.name))} == CHART_KEYS


@pytest.mark.skipif(not CHART, reason="DAGSTER_CHART names no chart; deploy/README.md says how to get it")
def test_chart_takes_the_values() -> None:
    """Helm renders Dagster's chart with them, its schema is kept, and what comes out is valid."""
    helm = pytest.importorskip("helm_python", reason="needs the extra dev: pip install 'synth-ops[dev]'")
    chart = helm.Chart.load(str(CHART))
    chart.validate_schema(_read(VALUES.name))
    rendered = chart.render(_read(VALUES.name), name="dagster", namespace="synth-ops")
    documents = [d for n, t in rendered.items() if n.endswith(".yaml") for d in yaml.safe_load_all(t) if d]
    (instance,) = (d for d in documents if d["metadata"]["name"] == "dagster-instance")

    assert {k for k in CHART_KEYS if not _has(chart.values, k)} <= {
        "dagsterDaemon.runMonitoring.maxRuntimeSeconds",  # these have no default
        "dagsterDaemon.runRetries.retryOnAssetOrOpFailure",
    }
    assert yaml.safe_load(instance["data"]["dagster.yaml"])["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert {"Deployment", "ConfigMap", "Service"} <= {d["kind"] for d in documents}
    for document in documents:
        _validate(document)


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((KUBERNETES / name).read_text())
    return read


def _validate(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and path not in FREE_KEYS:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _snake(values: dict[str, Any]) -> dict[str, Any]:
    """Give the mapping with the chart's camelCase as Dagster's snake_case."""
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): v for k, v in values.items()}


def _has(values: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
