"""Rows a second and peak memory of one table sampled to Parquet, at growing numbers of rows.

usage: python benchmarks/sampling.py [--rows 1e6 4e6 16e6] [--shards N ...] [--device cpu] [--hidden N]

Trains a model of fifteen columns for one epoch, for neither speed nor memory depends on what it has learned, and has
a worker sample each number of rows. The peak at the most rows may be 1.1 times that at four million, or at the fewest
of more, and no more; all shards must leave the same bytes on a CPU. Beside it: what a million rows spend in the model,
on decoding, and on writing, in one thread. A network of few `--hidden` units shows the memory of many rows sooner.
"""

import argparse
import json
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Run, run

from synth_ops.decoding import PrivateTexts, TableModel
from synth_ops.encode import FitRules, TableCodec
from synth_ops.plan.plan import ColumnPlan, Plan, Privacy, TablePlan
from synth_ops.records import Extracted, ExtractedTable, Sampled, Trained, TrainedTable
from synth_ops.relate import Relations, augment
from synth_ops.schema import Column, Table
from synth_ops.shards import CHUNK, chunks_of
from synth_ops.spill import write_parquet
from synth_ops.worker.spec import JobResult, JobSpec
from synth_ops.workspace import Workspace, read_record, write_record, write_text
from synth_ops.workspace.models import model_folder, staged_model

NIGHT = "2026-01-01"
N_TRAINED = 50_000
FLAT = 1.1
"""Times the peak of fewer rows that the peak of more may be."""
FEW = 4_000_000
"""Rows from which on memory must not grow."""


