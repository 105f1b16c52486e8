"""Buttons on a task's page: to the report, and to the snapshot."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from synth_ops.airflow.job import Job


class _Link(BaseOperatorLink):
    """A link whose address the task leaves in an XCom, for nothing that shows it can see the workspace."""

    key = ""

    @property
    def xcom_key(self) -> str:
        return self.key

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ANN401 — Airflow's own signature
        """Give the address, or nothing where the task has left none."""
        # Airflow 3 asks in the task's own process, and writes the answer to the same key; 2 asks in the webserver.
        links: Mapping[str, str] | None = getattr(operator, "links", None)
        return (XCom.get_value(key=self.key, ti_key=ti_key) if links is None else links.get(self.key)) or ""


class ReportLink(_Link):
    """The night's report, of a copy that was refused too."""

    name = "Quality report"
    key = "synth_ops_report"


class SnapshotLink(_Link):
    """What was published."""

    name = "Snapshot"
    key = "synth_ops_snapshot"


def addresses(job: "Job", report_url: str | None, snapshot_url: str | None) -> dict[str, str]:
    """Give the addresses that a task has to show, by key: below a URL where files are served, else the files' own."""
    found = {}
    validated, published = job.validated, job.published
    if validated is not None and job.call.step in ("refresh", "validate", "publish"):
        found[ReportLink.key] = _address(validated.report, report_url, n_parts=2)
    if published is not None and job.call.step in ("refresh", "publish"):
        found[SnapshotLink.key] = _address(published.path, snapshot_url, n_parts=1)
    return found


def _address(path: str, url: str | None, *, n_parts: int) -> str:
    """Give the address of a file: of a report its night and name are kept, of a snapshot its id."""
    if url:
        return "/".join((url.rstrip("/"), *PurePath(path).parts[-n_parts:]))
    return path if "://" in path else f"file://{path}"
