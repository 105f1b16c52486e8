"""What a table of ten million rows and fifty columns costs in memory: `python benchmarks/out_of_core.py`.

usage: python benchmarks/out_of_core.py [--rows 10000000] [--time-budget 120s] [--folder SCRATCH]

A Parquet file is written chunk by chunk (integers, amounts, categories, instants, nulls, a key), and then the command
line extracts and trains it, each step in processes of its own. The largest sum of resident memory over each step's
process tree is printed beside the limit of 8 GB; the exit status says whether it was kept.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import run

LIMIT_GB = 8.0
CHUNK = 250_000
"""Rows made at once."""
WORDS = np.array(
    [f"{a}{b}" for a in ("north", "south", "east", "west", "upper") for b in ("field", "ham", "ton", "by")]
)


def main() -> int:
    """Write the table, run both steps, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--time-budget", default="120s")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        plan = _project(folder, args.rows, args.time_budget)
        return max(_step(step, plan) for step in ("extract", "train"))


def _step(step: str, plan: Path) -> int:
    took = run([sys.executable, "-m", "synth_ops", step, "--config", str(plan), "--night", "2026-01-01", "--quiet"])
    print(f"{step:8s} {took.seconds:6.0f} s   peak {took.peak_gb:.2f} GB, limit {LIMIT_GB:.0f} GB", flush=True)
    return int(took.return_code != 0 or took.peak_gb > LIMIT_GB)


def _project(folder: Path, n_rows: int, time_budget: str) -> Path:
    """Write the source, unless it is there, and a plan for it."""
    path = folder / "source" / "events.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        rng = np.random.default_rng(0)
        starts = range(0, n_rows, CHUNK)
        with pq.ParquetWriter(path, events(rng, 0, 0).schema, compression="zstd") as writer:
            for start in starts:
                writer.write_table(events(rng, start, min(CHUNK, n_rows - start)))
    plan = folder / "synth.yaml"
    settings = {
        "dataset": "out_of_core",
        "source": f"parquet:{path.parent}",
        "publish": str(folder / "snapshots"),
        "defaults": {"time_budget": time_budget},
    }
    plan.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    return plan


def events(rng: np.random.Generator, start: int, n: int) -> pa.Table:
    """Make rows of fifty columns that hang together through three hidden numbers."""
    hidden = rng.normal(size=(n, 3))
    columns: dict[str, pa.Array] = {"id": pa.array(np.arange(start, start + n))}
    for i in range(12):
        columns[f"count_{i}"] = pa.array(rng.poisson(np.exp(1 + 0.5 * hidden[:, i % 3])), pa.int32())
    for i in range(16):
        amount = np.round(np.exp(hidden[:, i % 3] + rng.normal(size=n)) * 20, 2)
        columns[f"amount_{i}"] = pa.array(amount, mask=rng.random(n) < 0.01 * i)
    for i in range(14):
        place = np.clip((hidden[:, i % 3] + rng.normal(size=n)) * 3 + 10, 0, len(WORDS) - 1).astype(int)
        columns[f"place_{i}"] = pa.array(WORDS[place], mask=rng.random(n) < 0.005 * i)
    for i in range(5):
        seconds = 1_700_000_000 + (hidden[:, i % 3] * 1e6 + rng.random(n) * 1e7).astype(np.int64)
        columns[f"at_{i}"] = pa.array(seconds, pa.timestamp("s"))
    for i in range(2):
        columns[f"is_{i}"] = pa.array(hidden[:, i] + rng.normal(size=n) > 0)
    return pa.table(columns)


if __name__ == "__main__":
    sys.exit(main())
