"""How much of tonight's rows is new to the model that there is: what a few thousand of them say of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pyarrow as pa

from synth_ops.encode import TableCodec
from synth_ops.encode.novelty import novelty
from synth_ops.records import Drift, Record
from synth_ops.workspace import read_record

if TYPE_CHECKING:
    from synth_ops.model import Synthesizer

N_SAMPLED = 10_000
"""Rows that drift is measured on: enough to tell a share of .005 and .01 nats a column."""


class Familiar(Record):
    """What a model's own rows say of it; ``familiar.json`` beside the model, and no part of its content."""

    nats: float
    """Mean negative log-likelihood of the rows it was made of, validation rows among them, or of a sample."""
    novelty: Mapping[str, float]
    """Of each column, the share of the rows it learned from whose value it has no code for: what was pooled."""
    cold_visits: int
    """Row visits of the training from nothing that it goes back to."""


class Known(NamedTuple):
    """A model, with what it knows of itself."""

    codec: TableCodec
    synthesizer: "Synthesizer"
    familiar: Familiar | None
    """None where an earlier version has left none."""

    @classmethod
    def load(cls, folder: Path, *, device: str) -> Self:
        """Read what lies in a model's folder."""
        from synth_ops.model import load_synthesizer  # torch is loaded in the worker, and nowhere else

        codec = TableCodec.from_json(json.loads((folder / "codec.json").read_text()))
        familiar = read_record(folder / "familiar.json", Familiar)
        return cls(codec, load_synthesizer(folder, device=device), familiar)


def measure_drift(known: Known, table: pa.Table, *, seed: int) -> Drift | None:
    """Compare tonight's learning rows with what a model has seen; None where they cannot be put to it.

    Where most rows are those of before, a model knows them by training, and few new ones must still be heard: so the
    figure to compare with is that of all its rows, and not of those alone that it was validated on. The same rows
    again give zero; a table whose every row is new gives at least what the model has overfitted by.
    """
    codec, synthesizer, familiar = known
    if familiar is None or (codec.schema.names, codec.schema.types) != (table.schema.names, table.schema.types):
        return None
    sampled = sample_rows(table, seed)
    if not sampled.num_rows:
        return None
    found = novelty(codec, sampled)
    excess = {name: share - familiar.novelty.get(name, 0.0) for name, share in found.items()}
    column = max(excess, key=lambda name: excess[name], default=None)
    most = max(0.0, excess[column]) if column else 0.0
    nats = -float(synthesizer.log_likelihood(codec.encode(sampled), seed=seed).mean()) - familiar.nats
    n_learned = len({s.column for s in synthesizer.layout.sub_columns[synthesizer.n_context :]})
    return Drift(novelty=round(most, 6), column=column if most else None, nats=round(nats / max(1, n_learned), 6))


def sample_rows(table: pa.Table, seed: int) -> pa.Table:
    """Give `N_SAMPLED` of the rows at random, or all."""
    if table.num_rows <= N_SAMPLED:
        return table
    chosen = np.random.default_rng(seed).choice(table.num_rows, N_SAMPLED, replace=False)
    return table.take(pa.array(np.sort(chosen)))
