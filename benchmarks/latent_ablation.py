"""What a latent is worth to the VAE: none, a Gaussian one, and a discrete one that is read before all columns.

usage: python benchmarks/latent_ablation.py --judge EVALUATE.py TABLE.parquet [TABLE.parquet ...] [--visits N]

The discrete latent is the cluster of a row (k-means on what the columns hold), learned as one more column, the first in
reading order, and left out of the copy: the mixture of autoregressive models whose components are told beforehand. With
`--rows` the tables are cut, to see whether a latent serves where rows are few. A markdown table comes out; the judge is
called as by `benchmarks/generators`, and nats are those of held-out rows, in the discrete case of row and cluster.
"""

# ruff: noqa: TID253 — networks and their training are what is measured

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from generators.judge import judge_table
from generators.tables import Split, split
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from synth_ops.encode import FitRules, TableCodec
from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model import Neural, TrainingConfig
from synth_ops.model.marginals import count_codes
from synth_ops.model.order import reading_order, reordered
from synth_ops.model.training import train
from synth_ops.model.vae import VAE

FIGURES = ("c2st", "shape", "trend", "pair", "mle", "dcr")
N_CLUSTERS, D_LATENT = 64, 16
Codes = NDArray[np.int32]
Clusters = Callable[[Codes], Codes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--visits", type=int, default=600_000)
    parser.add_argument("--rows", type=int, help="rows to learn from at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(
        f"| table | rows | latent | CPU s | nats | {' | '.join(FIGURES)} |\n|{'---|' * (5 + len(FIGURES))}", flush=True
    )
    config = TrainingConfig(seed=args.seed, max_row_visits=args.visits, n_epochs=10**6)
    for table in args.tables:
        with tempfile.TemporaryDirectory() as folder:
            parts = split(table, Path(folder))
            if args.rows is not None:
                pq.write_table(pq.read_table(parts.train).slice(0, args.rows), parts.train)
            _judge_latents(parts, args.judge, config)


def _judge_latents(parts: Split, judge: Path, config: TrainingConfig) -> None:
    rows = pq.read_table(parts.train)
    codec = TableCodec.fit(rows, {}, FitRules(seed=config.seed))
    codes, held = codec.encode(rows), codec.encode(pq.read_table(parts.holdout))
    copy = parts.train.parent / "copy.parquet"
    floor: Mapping[str, float] = {}
    for name, d_latent, clusters in (
        ("none", 0, None),
        (f"Gaussian, {D_LATENT}", D_LATENT, None),
        (f"discrete, {N_CLUSTERS}", 0, _clusters_of(codec.layout, codes, config.seed)),
    ):
        network = config.network.model_copy(update={"d_latent": d_latent})
        started = time.process_time()
        model = _fit(codec.layout, codes, config.model_copy(update={"network": network}), clusters)
        seconds = time.process_time() - started
        nats = -model.log_likelihood(held if clusters is None else clusters(held), seed=0).mean()
        drawn = model.sample(len(codes), context=None, seed=1)[:, -codes.shape[1] :]
        pq.write_table(codec.decode(drawn, np.random.default_rng(2)), copy)
        figures, floor = judge_table(judge, parts, copy)
        told = " | ".join(f"{figures[figure]:.4f}" for figure in FIGURES)
        print(f"| {parts.name} | {len(codes):,} | {name} | {seconds:.0f} | {nats:.3f} | {told} |", flush=True)
    told = " | ".join(f"{floor[figure]:.4f}" for figure in FIGURES)
    print(f"| {parts.name} | {len(codes):,} | (held-out real rows) | | | {told} |", flush=True)


def _fit(layout: Layout, codes: Codes, config: TrainingConfig, clusters: Clusters | None) -> Neural:
    order = reading_order(layout, 0)
    if clusters is not None:
        shifted = [
            s.model_copy(update={"within": None if s.within is None else s.within + 1}) for s in layout.sub_columns
        ]
        layout = Layout(sub_columns=(SubColumn(column="@cluster", part="value", size=N_CLUSTERS), *shifted))
        codes, order = clusters(codes), (0, *(i + 1 for i in order))
    rows, read = torch.from_numpy(codes[:, order].astype(np.int64)), reordered(layout, order)
    torch.manual_seed(config.seed)
    network = VAE(read, count_codes(rows, read), 0, config.network)
    network.start(rows)
    train(network, rows, config)
    return Neural("vae", network, layout, 0, config.network, order)


def _clusters_of(layout: Layout, codes: Codes, seed: int) -> Clusters:
    """Give what puts each row's cluster before its codes."""
    commonest = [np.bincount(codes[:, i], minlength=size).argsort()[::-1][:20] for i, size in enumerate(layout.sizes)]

    def features(rows: Codes) -> NDArray[np.float32]:
        parts = []
        for i, sub_column in enumerate(layout.sub_columns):
            if sub_column.ordinal:
                sorted_codes = np.sort(codes[:, i])
                parts.append(np.searchsorted(sorted_codes, rows[:, i])[:, None] / len(sorted_codes) * 2)
            else:
                parts.append(rows[:, i, None] == commonest[i])
        return np.hstack(parts).astype(np.float32)

    means = MiniBatchKMeans(N_CLUSTERS, random_state=seed, n_init=3).fit(features(codes))
    return lambda rows: np.hstack([means.predict(features(rows)).astype(np.int32)[:, None], rows])


if __name__ == "__main__":
    main()
