"""The worker's half of training under a privacy budget: it is paid for before the first row is read.

Nothing of this reads a row but through noisy counts and noisy gradients. What the model's folder holds follows from
them; so do the record and what is told of progress.
"""

import json
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.encode.noisy import NoisyCodec, NoisyRules, fit_noisy_codec
from synth_ops.holdout import look_whose
from synth_ops.learning_rows import reader_of
from synth_ops.narrow import narrow_codes
from synth_ops.plan import Plan, TablePlan
from synth_ops.privacy.budget import Spending, budget_of, learned_columns, spending_of
from synth_ops.privacy.counting import NoisyCounter
from synth_ops.privacy.ledger import Charge
from synth_ops.privacy.noise import NoiseSource, noise_secret
from synth_ops.records import Losses, Progress, ProgressEvent, TrainedTable
from synth_ops.relate import Augmented, augment_privately
from synth_ops.spending import ledger_of
from synth_ops.worker import JobSpec
from synth_ops.workspace import make_salt, write_record, write_text
from synth_ops.workspace.models import staged_model

if TYPE_CHECKING:
    from synth_ops.model import Synthesizer
    from synth_ops.model import Trained as Ended


def train_privately(spec: JobSpec, progress: Progress, plan: Plan, started: float) -> TrainedTable:
    """Train one table's model within its budget; runs in a worker.

    Raises:
        LedgerBroken: the ε ledger is not as it was written.
        PlanError: the training was not reserved in it.
    """
    job = _Job(spec, progress, plan, started)
    job.pay()
    rows = pq.read_table(spec.workspace.real(job.table.name))
    counter = NoisyCounter(job.spending.counts.noise, job.spending.n_histograms, job.noise.generator("counts"))
    augmented = _augmented(job, rows, counter)
    fitted = _fitted(job, augmented, counter)
    synthesizer, ended = _fit(job, augmented, fitted)
    with staged_model(spec.workspace, job.table.name) as staged:
        synthesizer.save(staged.folder)
        write_text(staged.folder / "codec.json", json.dumps(fitted.codec.to_json()))
        write_record(staged.folder / "relations.json", augmented.spec)
        write_record(staged.folder / "losses.json", Losses(points=()))
    return TrainedTable(
        name=job.table.name,
        decision="retrain",
        reason=spec.options["reason"],
        model_id=staged.model_id,
        n_rows=job.n_learned(augmented),
        n_epochs=ended.n_epochs,
        seconds=round(time.monotonic() - started, 3),
        stopped_by=ended.stopped_by,
    )


class _Job:
    """One table's training, and what is paid for it."""

    def __init__(self, spec: JobSpec, progress: Progress, plan: Plan, started: float) -> None:
        self.spec, self.progress, self.plan, self.started = spec, progress, plan, started
        self.table: TablePlan = plan.table(str(spec.table))
        self.spending: Spending = spending_of(plan, self.table)
        self.run, self.key = spec.options["charge"]
        self.noise = NoiseSource(noise_secret(spec.workspace), self.run, self.key)

    def pay(self) -> None:
        """Charge the training, once."""
        delta = budget_of(self.plan.privacy)[1]
        charge = Charge(run=self.run, key=self.key, mechanisms=self.spending.mechanisms, delta=delta)
        ledger_of(self.spec.workspace, self.table.name).charge(charge)

    def n_learned(self, augmented: Augmented) -> int:
        """Give the noisy number of rows that are learned from."""
        return round(augmented.spec.n_rows * (1 - self.plan.privacy.holdout))


def _augmented(job: _Job, rows: pa.Table, counter: NoisyCounter) -> Augmented:
    job.progress(ProgressEvent(step="train", table=job.table.name, phase="encode"))
    workspace, name = job.spec.workspace, job.table.name
    whose = look_whose(job.plan, name, rows, reader_of(workspace, {name: rows}), make_salt(workspace))
    return augment_privately(job.plan, name, rows, counter, keep=~whose.held_out)


def _fitted(job: _Job, augmented: Augmented, counter: NoisyCounter) -> NoisyCodec:
    failure = job.spending.failure.delta / max(1, len(learned_columns(job.table)))
    rules = NoisyRules(counter, failure, job.plan.privacy.rare_below)
    return fit_noisy_codec(augmented.table, augmented.kinds, rules)


def _fit(job: _Job, augmented: Augmented, fitted: NoisyCodec) -> tuple["Synthesizer", "Ended"]:
    from synth_ops.model.config import PrivateConfig  # torch is loaded in the worker, and nowhere else
    from synth_ops.model.private import PrivateSeeds, fit_privately

    def watch(done: float, eta_seconds: float) -> None:
        job.progress(
            ProgressEvent(
                step="train",
                table=job.table.name,
                phase="epoch",
                done=round(done, 4),
                eta_seconds=round(eta_seconds, 1),
            )
        )

    noise = job.noise
    return fit_privately(
        narrow_codes(fitted.codec, augmented.table),
        fitted.codec.layout,
        fitted.counts,
        job.spending.gradients,
        PrivateConfig(time_budget_seconds=job.table.time_budget_seconds),
        n_rows=job.n_learned(augmented),
        seeds=PrivateSeeds(noise.seed("weights"), noise.seed("samples"), noise.seed("gradients")),
        device=job.spec.device,
        checkpoint=job.spec.workspace.work / f"{job.spec.stem}.checkpoint",
        watch=watch,
        began=job.started,
    )
