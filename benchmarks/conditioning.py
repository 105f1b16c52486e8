"""Rows of which some columns are given, beside rows drawn whole: what being told costs in fidelity.

usage: python benchmarks/conditioning.py --judge EVALUATE.py TABLE.parquet [TABLE.parquet ...] [--time-budget SECONDS]

One VAE of each table draws as many rows as it learned from: whole; with a random half of each row's columns given, the
choice another for each row; with the column that is read last given; and with all but the one that is read first. What
is given are codes of real rows that it has not seen, so a copy in which all follow from what is given as they do in
production is judged like one drawn whole, or better: half of it is real.
"""

# ruff: noqa: TID253 — a model is what is measured

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from generators.judge import judge_table
from generators.tables import Split, split
from numpy.typing import NDArray

from synth_ops.encode import FitRules, TableCodec
from synth_ops.model import Given, Neural, TrainingConfig, fit_synthesizer

FIGURES = ("c2st", "shape", "trend", "pair", "mle")
SHARE = 0.5
"""Of columns that are given, where they are chosen at random."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--time-budget", type=float, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"| table | given | rows/s | {' | '.join(FIGURES)} |\n|{'---|' * (3 + len(FIGURES))}", flush=True)
    config = TrainingConfig(seed=args.seed).within(args.time_budget)
    for table in args.tables:
        with tempfile.TemporaryDirectory() as folder:
            _judge_given(split(table, Path(folder)), args.judge, config)


def _judge_given(parts: Split, judge: Path, config: TrainingConfig) -> None:
    rows = pq.read_table(parts.train)
    codec = TableCodec.fit(rows, {}, FitRules(seed=config.seed))
    model, _ = fit_synthesizer("vae", codec.encode(rows), codec.layout, 0, config)
    if not isinstance(model, Neural):
        raise TypeError(parts.name)
    held = codec.encode(pq.read_table(parts.holdout))
    asked = held[np.random.default_rng(config.seed).integers(0, len(held), len(rows))]
    copy = parts.train.parent / "copy.parquet"
    for name, is_given in _choices(codec, model, len(rows)):
        started = time.perf_counter()
        given = Given(asked, is_given) if is_given.any() else None
        drawn = model.sample(len(rows), context=None, seed=1, given=given)
        seconds = time.perf_counter() - started
        pq.write_table(codec.decode(drawn, np.random.default_rng(2)), copy)
        figures, _ = judge_table(judge, parts, copy)
        told = " | ".join(f"{figures[figure]:.4f}" for figure in FIGURES)
        print(f"| {parts.name} | {name} | {len(rows) / seconds:,.0f} | {told} |", flush=True)


def _choices(codec: TableCodec, model: Neural, n_rows: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give what is given, ``(n_rows, n_sub_columns)``, by name; all sub-columns of a column together."""
    layout, columns = codec.layout, codec.columns
    owner = np.array([columns.index(s.column) for s in layout.sub_columns])
    read = list(dict.fromkeys(owner[model.order].tolist()))
    every = np.ones((n_rows, 1), np.bool_)
    yield "nothing", every & np.zeros(len(owner), np.bool_)
    yield "half of each row", (np.random.default_rng(3).random((n_rows, len(columns))) < SHARE)[:, owner]
    yield "the column read last", every & (owner == read[-1])
    yield "all but the column read first", every & (owner != read[0])


if __name__ == "__main__":
    main()
