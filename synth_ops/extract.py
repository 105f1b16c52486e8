"""Read tonight's rows: every table in one consistent transaction, and the plan resolved against what was found."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import OutsideError, SchemaChanged, SynthOpsError
from synth_ops.fingerprint import Fingerprint, fingerprint
from synth_ops.personal import Sampler, refuse_unsettled, sample_file, suspects_among, unsettled
from synth_ops.plan import Config, newest_plan, resolve
from synth_ops.plan.plan import Plan
from synth_ops.privacy.noise import noise_secret
from synth_ops.records import Extracted, ExtractedTable, Progress, ProgressEvent, Suspect, no_progress
from synth_ops.schema import Database, Table
from synth_ops.settings import expand
from synth_ops.source import Source, open_source
from synth_ops.workspace import Workspace, read_record, staged, write_record

__all__ = ["extract", "fingerprint"]

ROW_GROUP = 131_072
"""Rows of one Parquet row group, two batches: what is held in memory while writing."""
_FINGERPRINT = b"synth_ops.fingerprint"


def extract(
    config: Config, workspace: Workspace, *, progress: Progress = no_progress, accept_schema: bool = False
) -> Extracted:
    """Leave private Parquet of every table that the plan does not skip, and the plan.

    What is there already, whole and of the same source, is not read again; the plan is resolved anew all the same,
    so that a change of synth.yaml takes hold.

    Raises:
        SchemaChanged: a type differs from the last extracted night's, or what synth.yaml names is gone.
        PersonalFound: a column that is learned by default looks personal. What was read is kept: once synth.yaml says
            what becomes of it, nothing is read again.
        SourceError: the source did not answer.
        OutsideError: the workspace cannot be written.
    """
    with _writing(workspace.private_night):
        workspace.prepare()
    record = _resume(config, workspace) or _read_all(config, workspace, progress, accept_schema=accept_schema)
    refuse_unsettled(record.suspects, config.marked.file)
    return record


def _read_all(config: Config, workspace: Workspace, progress: Progress, *, accept_schema: bool) -> Extracted:
    """Read the source once, the plan last but one, the record last."""
    started = time.monotonic()
    workspace.record("extract").unlink(missing_ok=True)
    for part in workspace.real("any").parent.glob(".*.part"):  # what a killed run left half written
        part.unlink(missing_ok=True)
    with open_source(expand(config.source)) as source:
        progress(ProgressEvent(step="extract", phase="reading the schema"))
        database = source.database()
        if not accept_schema:
            _compare(config, newest_plan(workspace.earlier_nights()), database)
        plan = resolve(config, database)
        wanted = [t for t in plan.tables if t.mode != "skip"]
        samplers = {t.name: Sampler(unsettled(config, t)) for t in wanted}
        tables = tuple(_read_table(source, t.table, workspace, progress, samplers[t.name]) for t in wanted)
    record = Extracted(
        night=workspace.night,
        tables=tables,
        fingerprint=_whole(tables, workspace, plan),
        suspects=suspects_among(samplers, wanted),
        seconds=time.monotonic() - started,
    )
    with _writing(workspace.plan):
        write_record(workspace.plan, plan)
        write_record(workspace.record("extract"), record)
    return record


def _read_table(
    source: Source, table: Table, workspace: Workspace, progress: Progress, sampler: Sampler
) -> ExtractedTable:
    """Stream one table into its private file; on the way it is sampled, and its fingerprint taken for the footer."""
    running = Fingerprint(table)
    path = workspace.real(table.name)
    n_rows, n_expected = 0, source.n_rows(table)
    with _writing(path), staged(path) as part, _parquet(part, arrow_schema(table)) as writer:
        for batch in _grouped(source.batches(table), arrow_schema(table)):
            running.update(batch)
            sampler.update(batch)
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            n_rows += batch.num_rows
            done = min(n_rows / n_expected, 1.0) if n_expected else 0.0
            progress(ProgressEvent(step="extract", table=table.name, phase="reading", done=done, rows=n_rows))
        writer.add_key_value_metadata({_FINGERPRINT.decode(): running.hexdigest()})
    progress(ProgressEvent(step="extract", table=table.name, phase="read", done=1.0, rows=n_rows))
    return ExtractedTable(name=table.name, path=str(path), n_rows=n_rows, fingerprint=running.hexdigest())


def _grouped(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Join small batches to whole row groups, so that a file's bytes do not depend on the driver's batches."""
    held: list[pa.RecordBatch] = []
    n_held = 0
    for batch in batches:
        held.append(batch)
        n_held += batch.num_rows
        while n_held >= ROW_GROUP:
            whole = pa.Table.from_batches(held, schema)
            yield from _one(whole.slice(0, ROW_GROUP))
            held, n_held = whole.slice(ROW_GROUP).to_batches(), n_held - ROW_GROUP
    yield from _one(pa.Table.from_batches(held, schema)) if n_held else ()


