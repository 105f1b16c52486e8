"""The assets of one dataset: every table in five roles, with their keys, and what the deployment chose about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args

import dagster as dg

from synth_ops.dagster.execution import RETRIES, Context
from synth_ops.dagster.project import KnownTable, Project
from synth_ops.dagster.translator import Role, SynthAsset, default_key
from synth_ops.records import Record
from synth_ops.steps import StepCall

Execute = Callable[[Context, StepCall], Record]
GetSpec = Callable[[SynthAsset], dg.AssetSpec]


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """What a deployment may have its own way."""

    nights: dg.DailyPartitionsDefinition
    """A night is a run, as it is for assets without a backfill policy. One of a night at a time would make each run one
    of a range of nights, by which checks, that have no partitions, could not tell theirs."""
    gpu_pool: str | None = "gpu"
    """The concurrency pool of trainings."""
    train_tags: Mapping[str, Any] = field(default_factory=dict)
    """Of the ops that train, such as ``dagster-k8s/config``; they hold for a click in the UI too."""
    op_tags: Mapping[str, Any] = field(default_factory=dict)
    """Of all other ops."""
    retries: dg.RetryPolicy = RETRIES
    freshness: dg.FreshnessPolicy | None = None
    """Of the snapshot's tables."""
    report_url: str | None = None
    """Where reports are served, as ``<report_url>/<night>/report.html``."""


@dataclass(frozen=True)
class Graph:
    """Who is who in the asset graph of a dataset."""

    project: Project
    get_spec: GetSpec
    execute: Execute
    options: GraphOptions

    @cached_property
    def specs(self) -> Mapping[tuple[Role, str], dg.AssetSpec]:
        """Each asset's spec, by role and table, with what it depends on."""
        bare = {(r, t.name): self.get_spec(SynthAsset(r, t.name, self.project)) for r, t in self._members}
        keys = {member: spec.key for member, spec in bare.items()}
        return {(r, t.name): self._placed(bare[r, t.name], r, t, keys) for r, t in self._members}

    def spec(self, role: Role, table: KnownTable) -> dg.AssetSpec:
        return self.specs[role, table.name]

    def key(self, role: Role, table: KnownTable) -> dg.AssetKey:
        return self.spec(role, table).key

    def is_yours(self, table: KnownTable) -> bool:
        """Tell whether production's table has a key that was chosen, as one has that is in the user's graph already."""
        return self.key("production", table) != default_key(SynthAsset("production", table.name, self.project))

    @property
    def trained(self) -> tuple[KnownTable, ...]:
        """The tables that have a model."""
        return tuple(t for t in self.project.tables if not t.is_copied)

    @property
    def _members(self) -> list[tuple[Role, KnownTable]]:
        roles: tuple[Role, ...] = get_args(Role)
        return [(r, t) for r in roles for t in self.project.tables if not (r == "model" and t.is_copied)]

    def _placed(
        self, spec: dg.AssetSpec, role: Role, table: KnownTable, keys: Mapping[tuple[Role, str], dg.AssetKey]
    ) -> dg.AssetSpec:
        """Add what the asset depends on, and its nights."""
        if role == "production":
            return spec
        deps = [keys[member] for member in _before(role, table) if member in keys]
        placed = spec.merge_attributes(deps=deps).replace_attributes(
            partitions_def=self.options.nights, skippable=role == "extract"
        )
        is_watched = role == "snapshot" and self.options.freshness is not None and spec.freshness_policy is None
        return placed.replace_attributes(freshness_policy=self.options.freshness) if is_watched else placed


def _before(role: Role, table: KnownTable) -> list[tuple[Role, str]]:
    """Give what an asset is made of; a model is told of the table's parents too."""
    makes: Mapping[Role, list[tuple[Role, str]]] = {
        "extract": [("production", table.name)],
        "model": [("extract", name) for name in (table.name, *table.parents)],
        "synthetic": [("extract" if table.is_copied else "model", table.name)],
        "snapshot": [("synthetic", table.name)],
    }
    return makes[role]
