"""What the critic is worth: a GAN judged before its adversarial finish, after it, and after as many rows without it.

usage: python benchmarks/gan_ablation.py --judge EVALUATE.py TABLE.parquet [TABLE.parquet ...] [--visits N] [--seed S]

All three share one training by likelihood and are sampled with the same seed. A markdown table comes out; the judge is
called as by `benchmarks/generators`. Seconds are of this process's CPU, so that a shared machine does not tell.
"""

# ruff: noqa: TID253 — networks and their training are what is measured

import argparse
import copy
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from generators.judge import Figures, judge_table
from generators.tables import Split, split

from synth_ops.encode import FitRules, TableCodec
from synth_ops.model import Neural, TrainingConfig
from synth_ops.model.gan import GAN
from synth_ops.model.marginals import count_codes
from synth_ops.model.order import reading_order, reordered
from synth_ops.model.trainable import Trainable
from synth_ops.model.training import train

FIGURES = ("c2st", "shape", "trend", "pair", "mle", "dcr")


@dataclass(frozen=True)
class Stage:
    """A GAN at one point of its training."""

    name: str
    network: GAN
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--visits", type=int, default=TrainingConfig().max_row_visits)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"| table | trained by | CPU s | {' | '.join(FIGURES)} |\n|{'---|' * (3 + len(FIGURES))}")
    config = TrainingConfig(seed=args.seed, max_row_visits=args.visits)
    for table in args.tables:
        with tempfile.TemporaryDirectory() as folder:
            _judge_stages(split(table, Path(folder)), args.judge, config)


def _judge_stages(parts: Split, judge: Path, config: TrainingConfig) -> None:
    rows = pq.read_table(parts.train)
    codec = TableCodec.fit(rows, {}, FitRules(seed=config.seed))
    codes = codec.encode(rows)
    order = reading_order(codec.layout, 0)
    floor: Figures = {}
    for stage in _stages(torch.from_numpy(codes[:, order].astype(np.int64)), codec, order, config):
        model = Neural("gan", stage.network, codec.layout, 0, config.network, order)
        copied = codec.decode(model.sample(len(codes), context=None, seed=1), np.random.default_rng(2))
        pq.write_table(copied, parts.train.parent / "copy.parquet")
        figures, floor = judge_table(judge, parts, parts.train.parent / "copy.parquet")
        told = " | ".join(f"{figures[name]:.4f}" for name in FIGURES)
        print(f"| {parts.name} | {stage.name} | {stage.seconds:.0f} | {told} |", flush=True)
    print(f"| {parts.name} | (held-out real rows) | | {' | '.join(f'{floor[name]:.4f}' for name in FIGURES)} |")


def _stages(rows: torch.Tensor, codec: TableCodec, order: tuple[int, ...], config: TrainingConfig) -> Iterator[Stage]:
    layout = reordered(codec.layout, order)
    torch.manual_seed(config.seed)
    network = GAN(layout, count_codes(rows, layout), 0, config.network)
    network.start(rows)
    learned = _seconds_of(network, rows, config)
    yield Stage("likelihood", network, learned)
    alone = copy.deepcopy(network)
    follows = network.to_follow(layout, config)
    if follows is None:
        return
    finish, course = follows
    yield Stage("likelihood, then a critic", network, learned + _seconds_of(finish, rows, course))
    yield Stage("likelihood, as many rows", alone, learned + _seconds_of(alone, rows, course))


def _seconds_of(network: Trainable, rows: torch.Tensor, config: TrainingConfig) -> float:
    started = time.process_time()
    train(network, rows, config)
    return time.process_time() - started


if __name__ == "__main__":
    main()
