"""What two nights tell of the rows that came in between: a table is refreshed twice, the second time with more rows."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gate.ours import init, refresh

NIGHTS = ("2026-01-02", "2026-01-03")
ASKED = ("delta_membership_auc", "membership_auc", "outlier_membership_auc")
"""Figures whose bounds are told: the attack on both copies, and those on tonight's alone."""


def nights_table(data: Sequence[Path], first: float, folder: Path | None) -> Iterator[str]:
    """Give a row for each table: how its model came to know the new rows, and what attacks find then.

    Args:
        data: Parquet files, each a dataset of one table.
        first: share of the rows that are there on the first night, drawn at random.
        folder: where the projects are kept; a temporary one by default.
    """
    yield "| table | rows | then | second night | verdict | new rows | members | outliers | seconds |"
    yield "|---|---|---|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as scratch:
        for path in data:
            yield _row(path, first, (folder or Path(scratch)) / path.stem)


def _row(path: Path, first: float, project: Path) -> str:
    rows = pd.read_parquet(path).sample(frac=1.0, random_state=0)
    n_first = int(first * len(rows))
    source = project / path.stem / path.name
    source.parent.mkdir(parents=True)
    began = time.monotonic()
    rows.head(n_first).to_parquet(source, index=False)
    init(f"parquet:{source.parent}", project)
    for night, n in zip(NIGHTS, (n_first, len(rows)), strict=True):
        rows.head(n).to_parquet(source, index=False)
        if code := refresh(project, night):
            return f"| {path.stem} | {n_first:,} | {len(rows):,} | exit {code}, see {project / night}.log | | | | | |"
    return (
        f"| {path.stem} | {n_first:,} | {len(rows):,} | {_read(project, 'trained')['tables'][0]['decision']} "
        f"| {_read(project, 'validated')['verdict']} | {' | '.join(_bounds(project))} "
        f"| {time.monotonic() - began:.0f} |"
    )


def _read(project: Path, record: str) -> dict[str, Any]:
    """Give a record of the second night."""
    (found,) = project.glob(f".synth-ops/**/nights/{NIGHTS[1]}/**/{record}.json")
    return dict(json.loads(found.read_text(encoding="utf-8")))


def _bounds(project: Path) -> Iterator[str]:
    """Say each figure, and between what it lies with 95 % certainty on either side."""
    found = {m["name"]: m for m in _read(project, "measures")["measures"]}
    for name in ASKED:
        m = found[name]
        yield m["waived"] or m["error"] or f"{m['observed']:.3f} ({m['low']:.3f} to {m['high']:.3f})"
