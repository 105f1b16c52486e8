"""How a table's assets are called, grouped, owned and tagged. Override `get_asset_spec` to have it your way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import dagster as dg

from synth_ops import __version__
from synth_ops.dagster.project import KnownTable, Project

Role = Literal["production", "extract", "model", "synthetic", "snapshot"]
DATASET, TABLE, ROLE = "synth_ops/dataset", "synth_ops/table", "synth_ops/role"
"""Metadata of every asset, by which it is known whatever its key was made."""

_SAYS: Mapping[Role, str] = {
    "production": "The table in production. It is read, and never written.",
    "extract": "Tonight's rows of the table, read in one transaction with all others; private.",
    "model": "What was learned of the table: reused, refreshed or trained anew, as the policy decides; private.",
    "synthetic": "Tonight's synthetic rows, before the gate has looked at them.",
    "snapshot": "The table in the published snapshot. All tables are published together, and only past the gate.",
}
_MADE_OF: Mapping[Role, str] = {"extract": "parquet", "model": "pytorch", "synthetic": "parquet", "snapshot": "parquet"}


@dataclass(frozen=True)
class SynthAsset:
    """What one asset stands for: the role that it has in a night, and the table."""

    role: Role
    table: str
    project: Project = field(repr=False)

    @property
    def known(self) -> KnownTable:
        """What is known of the table."""
        return self.project.table(self.table)


def default_key(asset: SynthAsset) -> dg.AssetKey:
    """Give the key that an asset has where nobody chose another."""
    return dg.AssetKey([asset.project.dataset, asset.role, asset.known.word])


@dataclass
class SynthTranslator:
    """Turns the tables of a dataset into asset specs."""

    owners: Sequence[str] = ()
    """E-mail addresses, and teams as ``team:data``."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of every asset but production's tables."""
    group: str | None = None
    """The dataset's name, where there is none."""
    source_keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The keys that production's tables have in your own graph already, by table."""

    def get_asset_spec(self, asset: SynthAsset) -> dg.AssetSpec:
        """Give the spec of one asset, without what it depends on and how it is partitioned."""
        role, table, project = asset.role, asset.known, asset.project
        default = default_key(asset)
        metadata = {DATASET: project.dataset, TABLE: table.name, ROLE: role}
        if role == "production":
            return dg.AssetSpec(
                dg.AssetKey(list(self.source_keys.get(table.name, default.path))),
                description=_described(role, table),
                group_name=self._group(project),
                kinds={role, project.kind},
                metadata=metadata,
            )
        return dg.AssetSpec(
            default,
            description=_described(role, table),
            group_name=self._group(project),
            kinds={role, _MADE_OF[role]},  # a graph shows the last word of a key, the table's, and kinds
            owners=list(self.owners),
            tags=dict(self.tags),
            metadata=metadata,
            code_version=__version__,
        )

    def _group(self, project: Project) -> str:
        return self.group or project.group


def _described(role: Role, table: KnownTable) -> str:
    return f"{table.description}\n\n{_SAYS[role]}" if table.description else _SAYS[role]
