"""A training as a pod of its own, on a node that has a GPU."""

from typing import Any

from synth_ops.airflow.operators import NIGHT
from synth_ops.names import words


def train_pod(
    table: str,
    *,
    config: str,
    image: str,
    claim: str | None = None,
    mount_path: str = "/srv/synth-ops",
    gpus: int = 1,
    night: str = NIGHT,
    device: str = "auto",
) -> dict[str, Any]:
    """Give the arguments of a KubernetesPodOperator that trains one table.

    The pod must see the project and its workspace under the paths that the other tasks see them by. Add what your
    cluster needs beside these: ``KubernetesPodOperator(**train_pod("users", ...), namespace="ml", retries=2)``.

    Args:
        table: the table.
        config: path of synth.yaml in the pod.
        image: an image that has synth-ops with torch, such as that of ``deploy/images/worker.Dockerfile``.
        claim: the persistent volume claim that holds the project and its workspace; None where `pod_template_file` or
            `volumes` say it.
        mount_path: where the claim is mounted.
        gpus: how many; 0 for none.
        night: the night, YYYY-MM-DD.
        device: where the model computes: ``auto``, ``cpu`` or ``cuda``.
    """
    from kubernetes.client import models as k8s  # which the pod operator has loaded already

    arguments = ["train", "--config", config, "--night", night, "--table", table, "--device", device, "--json"]
    word = words([table])[table].lower().replace("_", "-").strip("-") or "table"
    pod: dict[str, Any] = {
        "task_id": f"train_{words([table])[table]}",
        "name": f"synth-ops-train-{word}",
        "image": image,
        "cmds": ["synth-ops"],
        "arguments": arguments,
        "get_logs": True,
        "do_xcom_push": False,
        "container_resources": k8s.V1ResourceRequirements(limits={"nvidia.com/gpu": str(gpus)}) if gpus else None,
        # A pod that was killed may leave a lock of the network's file system for as long as its lease there lasts.
        "termination_grace_period": 30,
    }
    if claim is not None:
        source = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=claim)
        pod["volumes"] = [k8s.V1Volume(name="synth-ops", persistent_volume_claim=source)]
        pod["volume_mounts"] = [k8s.V1VolumeMount(name="synth-ops", mount_path=mount_path)]
    return pod
