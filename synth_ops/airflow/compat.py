"""What the shell needs of Airflow, by the names of 3, from 2.11 or 3: the one file that knows of two lines.

Airflow's own shim for this, in its package of common code, is newer than what the constraints of 2.11 pin. Each name is
loaded when it is first asked for: a DAG file needs few of them.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.configuration import conf
    from airflow.sdk import Asset, AssetAlias, BaseHook, BaseOperator, BaseOperatorLink, TaskGroup, chain
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.log import mask_secret

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "Asset",
    "AssetAlias",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "TaskGroup",
    "XCom",
    "chain",
    "conf",
    "mask_secret",
]

_HOMES: Mapping[str, tuple[str, ...]] = {
    "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),  # the second before 3.2
    "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "TaskGroup": ("airflow.sdk", "airflow.utils.task_group"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "chain": ("airflow.sdk", "airflow.models.baseoperator"),
    "conf": ("airflow.configuration",),
    "mask_secret": ("airflow.sdk.log", "airflow.utils.log.secrets_masker"),
}
"""Where each name is, the newest place first; after a colon, what it is called there."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 — whatever is asked for
    """Load a name from the first place that has it."""
    places = _HOMES.get(name, ())
    for place in places:
        module, _, other = place.partition(":")
        try:
            return getattr(import_module(module), other or name)
        except (ImportError, AttributeError):
            if place == places[-1]:
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
