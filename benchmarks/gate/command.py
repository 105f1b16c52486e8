"""What the gate refuses that it should, what it refuses that it should not, and what it costs.

    python benchmarks/gate sabotages --data FOLDER --tables adult,magic_gamma
    python benchmarks/gate honest --data FOLDER --tables adult --seeds 200
    python benchmarks/gate cost --rows 1e6 --columns 50
    python benchmarks/gate ours FOLDER/*.parquet FOLDER/shop
    python benchmarks/gate nights FOLDER/*.parquet

Each prints a Markdown table. A table is a Parquet file of FOLDER; it is cut at random into rows that a copy was made
of, rows that it was not made of, and rows that stand for an honest copy. Of `ours` each file, and each folder of
files, is a dataset that a night is made of with the default models; of `nights` each file is one, and there are two.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gate.cost import cost_table
from gate.nights import nights_table
from gate.ours import ours_table
from gate.sabotages import SABOTAGES
from synth_ops.expectations.rules import RULES
from synth_ops.judge import Judged, Question, judge

MAX_ROWS = 10_000
HOLDOUT = 0.5
"""Held-out rows, as a share of the others."""


@dataclass(frozen=True)
class Parts:
    """One table, cut in three."""

    real: pd.DataFrame
    holdout: pd.DataFrame
    honest: pd.DataFrame


def main() -> None:
    """Read the command line and print the table that it asks for."""
    parser = argparse.ArgumentParser(prog="python benchmarks/gate", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("sabotages", "honest"):
        command = commands.add_parser(name)
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--tables", required=True, help="names of Parquet files there, with commas between")
        command.add_argument("--rows", type=lambda text: int(float(text)), default=MAX_ROWS, help="real rows at most")
        command.add_argument("--seeds", type=int, default=1 if name == "sabotages" else 200)
        command.add_argument("--processes", type=int, default=1)
        command.add_argument("--attacks", action="store_true", help="of honest rows, measure what they tell, too")
    command = commands.add_parser("cost")
    command.add_argument("--rows", type=lambda text: int(float(text)), default=1_000_000)
    command.add_argument("--columns", type=int, default=50)
    command = commands.add_parser("ours")
    command.add_argument("data", type=Path, nargs="+", help="a Parquet file, or a folder of them")
    command.add_argument("--folder", type=Path, help="keep the projects there")
    command.add_argument("--public", help="why the rows are public, in a few words: privacy is not asserted then")
    command = commands.add_parser("nights")
    command.add_argument("data", type=Path, nargs="+", help="a Parquet file")
    command.add_argument("--first", type=float, default=0.75, help="share of the rows that the first night has")
    command.add_argument("--folder", type=Path, help="keep the projects there")
    asked = parser.parse_args()
    if asked.command == "cost":
        lines = cost_table(asked.rows, asked.columns)
    elif asked.command == "ours":
        lines = ours_table(asked.data, asked.folder, asked.public)
    elif asked.command == "nights":
        lines = nights_table(asked.data, asked.first, asked.folder)
    else:
        lines = {"sabotages": sabotage_table, "honest": honest_table}[asked.command](asked)
    for line in lines:
        print(line, flush=True)


def cut(path: Path, seed: int, most: int) -> Parts:
    """Cut a table at random; the three parts have no row in common."""
    rows = pd.read_parquet(path)
    n = min(most, int(len(rows) / (2 + HOLDOUT)))
    order = np.random.default_rng(seed).permutation(len(rows))
    first, second, third = order[:n], order[n : 2 * n], order[2 * n : 2 * n + int(HOLDOUT * n)]
    real, honest, holdout = (rows.iloc[part].reset_index(drop=True) for part in (first, second, third))
    return Parts(real, holdout, honest)


def judged(parts: Parts, copy: pd.DataFrame, seed: int, *, attacks: bool) -> Judged:
    """Judge a copy by the default suite, with or without the attacks on privacy, which take most of the time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, rows in (("real", parts.real), ("holdout", parts.holdout), ("copy", copy)):
            rows.to_parquet(folder / f"{file}.parquet", index=False)
        real, copy_file, holdout = (folder / f"{file}.parquet" for file in ("real", "copy", "holdout"))
        public = None if attacks else "attacks are measured by attacks.py"
        return judge(Question(real=real, synthetic=copy_file, holdout=holdout, public=public, seed=seed))


def refusals(result: Judged) -> set[str]:
    """Give the types of the expectations that block."""
    return {c.name.partition("(")[0] for c in result.checks if c.verdict != "PASS" and c.severity == "critical"}


def sabotage_table(asked: argparse.Namespace) -> Iterator[str]:
    """Give each sabotage's verdict, and what caught it."""
    yield "| table | sabotage | verdict | caught by the check that should | caught by |"
    yield "|---|---|---|---|---|"
    n, n_refused, n_right = 0, 0, 0
    for table in asked.tables.split(","):
        for seed in range(asked.seeds):
            parts = cut(asked.data / f"{table}.parquet", seed, asked.rows)
            for sabotage in SABOTAGES:
                copy = sabotage.spoil(parts.real, parts.honest, np.random.default_rng(seed))
                if copy is None:
                    continue
                is_private = any(RULES[name].group == "privacy" for name in sabotage.caught_by)
                result = judged(parts, copy, seed, attacks=is_private)
                found = refusals(result)
                right = bool(found & set(sabotage.caught_by))
                n, n_refused, n_right = n + 1, n_refused + (result.verdict == "FAIL"), n_right + right
                words = ", ".join(sorted(f.removeprefix("expect_") for f in found))
                yield f"| {table} | {sabotage.name} | {result.verdict} | {'yes' if right else '**no**'} | {words} |"
    yield f"\n{n_refused} of {n} refused, {n_right} by the check that should."


def honest_table(asked: argparse.Namespace) -> Iterator[str]:
    """Give how often real rows in the copy's place are refused, and by what."""
    yield "| table | rows | seeds | refused | abstained | by | seconds each |"
    yield "|---|---|---|---|---|---|---|"
    for table in asked.tables.split(","):
        path = asked.data / f"{table}.parquet"
        began = time.monotonic()
        jobs = [(path, seed, asked.rows, asked.attacks) for seed in range(asked.seeds)]
        with ProcessPoolExecutor(asked.processes) as pool:
            results = list(pool.map(_honest, jobs))
        seconds = (time.monotonic() - began) / max(len(jobs), 1) * asked.processes
        verdicts = Counter(verdict for verdict, _ in results)
        words = Counter(name for verdict, found in results if verdict == "FAIL" for name in found)
        by = ", ".join(f"{name.removeprefix('expect_')} {count}" for name, count in words.most_common())
        n = min(asked.rows, int(len(pd.read_parquet(path)) / (2 + HOLDOUT)))
        yield (
            f"| {table} | {n:,} | {asked.seeds} | {verdicts['FAIL']} ({verdicts['FAIL'] / asked.seeds:.1%}) "
            f"| {verdicts['ABSTAIN']} | {by} | {seconds:.1f} |"
        )


def _honest(job: tuple[Path, int, int, bool]) -> tuple[str, set[str]]:
    path, seed, most, attacks = job
    parts = cut(path, seed, most)
    result = judged(parts, parts.honest, seed, attacks=attacks)
    return result.verdict, refusals(result)
