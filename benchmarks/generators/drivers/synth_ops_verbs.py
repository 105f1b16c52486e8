"""Fit and sample by the verbs of a night, as ``synth-ops copy`` does, with the seconds of each."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from generators.drivers.contract import Order, answer, read_order
from synth_ops.errors import WorkerFailed
from synth_ops.records import Progress, Sampled
from synth_ops.worker import JobSpec, run_job

NIGHT = "2000-01-01"
BENCHMARKS = Path(__file__).resolve().parents[2]
"""Where a worker finds this module."""


def main() -> None:
    order = read_order()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            _fit_and_sample(order, Path(scratch))
        except WorkerFailed:
            for log in Path(scratch).rglob("*.log"):  # it would go with the folder
                sys.stderr.write(log.read_text(encoding="utf-8"))
            raise


def _fit_and_sample(order: Order, folder: Path) -> None:
    from synth_ops import __version__
    from synth_ops.plan import load_config
    from synth_ops.refresh import take_step, workspace_of

    watch = order.watch()
    config = load_config(_write_project(folder, order))
    take_step("extract", config, NIGHT)
    take_step("train", config, NIGHT)
    watch.lap("fit")
    workspace = workspace_of(config, NIGHT)
    job = f"generators.drivers.{Path(__file__).stem}:sample_warm"
    spec = JobSpec(job=job, root=str(workspace.root), dataset=workspace.dataset, night=NIGHT, seed=0)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    sampled = Sampled.model_validate(run_job(spec))
    shutil.copyfile(sampled.tables[0].path, order.synthetic)
    answer(__version__, sampled.tables[0].n_rows, watch.laps | {"sample": sampled.seconds})


def sample_warm(spec: JobSpec, progress: Progress) -> Sampled:
    """Sample in a worker that has imported torch already, as a peer has that fitted in the same process."""
    import synth_ops.model  # noqa: F401 — for its effect
    from synth_ops.sample import sample_job

    return sample_job(spec, progress)


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


if __name__ == "__main__":
    main()
