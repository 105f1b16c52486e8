"""What the gate must know of the model behind a copy, to tell what it saw and what it was free to keep."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synth_ops.encode import TableCodec
from synth_ops.encode.categorical import CategoricalCodec, read_names
from synth_ops.measure.stack import label_words
from synth_ops.records import Trained, TrainedTable
from synth_ops.relate import TableSpec
from synth_ops.schema import ForeignKey
from synth_ops.workspace.files import read_record
from synth_ops.workspace.layout import Workspace


@dataclass(frozen=True)
class Learned:
    """One table's model."""

    main: ForeignKey | None = None
    """The key whose parent it is told of."""
    stayed: Mapping[str, frozenset[str]] | None = None
    """By column, the labels that the model it goes on from kept; None where it was begun from nothing."""
    n_rows: int | None = None
    """Rows that it was told the table has; of a budget that was spent on counting them, with noise."""


def read_learned(workspace: Workspace, table: str) -> Learned:
    """Read what is known of the model that tonight's copy of a table was sampled from."""
    trained = read_record(workspace.record("train"), Trained)
    found = next((t for t in trained.tables if t.name == table), None) if trained else None
    if found is None or found.model_id is None:
        return Learned()
    spec = read_record(workspace.models(table) / found.model_id / "relations.json", TableSpec)
    return Learned(
        main=spec.main.foreign_key if spec and spec.main else None,
        stayed=_stayed(workspace.models(table), found),
        n_rows=spec.n_rows if spec else None,
    )


def _stayed(models: Path, trained: TrainedTable) -> dict[str, frozenset[str]] | None:
    """Read what was kept before tonight: by the model itself where it is of an earlier night, else by its parent."""
    model_id = trained.model_id if trained.decision == "reuse" else trained.parent_id
    path = models / str(model_id) / "codec.json"
    if model_id is None or not path.is_file():
        return None
    return dict(_labels(TableCodec.from_json(json.loads(path.read_text()))))


def _labels(codec: TableCodec) -> Iterator[tuple[str, frozenset[str]]]:
    for name, column in codec.codecs.items():
        if isinstance(column, CategoricalCodec):
            dtype = codec.flat_type(name)
            yield name, frozenset(label_words(read_names(column.names, dtype)))
