"""What became of each column: by the plan, and by what the model's codec pooled or clipped of tonight's rows."""

import json
from collections.abc import Iterator, Mapping

import pyarrow as pa

from synth_ops.encode import TableCodec
from synth_ops.encode.categorical import CategoricalCodec
from synth_ops.encode.novelty import n_unknown
from synth_ops.errors import PlanError
from synth_ops.plan.plan import ColumnPlan, Fate, TablePlan
from synth_ops.records import Record, Trained
from synth_ops.relate import TableSpec
from synth_ops.relate.flat import flat_name
from synth_ops.report.rounding import rounded_count, shown_share
from synth_ops.report.words import unlabelled
from synth_ops.workspace import Workspace, read_record

_POOLING: Mapping[str, str] = {
    "categorical": "pooled",
    "numeric": "clipped",
    "datetime": "clipped",
    "time": "clipped",
}
"""What a codec of each kind does with values that too few rows hold."""


class Handled(Record):
    """What became of one column."""

    name: str
    fate: Fate
    reason: str
    kind: str | None = None
    """What a learned column was encoded as, in a word; None where it was not learned, or no model says."""
    provider: str | None = None
    """The Faker provider of a faked column."""
    sources: tuple[str, ...] = ()
    """The columns that it follows from, where it is an exact function of others."""
    treatment: str | None = None
    """``pooled`` or ``clipped``, where some values were; None also where that cannot be told."""
    share: float | None = None
    """Share of tonight's rows whose value was; None where they are too few to tell."""
    n_kept: int | None = None
    """Labels that enough rows hold to be kept."""


class Learned(Record):
    """What a table's model says of its columns that is not in the plan."""

    codec: dict[str, object]
    """JSON of the table's codec. It is private."""
    spec: TableSpec


def read_learned(workspace: Workspace, table: str) -> Learned | None:
    """Give what the table's model of tonight was fitted to, or None where there is no such model."""
    trained = read_record(workspace.record("train"), Trained)
    found = next((t for t in trained.tables if t.name == table), None) if trained else None
    if found is None or found.model_id is None:
        return None
    folder = workspace.models(table) / found.model_id
    spec = read_record(folder / "relations.json", TableSpec)
    codec = folder / "codec.json"
    return Learned(codec=json.loads(codec.read_text()), spec=spec) if spec and codec.is_file() else None


def collect_handled(table: TablePlan, real: pa.Table, learned: Learned | None, k: int) -> tuple[Handled, ...]:
    """Say what became of each column; no share rests on fewer than k rows, and no value is told."""
    codec = TableCodec.from_json(learned.codec) if learned else None
    derived = {d.column: d.sources for d in learned.spec.derived} if learned else {}
    return tuple(_handled(column, real, codec, derived, k) for column in table.columns)


def _handled(
    column: ColumnPlan, real: pa.Table, codec: TableCodec | None, derived: Mapping[str, tuple[str, ...]], k: int
) -> Handled:
    bare = Handled(name=column.name, fate=column.fate, reason=unlabelled(column.reason), provider=column.provider)
    if column.name in derived:
        return bare.model_copy(update={"sources": derived[column.name]})
    name = flat_name(column.name)
    if column.fate != "learn" or codec is None or name not in codec.codecs or column.name not in real.column_names:
        return bare
    return bare.model_copy(update=dict(_of_codec(codec, name, real.column(column.name), k)))


def _of_codec(codec: TableCodec, name: str, values: "pa.ChunkedArray", k: int) -> Iterator[tuple[str, object]]:
    one = codec.codecs[name]
    yield "kind", codec.kinds[name]
    if isinstance(one, CategoricalCodec):
        yield "n_kept", rounded_count(len(one.names))
    treatment = _POOLING.get(codec.kinds[name])
    if treatment is None:
        return
    try:
        n = n_unknown(one, codec.values(pa.table({name: values}), name))
    except PlanError:  # the column's type changed since; the gate speaks of that
        return
    if n:
        yield "treatment", treatment
        yield "share", shown_share(n, len(values), k)