def _one(rows: pa.Table) -> list[pa.RecordBatch]:
    return list(rows.combine_chunks().to_batches())


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file whose pages carry checksums, readable by its owner alone."""
    path.chmod(0o600)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        yield writer


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Translate what the file system says; nothing half written is left."""
    try:
        yield
    except SynthOpsError:
        raise
    except OSError as exc:
        raise OutsideError(
            f"{path} must be writable, however the system says: {exc.strerror or type(exc).__name__}."
            " Nothing half written was left. Free the disk or correct the permissions, and run the same command again."
        ) from None


def _resume(config: Config, workspace: Workspace) -> Extracted | None:
    """Give the record of a read that is whole and still fits the configuration, its plan resolved anew."""
    record = read_record(workspace.record("extract"), Extracted)
    before = read_record(workspace.plan, Plan)
    if record is None or before is None or before.source != config.source:
        return None
    plan = resolve(config, Database(tables=tuple(t.table for t in before.tables)))
    there = {t.name for t in record.tables}
    if {t.name for t in plan.tables if t.mode != "skip"} != there or not all(map(_is_whole, record.tables)):
        return None
    if plan == before:
        return record
    suspects = _suspects_now(config, before, plan, record)
    fingerprint = _whole(record.tables, workspace, plan)
    record = record.model_copy(update={"suspects": suspects, "fingerprint": fingerprint})
    write_record(workspace.record("extract"), record)  # before the plan: killed in between, it is judged once more
    write_record(workspace.plan, plan)
    return record


def _suspects_now(config: Config, before: Plan, plan: Plan, record: Extracted) -> tuple[Suspect, ...]:
    """Judge what was read by the changed plan: a word may have settled a column, or been taken back."""
    paths = {t.name: Path(t.path) for t in record.tables}
    doubtful = {(s.table, s.column) for s in record.suspects}
    samplers = {}
    for name, path in paths.items():
        now, was = plan.table(name), before.table(name)
        columns = [c for c in unsettled(config, now) if (name, c) in doubtful or now.column(c) != was.column(c)]
        samplers[name] = sample_file(path, columns)
    return suspects_among(samplers, plan.tables)


def _is_whole(table: ExtractedTable) -> bool:
    """Tell whether the file's footer is there and is the one that was recorded."""
    try:
        footer = pq.read_metadata(table.path)
    except (OSError, pa.ArrowInvalid):
        return False
    recorded = (footer.metadata or {}).get(_FINGERPRINT)
    return footer.num_rows == table.n_rows and recorded == table.fingerprint.encode()


def _whole(tables: tuple[ExtractedTable, ...], workspace: Workspace, plan: Plan) -> str:
    """Give one fingerprint of all tables.

    It is published, and what is sampled follows from it. Under a privacy budget a secret is mixed in, or who guesses
    all rows could tell by it that they have guessed right.
    """
    lines = "\n".join(f"{t.name}\0{t.fingerprint}" for t in sorted(tables, key=lambda t: t.name))
    secret = b"" if plan.privacy.epsilon is None else noise_secret(workspace)
    return hashlib.sha256(lines.encode() + secret).hexdigest()


def _compare(config: Config, before: Plan | None, now: Database) -> None:
    """See that every table and column is what it was on the last extracted night."""
    found = {t.name: t for t in now.tables}
    for earlier in before.tables if before else ():
        if earlier.name in found:
            _compare_table(config, earlier.table, found[earlier.name])
        elif earlier.name in config.tables:
            raise SchemaChanged(
                f"Table {earlier.name!r} must be in the source, for synth.yaml names it, however it is there no more."
                " Take it out of synth.yaml, and run: synth-ops refresh --accept-schema"
            )


def _compare_table(config: Config, before: Table, now: Table) -> None:
    """See that every column has the type it had; new ones are welcome."""
    types = {c.name: (c.source_type, c.arrow_type) for c in now.columns}
    for column in before.columns:
        if column.name not in types:
            _refuse_vanished(config, before.name, column.name, column.source_type)
        elif types[column.name] != (column.source_type, column.arrow_type):
            source_type, arrow_type = types[column.name]
            raise SchemaChanged(
                f"Column {column.name!r} of table {before.name!r} must be {column.source_type} ({column.arrow_type})"
                f" as it was, however the source now has {source_type} ({arrow_type})."
                " If that is meant, run: synth-ops refresh --accept-schema"
            )


def _refuse_vanished(config: Config, table: str, column: str, source_type: str) -> None:
    """Refuse only where synth.yaml still names the column."""
    if column in _named_columns(config).get(table, ()):
        raise SchemaChanged(
            f"Column {column!r} of table {table!r} must be in the source as {source_type}, for synth.yaml names it,"
            " however it is there no more. Take it out of synth.yaml, and run: synth-ops refresh --accept-schema"
        )


def _named_columns(config: Config) -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(table.columns) for name, table in config.tables.items()}
