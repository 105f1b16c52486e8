from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.airflow_home import AirflowHome, needs_airflow
from tests.projects import run
from tests.synth_ops.shop import build_shop

pytestmark = needs_airflow

NIGHT = "2026-01-30"
PROGRAM = """
import json
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.common.compat.sdk import DAG
from kubernetes import client
from synth_ops.airflow import synth_refresh_task_group, train_pod

def train(table):
    pod = train_pod(table, config="/srv/synth-ops/synth.yaml", image="synth-ops/worker:1", claim="synth-ops")
    return KubernetesPodOperator(**pod, namespace="ml", retries=2)

with DAG("d", schedule=None) as dag:
    synth_refresh_task_group(config="/srv/synth-ops/synth.yaml", tables=["users", "Order Lines"], train=train)
task = dag.get_task("synth_refresh.train_Order_Lines")
task.arguments = [a if "{{" not in a else "2026-01-30" for a in task.arguments]
pod = client.ApiClient().sanitize_for_serialization(task.build_pod_request_obj())
print(json.dumps({"pod": pod, "before": sorted(task.upstream_task_ids), "after": sorted(task.downstream_task_ids)}))
"""


@pytest.mark.skipif(
    find_spec("airflow") is None or find_spec("airflow.providers.cncf") is None,
    reason="needs apache-airflow-providers-cncf-kubernetes",
)
def test_training_is_a_pod_with_a_gpu_that_sees_the_workspace(tmp_path: Path) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="needs the extra dev")

    found = AirflowHome(tmp_path).ask(PROGRAM)
    pod = found["pod"] | {"kind": "Pod", "apiVersion": "v1"}
    (container,) = pod["spec"]["containers"]

    kubernetes_validate.validate(pod, "1.31", strict=True)
    assert container["command"] == ["synth-ops"]
    assert container["args"][-6:] == ["--table", "Order Lines", "--device", "auto", "--json"][-6:]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert {"name": "synth-ops", "mountPath": "/srv/synth-ops"}.items() <= container["volumeMounts"][0].items()
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "synth-ops"}
    assert found["before"] == ["synth_refresh.extract"]
    assert found["after"] == ["synth_refresh.sample"]


@pytest.mark.slow
def test_command_of_the_pod_trains_the_table_that_it_names(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    run(plan, "extract", "--night", NIGHT)
    done = run(plan, "train", "--night", NIGHT, "--table", "users", "--device", "auto", "--json")

    assert '"name": "users"' in done.stdout
    trained = [p.stem for p in tmp_path.rglob("trained/*.json")]
    assert trained == ["users"]