def main() -> None:
    """Train, sample and print; exit with 1 where memory grows or shards differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 4e6, 16e6])
    parser.add_argument("--shards", type=int, nargs="+", default=[1])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--hidden", type=int, help="hidden units of the network; as in a refresh by default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch), "bench", NIGHT).prepare()
        plan, model_id = _train(workspace, args.hidden)
        _print_parts(workspace, plan.tables[0], model_id)
        print(f"{'rows':>12s} {'shards':>6s} {'seconds':>8s} {'rows/s':>9s} {'peak MB':>8s} {'file MB':>8s}")
        peaks: dict[int, float] = {}
        digests: dict[int, set[str]] = {}
        for n_rows, n_shards in product(map(int, args.rows), args.shards):
            done, record = _sample(workspace, plan, n_rows, n_shards, args.device)
            seconds, size = record.seconds, Path(record.tables[0].path).stat().st_size / 1e6
            print(f"{n_rows:>12,d} {n_shards:>6d} {seconds:>8.1f} {n_rows / seconds:>9,.0f}"
                  f" {done.peak_gb * 1000:>8.0f} {size:>8.0f}", flush=True)  # fmt: skip
            peaks[n_rows] = max(done.peak_gb, peaks.get(n_rows, 0.0))
            digests.setdefault(n_rows, set()).add(record.tables[0].sha256)
    sys.exit(int(not _is_flat(peaks) or (args.device == "cpu" and any(len(d) > 1 for d in digests.values()))))


def _is_flat(peaks: dict[int, float]) -> bool:
    many = sorted(n for n in peaks if n >= FEW)
    growth = peaks[many[-1]] / peaks[many[0]] if many else 1.0
    print(f"peak at {many[-1]:,d} rows / peak at {many[0]:,d}: {growth:.3f}   limit {FLAT}" if many else "too few rows")
    return growth <= FLAT


def _rows() -> pa.Table:
    """Make fifteen columns of all kinds, which depend on one another a little."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=N_TRAINED)

    def categories(n: int) -> list[str]:
        place = (hidden + rng.normal(size=N_TRAINED)).argsort().argsort() * n // N_TRAINED
        return [f"{n}-{i}" for i in place]

    second = (1.7e9 + 3e7 * rng.random(N_TRAINED)).astype(np.int64)
    columns = {
        "id": np.arange(N_TRAINED),
        **{f"category_{n}": categories(n) for n in (2, 5, 12, 40, 400)},
        "age": (45 + 12 * hidden + rng.normal(size=N_TRAINED)).round().astype(np.int64),
        "hours": rng.integers(0, 60, N_TRAINED),
        "income": np.exp(10 + hidden).round(2),
        "score": hidden + rng.normal(size=N_TRAINED),
        "noise": rng.normal(size=N_TRAINED),
        "paid": pa.array(rng.random(N_TRAINED), mask=hidden > 1),
        "member": hidden > 0,
        "seen": pa.array(second, pa.timestamp("s")),
        "born": pa.array((second // 86_400).astype(np.int32), pa.date32()),
    }
    return pa.table(columns)


def _plan(rows: pa.Table, n_rows: int) -> Plan:
    columns = tuple(
        Column(name=f.name, source_type=str(f.type), arrow_type=str(f.type), nullable=f.name != "id")
        for f in rows.schema
    )
    fates = tuple(ColumnPlan(name=c.name, fate="mint" if c.name == "id" else "learn", reason="bench") for c in columns)
    table = Table(name="t", columns=columns, primary_key=("id",))
    planned = TablePlan(name="t", rows=n_rows, columns=fates, table=table)
    privacy = Privacy(rare_below=10)
    return Plan(dataset="bench", source="", publish="", expectations="", privacy=privacy, tables=(planned,))


def _train(workspace: Workspace, n_hidden: int | None) -> tuple[Plan, str]:
    from synth_ops.model import NetworkConfig, TrainingConfig, fit_synthesizer  # loads torch

    network = NetworkConfig(d_hidden=n_hidden) if n_hidden else NetworkConfig()
    config = TrainingConfig(n_epochs=1, network=network)
    rows = _rows()
    plan = _plan(rows, N_TRAINED)
    pq.write_table(rows, workspace.real("t"))
    found = ExtractedTable(name="t", path=str(workspace.real("t")), n_rows=N_TRAINED, fingerprint="t")
    write_record(workspace.record("extract"), Extracted(night=NIGHT, tables=(found,), fingerprint="f", seconds=0.0))
    seen = augment(plan, "t", {"t": rows}, Relations.of(plan, {"t": N_TRAINED}))
    codec = TableCodec.fit(seen.table, seen.kinds, FitRules(rare_below=10, seed=0))
    codes = np.ascontiguousarray(codec.encode(seen.table))
    synthesizer, _ = fit_synthesizer("vae", codes, codec.layout, 0, config, device="cpu")
    with staged_model(workspace, "t") as staged:
        synthesizer.save(staged.folder)
        write_text(staged.folder / "codec.json", json.dumps(codec.to_json()))
        write_record(staged.folder / "relations.json", seen.spec)
    trained = TrainedTable(name="t", decision="retrain", reason="bench", model_id=staged.model_id)
    write_record(workspace.record("train"), Trained(night=NIGHT, tables=(trained,), seconds=0.0))
    return plan, staged.model_id


def _sample(workspace: Workspace, plan: Plan, n_rows: int, n_shards: int, device: str) -> tuple[Run, Sampled]:
    planned = plan.tables[0].model_copy(update={"rows": n_rows})
    write_record(workspace.plan, plan.model_copy(update={"tables": (planned,)}))
    spec = JobSpec(
        job="sample",
        root=str(workspace.root),
        dataset="bench",
        night=NIGHT,
        device=device,
        seed=1,
        options={"n_shards": n_shards},
    )
    spec_path, result_path = workspace.work / "spec.json", workspace.work / "result.json"
    write_record(spec_path, spec)
    done = run([sys.executable, "-m", "synth_ops", "worker", str(spec_path), str(result_path)])
    outcome = read_record(result_path, JobResult)
    if done.return_code or outcome is None:
        sys.exit(f"Sampling must end in a record, however the worker ended with code {done.return_code}.")
    return done, Sampled.model_validate(outcome.result)


def _print_parts(workspace: Workspace, table: TablePlan, model_id: str, n_rows: int = 1_000_000) -> None:
    """Time the model, decoding, and writing of so many rows, each alone and in one thread."""
    from synth_ops.model import load_synthesizer  # loads torch
    from synth_ops.model.threads import one_thread  # as above

    folder = model_folder(workspace, "t", model_id)
    seen = Relations.of(_plan(pq.read_table(workspace.real("t")), n_rows), {"t": n_rows})
    spec = augment(_plan(pq.read_table(workspace.real("t")), n_rows), "t", {"t": _rows()}, seen).spec
    model = TableModel(folder, table, spec, "cpu", PrivateTexts(lambda c: pq.read_table(workspace.real("t"))[c]))
    synthesizer = load_synthesizer(folder, device="cpu")
    rng = np.random.default_rng(0)
    with one_thread():
        started = time.perf_counter()
        codes = [synthesizer.sample(len(c), context=None, seed=c.start) for c in chunks_of(n_rows)]
        sampled = time.perf_counter()
    tables = [model.codec.decode(c, rng) for c in codes]
    decoded = time.perf_counter()
    write_parquet(workspace.work / "t.parquet", tables[0].schema, tables)
    written = time.perf_counter()
    print(f"{n_rows:,d} rows in chunks of {CHUNK:,d}: model {sampled - started:.1f} s, decoding"
          f" {decoded - sampled:.1f} s, writing {written - decoded:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
