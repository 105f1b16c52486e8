"""This repository's Dagster project: every defs.yaml under `defs/`. `make ui` opens it."""

from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
