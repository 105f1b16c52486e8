"""How faithful one table's copy is, by a judge that is not ours, and what it cost.

usage: python benchmarks/fidelity.py TABLE.parquet --judge EVALUATE.py [--target COLUMN] [--model vae] [--folder OUT]

The table is split in 80 % to learn from and 20 % held out (``numpy.random.RandomState(0)``), the 80 % go through
``synth-ops copy``, and the judge is called as ``EVALUATE.py TRAIN HOLDOUT SYNTHETIC --json``: a script that prints
``{"synthetic": {figure: value}, "floor": {figure: value}}``. One line a figure comes out, beside its floor.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from measure import run


def main() -> None:
    """Split, copy, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--target")
    parser.add_argument("--model", default="vae")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        _measure(args.table, args.judge, args.target, args.model, folder)


def _measure(table: Path, judge: Path, target: str | None, model: str, folder: Path) -> None:
    train, holdout, synthetic = (folder / f"{name}.parquet" for name in ("train", "holdout", "synthetic"))
    _split(table, train, holdout)
    copied = run([sys.executable, "-m", "synth_ops", "copy", str(train), str(synthetic), "--model", model])
    if copied.return_code:
        sys.exit(copied.return_code)
    rows = pq.read_metadata(synthetic).num_rows
    print(f"{table.stem}: {rows} rows copied in {copied.seconds:.0f} s, peak memory {copied.peak_gb:.2f} GB")
    for name, (value, floor) in _judge(judge, train, holdout, synthetic, target).items():
        print(f"  {name:8s} {value:.4f}   floor {floor:.4f}")


def _split(table: Path, train: Path, holdout: Path) -> None:
    rows = pq.read_table(table)
    order = np.random.RandomState(0).permutation(rows.num_rows)
    cut = int(0.8 * rows.num_rows)
    pq.write_table(rows.take(order[:cut]), train)
    pq.write_table(rows.take(order[cut:]), holdout)


def _judge(
    judge: Path, train: Path, holdout: Path, synthetic: Path, target: str | None
) -> dict[str, tuple[float, float]]:
    command = [sys.executable, str(judge), str(train), str(holdout), str(synthetic), "--json"]
    command += ["--target", target] if target else []
    figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {name: (value, figures["floor"][name]) for name, value in figures["synthetic"].items()}


if __name__ == "__main__":
    main()
