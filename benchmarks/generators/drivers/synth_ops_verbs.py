"""Fit and sample by the verbs of a night, as ``synth-ops copy`` does, with the seconds of each."""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from generators.drivers.contract import Order, Stopwatch, answer, read_order

NIGHT = "2000-01-01"


def main() -> None:
    watch, order = Stopwatch(), read_order()
    from synth_ops import __version__
    from synth_ops.plan import load_config
    from synth_ops.records import Sampled
    from synth_ops.refresh import take_step

    with tempfile.TemporaryDirectory() as scratch:
        config = load_config(_write_project(Path(scratch), order))
        take_step("extract", config, NIGHT)
        take_step("train", config, NIGHT)
        watch.lap("fit")
        span = _Span()
        sampled = Sampled.model_validate(take_step("sample", config, NIGHT, progress=span).model_dump())
        order.synthetic.write_bytes(Path(sampled.tables[0].path).read_bytes())
    answer(__version__, sampled.tables[0].n_rows, watch.laps | {"sample": span.last - span.first})


def _write_project(folder: Path, order: Order) -> Path:
    (folder / "source").mkdir()
    (folder / "source" / order.train.name).symlink_to(order.train.resolve())
    plan = {
        "dataset": "benchmark",
        "source": f"parquet:{folder / 'source'}",
        "publish": str(folder / "snapshots"),
        "defaults": {key: order.options[key] for key in ("model", "time_budget")},
        "privacy": {"holdout": 0.0},
    }
    path = folder / "synth.yaml"
    path.write_text(json.dumps(plan), encoding="utf-8")
    return path


@dataclass
class _Span:
    """From the first word of sampling to the last: rows drawn, decoded and written; the worker has started by then."""

    first: float = 0.0
    last: float = 0.0

    def __call__(self, _event: object) -> None:
        self.last = time.monotonic()
        self.first = self.first or self.last


if __name__ == "__main__":
    main()
