"""A chunk of a table's rows: from what the model sampled to columns, one chunk knowing nothing of another.

A table's columns are of three sorts. Those that must differ from each other, and whose number does not say how, are
minted at once, before all chunks. Keys, and what relatives ask for, are kept of each chunk until all are there. The
rest is done with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.derived import apply
from synth_ops.errors import CorruptArtifact
from synth_ops.relate.draft import Draft, Scene, Taken, cast
from synth_ops.relate.flat import LINK, flat_name, table_of
from synth_ops.relate.match import Column
from synth_ops.relate.resolve import Frame, known_spec
from synth_ops.relate.unlearned import is_whole, mint_column, mint_rows
from synth_ops.seeds import seed_of


@dataclass(frozen=True)
class Chunk:
    """Some neighbouring rows of a table, as far as they can be made without the others."""

    n_rows: int
    rest: Mapping[str, pa.Array]
    """Source columns that nothing asks for again."""
    columns: Mapping[str, pa.Array]
    """Source columns that are kept."""
    flat: Mapping[str, pa.Array]
    """Flat columns that are kept."""
    clusters: Mapping[str, NDArray[np.int8]]


def mint_whole(draft: Draft, scene: Scene) -> None:
    """Mint the columns that must be made at once, before any chunk is."""
    for name in _made_up(draft):
        if is_whole(draft, name):
            draft.put(name, mint_column(draft, name, scene))


def make_chunk(draft: Draft, frame: Frame, rows: range, sampled: pa.Table, *, seed: int, taken: Taken) -> Chunk:
    """Make the columns of these rows: what the model sampled, in the source's types, and what is made up beside it."""
    context = frame.context(rows)
    given = {c: context.column(c) for c in context.column_names if c != LINK and not c.startswith("@parent:")}
    flat = given | {c: sampled.column(c) for c in sampled.column_names}
    rng = np.random.default_rng(seed_of(str(seed), "missing", str(rows.start)))
    own = {}
    for name in draft.plan.table.column_names:
        if draft.is_sampled(name):
            values = array_of(flat[flat_name(name)])
            optional = draft.nullable(name) or name in draft.kept.columns
            own[name] = cast(values if optional else _not_null(values, rng), draft.schema.field(name).type)
    for name in _made_up(draft):
        if name not in draft.columns:
            own[name] = mint_rows(draft, name, rows, seed=seed, taken=taken)
    clusters = {k: spec.labels(table_of(flat)).astype(np.int8) for k, spec in draft.kept.clusters.items()}
    return Chunk(
        n_rows=len(rows),
        rest={c: v for c, v in own.items() if c not in draft.kept.columns},
        columns={c: v for c, v in own.items() if c in draft.kept.columns},
        flat={c: array_of(v) for c, v in flat.items() if c in draft.kept.flat},
        # Of no columns, a table has no length either.
        clusters={k: v if len(v) == len(rows) else np.zeros(len(rows), np.int8) for k, v in clusters.items()},
    )


def keep(draft: Draft, chunks: Sequence[Chunk], rng: np.random.Generator) -> None:
    """Put together what is kept of all chunks."""
    for name in chunks[0].columns:
        values = _joined(c.columns[name] for c in chunks)
        draft.put(name, values if draft.nullable(name) else _not_null(values, rng))
    draft.flat = table_of({c: _joined(k.flat[c] for k in chunks) for c in chunks[0].flat})
    draft.clusters = {k: np.concatenate([c.clusters[k] for c in chunks]) for k in chunks[0].clusters}
    draft.pools.clear()


def finished(draft: Draft, start: int, n_rows: int, rest: Mapping[str, Column]) -> pa.Table:
    """Give final rows: `rest` beside the draft's own columns from `start` on, and what follows from both."""
    schema = draft.final_schema
    columns = {n: v.slice(start, n_rows) for n, v in draft.columns.items()} | dict(rest)
    for field in schema:
        columns.setdefault(field.name, pa.nulls(n_rows, field.type))
    derived = known_spec(draft).derived
    if derived:
        sources = sorted({s for d in derived for s in d.sources})
        made = apply(pa.table({s: columns[s] for s in sources}), derived)
        columns |= {d.column: cast(array_of(made.column(d.column)), schema.field(d.column).type) for d in derived}
    return pa.Table.from_arrays([columns[f.name] for f in schema], schema=schema)


def array_of(values: Column) -> pa.Array:
    """Give a column as one array."""
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _made_up(draft: Draft) -> list[str]:
    """Give the columns that neither the model makes, nor a key, nor other columns."""
    spec = known_spec(draft)
    otherwise = {c for k in spec.foreign_keys for c in k.foreign_key.columns} - set(spec.key.minted)
    otherwise |= {d.column for d in spec.derived} | ({spec.key.sequence.column} if spec.key.sequence else set())
    return [c for c in draft.plan.table.column_names if c not in otherwise and not draft.is_sampled(c)]


def _joined(arrays: Iterable[pa.Array]) -> pa.Array:
    return pa.chunked_array(list(arrays)).combine_chunks()


def _not_null(values: pa.Array, rng: np.random.Generator) -> pa.Array:
    """Put another row's value where a required one is missing."""
    if values.null_count == 0:
        return values
    known = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    if len(known) == 0:
        raise CorruptArtifact(
            "A column that may not be null must be sampled as values, however its model gives none."
            " Delete the table's model folder and run again: it will be trained anew."
        )
    source = np.arange(len(values))
    missing = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
    source[missing] = rng.choice(known, len(missing))
    return values.take(pa.array(source))
