"""Dagster's shell: a night is a partition, a table is five assets, an expectation is a check."""

from synth_ops.dagster.component import SynthRefreshComponent
from synth_ops.dagster.definitions import SynthOptions, build_synth_assets
from synth_ops.dagster.snapshot_io import SnapshotIOManager
from synth_ops.dagster.snapshot_resource import SnapshotResource
from synth_ops.dagster.translator import SynthAsset, SynthTranslator

__all__ = [
    "SnapshotIOManager",
    "SnapshotResource",
    "SynthAsset",
    "SynthOptions",
    "SynthRefreshComponent",
    "SynthTranslator",
    "build_synth_assets",
]
