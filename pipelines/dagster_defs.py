"""This repository's Dagster code location: the demo's nightly refresh. `make ui` opens it."""

from pathlib import Path

from synth_ops.dagster import build_synth_assets

defs = build_synth_assets(Path(__file__).resolve().parents[1] / "synth.yaml")
