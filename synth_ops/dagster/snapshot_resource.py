"""The resource that opens published snapshots, for assets, checks and jobs that read them by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import ConfigDict

from synth_ops.errors import PlanError
from synth_ops.plan import load_config

if TYPE_CHECKING:
    import duckdb as duck
    import pandas as pd
    import pyarrow as pa

    from synth_ops.publish import Snapshot, SnapshotTable


class SnapshotPlace(dg.Config):
    """Where a dataset's snapshots are published: said outright, or as synth.yaml has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    publish: str | None = None
    """The folder that snapshots are published to; together with `dataset`."""
    dataset: str | None = None
    """The name of the dataset; together with `publish`."""
    config: str | None = None
    """The path of the synth.yaml that names both; instead of them."""

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 — pydantic's own signature
        super().__init__(**fields)
        given = tuple(f for f in ("publish", "dataset", "config") if getattr(self, f) is not None)
        if given not in _WAYS:
            raise PlanError(
                f"{type(self).__name__} must be told where snapshots lie in one of two ways, however it was given"
                f" {' and '.join(given) or 'nothing'}. Give publish and dataset, or config (the path of synth.yaml)."
            )

    def place(self) -> tuple[str, str]:
        """Give the publish folder and the dataset."""
        if self.publish is not None and self.dataset is not None:
            return self.publish, self.dataset
        plan = load_config(Path(str(self.config)))
        return str(plan.publish), plan.dataset

    def open(self, night: str | None = None, snapshot: str | None = None) -> "Snapshot":
        """Open the latest snapshot, the newest of a night, or the one of that id.

        Raises:
            PlanError: there is none; the message names the nearest.
            CorruptArtifact: its manifest was altered.
        """
        from synth_ops.publish import open_snapshot  # Arrow is loaded where rows are read

        if night is not None and snapshot is not None:
            raise PlanError(
                f"A snapshot must be asked for by its night or by its id, however both came: {night} and {snapshot}."
                " Leave one out."
            )
        return open_snapshot(*self.place(), night or snapshot)


class SnapshotResource(SnapshotPlace, dg.ConfigurableResource[Any]):
    """Opens the snapshots of one dataset.

    Each call looks up the latest snapshot anew. Whoever joins tables opens once, and takes both from what that gives.
    """

    def table(self, name: str, night: str | None = None, *, columns: Sequence[str] | None = None) -> "pa.Table":
        """Read a table of the latest snapshot or of a night's newest, its checksums verified.

        Raises:
            PlanError: there is no such snapshot, table or column; the message names the nearest.
            CorruptArtifact: a file differs from the manifest.
        """
        return self._find(name, night, columns).to_arrow()

    def pandas(self, name: str, night: str | None = None, *, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Read a table as a DataFrame; raises as `table` does."""
        return self._find(name, night, columns).to_pandas()

    def duckdb(
        self,
        name: str,
        night: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        connection: "duck.DuckDBPyConnection | None" = None,
    ) -> "duck.DuckDBPyRelation":
        """Give a DuckDB relation over a table's files, which reads what a query needs; raises as `table` does."""
        return self._find(name, night, columns).duckdb(connection)

    def _find(self, name: str, night: str | None, columns: Sequence[str] | None) -> "SnapshotTable":
        table = self.open(night).table(name)
        return table if columns is None else table.select(columns)


_WAYS = (("publish", "dataset"), ("config",))
