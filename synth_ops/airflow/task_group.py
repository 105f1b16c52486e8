"""A refresh as a group of tasks, dropped into a DAG: extract, train a task a table, sample, validate, publish."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synth_ops.airflow.compat import TaskGroup, chain
from synth_ops.airflow.operators import NIGHT, SynthStepOperator
from synth_ops.names import words


def synth_refresh_task_group(
    *,
    config: str,
    tables: Sequence[str] | None = None,
    group_id: str = "synth_refresh",
    night: str = NIGHT,
    train: Callable[[str], Any] | None = None,
    train_pool: str | None = None,
    train_queue: str | None = None,
    task_args: Mapping[str, Mapping[str, Any]] | None = None,
    outlets: Sequence[Any] = (),
    **shared: Any,  # noqa: ANN401 — arguments of the operator
) -> TaskGroup:
    """Give a task group that makes the snapshot of one night, in the DAG that it is called in.

    Each task takes one step in a worker of its own, with retries, a log and a pool of its own, and gives the same bytes
    as a refresh in one task. Nothing is read while the DAG is: without ``tables``, training is mapped over those that
    extract finds.

    Args:
        config: path of synth.yaml, as for `SynthRefreshOperator`.
        tables: those that have a model, each a task that can be seen, retried and cleared by itself. A table that is
            not named here, and has no model yet, is trained by ``sample``.
        group_id: the group's id; tasks are called ``<group_id>.extract`` and so on.
        night: the night, YYYY-MM-DD.
        train: gives the operator that trains a table, instead of the usual one: a KubernetesPodOperator of
            `train_pod`. Needs ``tables``. It is called in the group.
        train_pool: the pool of trainings, such as ``gpu``.
        train_queue: the queue of trainings, for workers that have a GPU.
        task_args: further arguments by step: ``{"train": {"retries": 3}, "validate": {"pool": "default_pool"}}``.
        outlets: assets that publishing updates.
        shared: arguments of every task: ``python``, ``device``, ``conn_id``, ``env``, ``report_url``, ``deferrable``,
            ``retries`` and all else that operators take.

    Raises:
        ValueError: ``train`` is given, and ``tables`` is not; or ``task_args`` names a step that there is not.
    """
    _check(tables, train, task_args or {})
    own: dict[str, dict[str, Any]] = {step: dict(args) for step, args in (task_args or {}).items()}
    placed = {"pool": train_pool, "queue": train_queue}
    own["train"] = {k: v for k, v in placed.items() if v is not None} | own.get("train", {})
    # What is not trained here is not mapped either; the tasks after a training that was skipped for that are not.
    own["sample"] = {"trigger_rule": "none_failed", **own.get("sample", {})}
    own["publish"] = {"outlets": list(outlets), **own.get("publish", {})}

    def arguments(step: str) -> dict[str, Any]:
        return {"step": step, "config": config, "night": night, **shared, **own.get(step, {})}

    with TaskGroup(group_id=group_id, tooltip="A synthetic copy of production, behind a gate") as group:
        extract = SynthStepOperator(task_id="extract", **arguments("extract"))
        if tables is None:
            mapped = {"task_id": "train", "map_index_template": "{{ task.table }}", **arguments("train")}
            trained: Any = SynthStepOperator.partial(**mapped).expand(table=extract.output)
        else:
            trained = _trained(tables, train, arguments("train"))
        chain(
            extract,
            trained,
            *(SynthStepOperator(task_id=step, **arguments(step)) for step in ("sample", "validate", "publish")),
        )
    return group


def _check(
    tables: Sequence[str] | None, train: Callable[[str], Any] | None, task_args: Mapping[str, Mapping[str, Any]]
) -> None:
    steps = ("extract", "train", "sample", "validate", "publish")
    if unknown := sorted(set(task_args) - set(steps)):
        raise ValueError(f"task_args must name steps, which are {', '.join(steps)}, however it names {unknown}.")
    if train is not None and not tables:
        raise ValueError(
            "With train=, tables= must name the tables to train, for their tasks are made while the DAG is."
        )


def _trained(tables: Sequence[str], train: Callable[[str], Any] | None, arguments: Mapping[str, Any]) -> list[Any]:
    """Give a task a table."""
    if train is not None:
        return [train(table) for table in tables]
    return [SynthStepOperator(task_id=f"train_{word}", table=t, **arguments) for t, word in words(tables).items()]
