"""The step that samples: a whole synthetic database from the night's models, parents first."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_ops.encode import TableCodec
from synth_ops.encode.categorical import is_text
from synth_ops.errors import CorruptArtifact, PlanError, WorkerFailed
from synth_ops.mint.pattern import Pattern
from synth_ops.mint.unique import as_array, draw_texts, without
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.plan.types import max_length
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
from synth_ops.relate import Draft, Frame, Relations, Scene, TableSpec, close, complete, sampling_order, start
from synth_ops.relate.flat import flat_name
from synth_ops.seeds import seed_of
from synth_ops.worker import JobSpec, run_job
from synth_ops.workspace import Workspace, read_record, sha256_of, staged, write_record
from synth_ops.workspace.models import model_folder

ROW_GROUP = 128 * 1024


def sample(workspace: Workspace, *, progress: Progress = no_progress, device: str = "auto") -> Sampled:
    """Sample every synthesised table and copy every copied one, and leave ``sampled.json``.

    Leaves one Parquet file a table under ``shared/``, in the source's types, whose foreign keys resolve.

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
        options={"inputs": night.inputs},
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
    for name in sampling_order(night.relations):
        made.add(night.plan.table(name))
    tables = tuple(made.write(t) for t in night.plan.tables if t.mode != "skip")
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
        return {n: _read_spec(f / "relations.json") for n, f in self.folders.items()}

    @cached_property
    def relations(self) -> Relations:
        """How the tables hang together, with the main keys that their models stand on."""
        n_rows = {t.name: t.n_rows for t in self.extracted.tables}
        mains = {name: spec.main.name if spec.main else None for name, spec in self.specs.items()}
        relations = Relations.of(self.plan, n_rows, mains=mains)
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
    """The synthetic database while it is made."""

    def __init__(self, spec: JobSpec, night: _Night, progress: Progress) -> None:
        self._spec, self._night, self._progress = spec, night, progress
        self._drafts: dict[str, Draft] = {}
        self._taken: dict[tuple[str, str], pa.ChunkedArray] = {}

    def add(self, table: TablePlan) -> None:
        """Sample one table and give it the parents that are there already."""
        self._tell(table, "sampling", 0.0)
        if table.mode == "copy":
            rows = pq.read_table(self._night.workspace.real(table.name), memory_map=True)
            self._drafts[table.name] = Draft.copied(table, rows)
            return
        spec = self._night.specs[table.name]
        schema = pq.read_schema(self._night.workspace.real(table.name))
        rng = self._rng("start", table.name)
        frame = start(table, spec, schema, self._drafts, rng)
        sampled = self._sample(table, spec, frame)
        draft = Draft(plan=table, schema=schema, n_rows=frame.n_rows, spec=spec)
        complete(draft, frame, sampled, self._scene("complete", table.name))
        self._drafts[table.name] = draft

    def write(self, table: TablePlan) -> SampledTable:
        """Give a table its last parents, and write it."""
        self._tell(table, "writing", 0.5)
        draft = self._drafts[table.name]
        finished = draft.finished() if table.mode == "copy" else close(draft, self._scene("close", table.name))
        path = self._night.workspace.synthetic(table.name)
        with staged(path) as part:
            pq.write_table(finished, part, compression="zstd", write_page_checksum=True, row_group_size=ROW_GROUP)
        self._tell(table, "written", 1.0)
        return SampledTable(name=table.name, path=str(path), n_rows=finished.num_rows, sha256=sha256_of(path))

    def _sample(self, table: TablePlan, spec: TableSpec, frame: Frame) -> pa.Table:
        """Ask the table's model for the columns that are not given."""
        from synth_ops.model import load_synthesizer  # torch is loaded in the worker, and nowhere else

        folder = self._night.folders[table.name]
        codec = TableCodec.from_json(json.loads((folder / "codec.json").read_text()))
        wanted = [c for c in spec.columns if c not in spec.context]
        if not wanted:
            return pa.table({})
        synthesizer = load_synthesizer(folder, device=self._spec.device)
        context = np.ascontiguousarray(codec.encode(frame.context, columns=spec.context)) if spec.context else None
        codes = synthesizer.sample(frame.n_rows, context=context, seed=self._seed("model", table.name))
        self._tell(table, "decoding", 0.4)
        rng = self._rng("decode", table.name)
        decoded = codec.decode(codes[:, synthesizer.n_context :], rng, columns=wanted)
        return self._redraw_real(table, codec, decoded, rng)

    def _redraw_real(
        self, table: TablePlan, codec: TableCodec, decoded: pa.Table, rng: np.random.Generator
    ) -> pa.Table:
        """Make up other texts where one is by chance a real one that the codec does not keep."""
        for column in table.table.columns:
            name = flat_name(column.name)
            pattern, kept = codec.made_up(name) if name in decoded.column_names else (None, ())
            if pattern is not None and is_text(decoded.column(name).type):
                private = _other_than(self._real(table.name, column.name), kept)
                values = redrawn(decoded.column(name), private, pattern, max_length(column), rng)
                decoded = decoded.set_column(decoded.column_names.index(name), decoded.field(name), values)
        return decoded

    def _scene(self, *words: str) -> Scene:
        return Scene(drafts=self._drafts, taken=self._real, rng=self._rng(*words))

    def _real(self, table: str, column: str) -> pa.ChunkedArray:
        """Read one real column, none of whose values may be minted."""
        if (table, column) not in self._taken:
            path = self._night.workspace.real(table)
            self._taken[table, column] = pq.read_table(path, columns=[column]).column(0)
        return self._taken[table, column]

    def _seed(self, *words: str) -> int:
        return seed_of(str(self._spec.seed), *words)

    def _rng(self, *words: str) -> np.random.Generator:
        return np.random.default_rng(self._seed(*words))

    def _tell(self, table: TablePlan, phase: str, done: float) -> None:
        self._progress(ProgressEvent(step="sample", table=table.name, phase=phase, done=done))


def _other_than(real: pa.ChunkedArray, kept: tuple[str, ...]) -> pa.Array:
    """Give the different real texts that are not kept."""
    return without(as_array(real, pa.string()), pa.array(kept, pa.string()))


def redrawn(
    values: pa.ChunkedArray, private: pa.Array, pattern: Pattern, max_length: int | None, rng: np.random.Generator
) -> pa.Array:
    """Put another made-up text in the place of each private one; an empty text tells of nobody."""
    texts = values.combine_chunks().cast(pa.string())
    private = without(private, pa.array([""]))
    chosen = pc.is_in(texts, value_set=private)  # a null is not in it
    n_chosen = pc.sum(chosen).as_py() or 0
    if not n_chosen:
        return values
    made = draw_texts(lambda n, extra: pattern.draw(n, rng, extra), n_chosen, max_length=max_length, taken=private)
    return pc.replace_with_mask(texts, chosen, made).cast(values.type)


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
