"""Dagster's shell: a night is a partition, a step is an asset."""

from synth_ops.dagster.assets import build_synth_assets

__all__ = ["build_synth_assets"]
