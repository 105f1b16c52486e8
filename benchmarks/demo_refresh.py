"""What one night of the demo costs: wall time, peak memory, and each table's fidelity beside its floor.

usage: python benchmarks/demo_refresh.py [--folder OUT]

Builds the demo database in a folder of its own and runs three refreshes: the first night, the same night again, and
the next night on unchanged data.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from measure import Run, run

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"first night, seconds": 480.0, "first night, peak GB": 3.0, "same night again, seconds": 10.0}
"""What the demo promises on two cores."""


def main() -> None:
    """Run the nights and print what each came to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        _prepare(folder)
        first = _refresh(folder, "2026-01-01")
        _print_tables(first)
        again = _refresh(folder, "2026-01-01")
        following = _refresh(folder, "2026-01-02")
    figures = {
        "first night, seconds": first.seconds,
        "first night, peak GB": first.peak_gb,
        "same night again, seconds": again.seconds,
        "next night, unchanged, seconds": following.seconds,
    }
    for name, value in figures.items():
        limit = f"   limit {LIMITS[name]:g}" if name in LIMITS else ""
        print(f"{name:32s} {value:8.2f}{limit}")
    sys.exit(int(any(figures[name] > limit for name, limit in LIMITS.items())))


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("synth.yaml", "expectations"):
        source, copy = ROOT / name, folder / name
        shutil.copytree(source, copy, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, copy)
    database = folder / "demo" / "nycflights13.duckdb"
    built = run([sys.executable, str(ROOT / "pipelines" / "demo.py"), str(database)])
    if built.return_code:
        sys.exit(built.return_code)


def _refresh(folder: Path, night: str) -> Run:
    command = [sys.executable, "-m", "synth_ops", "refresh", "--config", str(folder / "synth.yaml")]
    done = run([*command, "--night", night, "--json"])
    if done.return_code:
        sys.exit(done.return_code)
    return done


def _print_tables(done: Run) -> None:
    record = json.loads(done.output)
    for table in record["tables"]:
        fidelity, floor = (f"{v:.4f}" if v is not None else "-" for v in (table["fidelity"], table["floor"]))
        print(f"{table['name']:12s} {table['n_rows']:>8d} {table['decision']:9s} pair {fidelity} floor {floor}"
              f" {table['seconds']:6.1f} s")  # fmt: skip
    print("steps:", ", ".join(f"{step} {seconds:.0f} s" for step, seconds in record["seconds"].items()))


if __name__ == "__main__":
    main()
