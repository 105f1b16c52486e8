"""The step that samples: a whole synthetic database from the night's models, parents first."""

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.decoding import PrivateTexts, TableModel
from synth_ops.errors import CorruptArtifact, PlanError, WorkerFailed
from synth_ops.names import file_stem
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import (
    Extracted,
    Progress,
    ProgressEvent,
    Record,
    Sampled,
    SampledTable,
    Trained,
    TrainedTable,
    no_progress,
)
from synth_ops.relate import (
    Chunk,
    Draft,
    Frame,
    Relations,
    Scene,
    TableSpec,
    close,
    complete,
    finished,
    keep,
    kept_of,
    make_chunk,
    mint_whole,
    sampling_order,
    start,
)
from synth_ops.relate.kept import own_key_columns
from synth_ops.relate.resolve import known_spec
from synth_ops.seeds import seed_of
from synth_ops.shards import CHUNK, chunks_of, in_order
from synth_ops.spending import is_budgeted
from synth_ops.spill import Spill, write_parquet
from synth_ops.worker import JobSpec, run_job
from synth_ops.workspace import Workspace, read_record, sha256_of, staged, write_record
from synth_ops.workspace.models import model_folder


def sample(
    workspace: Workspace, *, progress: Progress = no_progress, device: str = "auto", n_shards: int | None = None
) -> Sampled:
    """Sample every synthesised table and copy every copied one, and leave ``sampled.json``.

    Leaves one Parquet file a table under ``shared/``, in the source's types, whose foreign keys resolve. Rows come in
    chunks, each from a seed of its own, of which `n_shards` are made at a time, one a core by default: on a CPU the
    same bytes whatever their number.

    Raises:
        PlanError: there is nothing trained tonight.
        WorkerFailed: the worker died; run again.
    """
    night = _Night(workspace)
    done = read_record(workspace.record("sample"), Sampled)
    if done is not None and _is_complete(done, night):
        return done
    spec = JobSpec(
        job="sample",
        root=str(workspace.root),
        dataset=workspace.dataset,
        night=workspace.night,
        device=device,
        seed=seed_of("sample", night.plan.hash, night.extracted.fingerprint, workspace.night),
        options={"inputs": night.inputs} | ({"n_shards": n_shards} if n_shards else {}),
    )
    outcome = run_job(spec, progress=progress, still_holds=lambda r: _is_complete(Sampled.model_validate(r), night))
    record = Sampled.model_validate(outcome)
    if not _is_complete(record, night):
        raise WorkerFailed(
            f"Sampling must leave the files that it names, however some under {workspace.shared_night} are missing or"
            " altered. Free space on the disk if it is full, and run the same command again."
        )
    write_record(workspace.record("sample"), record)
    return record


def sample_job(spec: JobSpec, progress: Progress) -> Sampled:
    """Sample a whole database; runs in a worker."""
    started = time.monotonic()
    night = _Night(spec.workspace)
    made = _Making(spec, night, progress)
    try:
        for name in sampling_order(night.relations):
            made.add(night.plan.table(name))
        tables = tuple(made.write(t) for t in night.plan.tables if t.mode != "skip")
    finally:
        made.clean()
    return Sampled(night=spec.night, tables=tables, inputs=night.inputs, seconds=round(time.monotonic() - started, 3))


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class _Night:
    """What the steps before have left."""

    workspace: Workspace

    @cached_property
    def plan(self) -> Plan:
        return self._required(read_record(self.workspace.plan, Plan))

    @cached_property
    def extracted(self) -> Extracted:
        return self._required(read_record(self.workspace.record("extract"), Extracted))

    @cached_property
    def trained(self) -> Trained:
        return self._required(read_record(self.workspace.record("train"), Trained))

    @cached_property
    def folders(self) -> Mapping[str, Path]:
        """The folder of each synthesised table's model."""
        facts: Mapping[str, TrainedTable] = {t.name: t for t in self.trained.tables}
        names = [t.name for t in self.plan.tables if t.mode == "synthesize"]
        models = {n: facts[n].model_id for n in names if n in facts}
        missing = sorted(n for n in names if not models.get(n))
        if missing:
            raise PlanError(
                f"Every synthesised table must have a model, however {missing} have none on night"
                f" {self.workspace.night}. Run `synth-ops train` for the night first."
            )
        return {n: model_folder(self.workspace, n, str(models[n])) for n in names}

    @cached_property
    def specs(self) -> Mapping[str, TableSpec]:
        """What the models' nights knew of the keys, with tonight's rows: a table grows under a model that is reused."""
        return {n: self._of_tonight(_read_spec(f / "relations.json")) for n, f in self.folders.items()}

    def _of_tonight(self, spec: TableSpec) -> TableSpec:
        """Count the rows anew, unless their number is of what a budget was spent on."""
        if is_budgeted(self.plan, self.plan.table(spec.table)):
            return spec
        return spec.model_copy(update={"n_rows": self.n_rows[spec.table]})

    @cached_property
    def n_rows(self) -> Mapping[str, int]:
        """How many rows production has tonight, by table."""
        return {t.name: t.n_rows for t in self.extracted.tables}

    @cached_property
    def relations(self) -> Relations:
        """How the tables hang together, with the main keys that their models stand on."""
        mains = {name: spec.main.name if spec.main else None for name, spec in self.specs.items()}
        relations = Relations.of(self.plan, self.n_rows, mains=mains)
        changed = sorted(n for n, main in mains.items() if main != getattr(relations.table(n).main, "name", None))
        if changed:
            raise PlanError(
                f"The models of tables {changed} must stand on the foreign keys that the plan has, however they were"
                f" trained with others. Run `synth-ops train --tables {','.join(changed)}`, then sample again."
            )
        return relations

    @cached_property
    def inputs(self) -> str:
        """Sixteen hex digits over the plan, the data and the models."""
        models = {t.name: t.model_id for t in self.trained.tables}
        words = [self.plan.hash, self.extracted.fingerprint, models]
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:16]

    def _required(self, record: R | None) -> R:
        if record is None:
            raise PlanError(
                f"Sampling must follow training of the same night, however night {self.workspace.night} has none."
                f" Run `synth-ops train --night {self.workspace.night}` first, or `synth-ops refresh`."
            )
        return record


