"""What every driver is told and answers; it imports nothing that a peer's environment could lack."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Order:
    """One model to fit on a table and to sample as many rows from."""

    train: Path
    synthetic: Path
    options: Mapping[str, Any]
    """``model``; ``started``; for peers perhaps ``epochs``; for ours ``time_budget``."""

    def watch(self) -> "Stopwatch":
        """Start a watch at the moment that the process was started, so that fitting includes imports."""
        return Stopwatch(started=float(self.options["started"]))


def read_order() -> Order:
    """Read ``TRAIN OUT OPTIONS`` from the command line."""
    train, synthetic, options = sys.argv[1:]
    return Order(Path(train), Path(synthetic), json.loads(options))


@dataclass
class Stopwatch:
    """Wall seconds of the parts."""

    started: float
    """On the clock of ``time.monotonic``, which the machine's processes share."""
    laps: dict[str, float] = field(default_factory=dict)

    def lap(self, part: str) -> None:
        """End a part that began where the last one ended."""
        now = time.monotonic()
        self.laps[part] = now - self.started
        self.started = now


def answer(version: str, n_rows: int, laps: Mapping[str, float]) -> None:
    """Print the result as the last line; ``laps`` holds seconds of ``fit`` and ``sample``."""
    record = {"version": version, "n_sampled": n_rows, "fit_seconds": laps["fit"], "sample_seconds": laps["sample"]}
    print(json.dumps(record), flush=True)