class _Making:
    """The synthetic database while it is made: of each table only what others need is held."""

    def __init__(self, spec: JobSpec, night: _Night, progress: Progress) -> None:
        self._spec, self._night, self._progress = spec, night, progress
        self._drafts: dict[str, Draft] = {}
        self._spills: dict[str, Spill] = {}
        self._written: dict[str, SampledTable] = {}
        self._taken: dict[tuple[str, str], pa.ChunkedArray] = {}

    def add(self, table: TablePlan) -> None:
        """Sample one table, give it the parents that are there already, and write it where it can have no others."""
        self._tell(table, "sampling", 0.0)
        schema = pq.read_schema(self._night.workspace.real(table.name))
        kept = kept_of(table.name, self._night.specs)
        if table.mode == "copy":
            keys = pq.read_table(self._night.workspace.real(table.name), columns=sorted(kept.columns), memory_map=True)
            self._drafts[table.name] = Draft.copied(table, keys, schema)
            return
        spec = self._night.specs[table.name]
        frame = start(table, spec, schema, self._drafts, self._rng("start", table.name))
        draft = Draft(table, schema, frame.n_rows, spec, kept, main_rows=frame.main_rows)
        mint_whole(draft, self._scene("mint", table.name))
        put_aside: list[Chunk] = []
        self._take(draft, self._chunks(draft, frame), put_aside)
        keep(draft, put_aside, self._rng("keep", table.name))
        complete(draft, self._scene("complete", table.name))
        self._drafts[table.name] = draft
        self._taken.clear()

    def _take(self, draft: Draft, chunks: Iterable[Chunk], put_aside: list[Chunk]) -> None:
        """Write the chunks, or let them wait on disk for their keys; put aside what is kept of them."""
        if not own_key_columns(known_spec(draft)):
            self._write(draft, _finished_at_once(draft, chunks, put_aside))
            draft.columns = {c: v for c, v in draft.columns.items() if c in draft.kept.columns}
            return
        spill = self._spills[draft.name] = Spill(self._spill_path(draft.name))
        for chunk in chunks:
            spill.add(chunk.rest)
            put_aside.append(replace(chunk, rest={}))

    def write(self, table: TablePlan) -> SampledTable:
        """Give a table its last parents, and write it."""
        draft = self._drafts[table.name]
        self._tell(table, "writing", 0.5)
        if table.mode == "copy":
            self._write(draft, _batches(self._night.workspace.real(table.name), draft.final_schema))
        elif table.name in self._spills:
            close(draft, self._scene("close", table.name))
            self._write(draft, _joined(draft, self._spills[table.name]))
            self._spills[table.name].delete()
        self._tell(table, "written", 1.0)
        return self._written[table.name]

    def clean(self) -> None:
        """Leave nothing on disk but tables."""
        for spill in self._spills.values():
            spill.delete()

    def _chunks(self, draft: Draft, frame: Frame) -> Iterator[Chunk]:
        """Make the chunks in order, several at a time where there are threads."""
        models = threading.local()
        private = PrivateTexts(lambda column: self._real(draft.name, column))
        seed = self._seed("rows", draft.name)

        def make(rows: range) -> Chunk:
            if not hasattr(models, "own"):
                folder = self._night.folders[draft.name]
                models.own = TableModel(folder, draft.plan, frame.spec, self._spec.device, private)
            sampled = models.own.sample(rows, frame.context(rows), seed=seed)
            return make_chunk(draft, frame, rows, sampled, seed=seed, taken=self._real)

        for chunk, rows in in_order(make, chunks_of(frame.n_rows), self._n_shards(frame.n_rows)):
            self._tell(draft.plan, "sampling", 0.5 * rows.stop / max(frame.n_rows, 1))
            yield chunk

    def _n_shards(self, n_rows: int) -> int:
        """Give how many chunks are made at a time."""
        asked = self._spec.options.get("n_shards")
        return min(int(asked or self._spec.n_threads), -(-n_rows // CHUNK) or 1)

    def _write(self, draft: Draft, tables: Iterable[pa.Table]) -> None:
        path = self._night.workspace.synthetic(draft.name)
        with staged(path) as part:
            n_rows = write_parquet(part, draft.final_schema, tables)
        self._written[draft.name] = SampledTable(name=draft.name, path=str(path), n_rows=n_rows, sha256=sha256_of(path))

    def _spill_path(self, table: str) -> Path:
        return self._night.workspace.work / f"sample-{file_stem(table)}.arrows"

    def _scene(self, *words: str) -> Scene:
        return Scene(drafts=self._drafts, taken=self._real, rng=self._rng(*words))

    def _real(self, table: str, column: str) -> pa.ChunkedArray:
        """Read one real column, none of whose values may be minted.

        Under a budget none is read: to avoid a value is to tell that it is there, and what is made up then follows from
        no row.
        """
        if (table, column) not in self._taken:
            path, planned = self._night.workspace.real(table), self._night.plan.table(table)
            rows = (
                pq.read_table(path, columns=[column]) if not is_budgeted(self._night.plan, planned) else _no_rows(path)
            )
            self._taken[table, column] = rows.column(column)
        return self._taken[table, column]

    def _seed(self, *words: str) -> int:
        return seed_of(str(self._spec.seed), *words)

    def _rng(self, *words: str) -> np.random.Generator:
        return np.random.default_rng(self._seed(*words))

    def _tell(self, table: TablePlan, phase: str, done: float) -> None:
        self._progress(ProgressEvent(step="sample", table=table.name, phase=phase, done=done))


def _finished_at_once(draft: Draft, chunks: Iterable[Chunk], kept: list[Chunk]) -> Iterator[pa.Table]:
    """Give the final rows of a table that no other has a say in, and put aside what others ask of it."""
    at = 0
    for chunk in chunks:
        kept.append(replace(chunk, rest={}))
        yield finished(draft, at, chunk.n_rows, {**chunk.rest, **chunk.columns})
        at += chunk.n_rows


def _joined(draft: Draft, spill: Spill) -> Iterator[pa.Table]:
    """Give the final rows of a table: what waited on disk beside its keys."""
    left = np.ones(draft.n_rows, dtype=bool) if draft.left is None else draft.left
    at = 0
    for rows, rest in zip(chunks_of(len(left)), spill.chunks(), strict=False):  # of no columns, chunks never end
        chosen = left[rows.start : rows.stop]
        n_left = int(chosen.sum())
        columns = rest if n_left == len(rows) else {c: v.filter(pa.array(chosen)) for c, v in rest.items()}
        yield finished(draft, at, n_left, columns)
        at += n_left


def _no_rows(path: Path) -> pa.Table:
    """Give a file's columns without its rows."""
    return pq.read_schema(path).empty_table()


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Give the rows of a file in that schema, a group at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK, columns=schema.names):
            yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)


def _read_spec(path: Path) -> TableSpec:
    spec = read_record(path, TableSpec)
    if spec is None:
        raise CorruptArtifact(
            f"{path} must be there beside its model, however it is missing. Delete the model's folder and run again:"
            " the table will be trained anew."
        )
    return spec


def _is_complete(record: Sampled, night: _Night) -> bool:
    """Tell whether every table's file is there and unaltered."""
    names = {t.name for t in night.plan.tables if t.mode != "skip"}
    same = record.inputs == night.inputs and {t.name for t in record.tables} == names
    return same and all(_is_file(t) for t in record.tables)


def _is_file(table: SampledTable) -> bool:
    path = Path(table.path)
    return path.is_file() and sha256_of(path) == table.sha256
