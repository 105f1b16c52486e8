"""The model of one table, asked for a chunk of rows at a time: codes, and the values that they stand for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.encode import TableCodec
from synth_ops.encode.categorical import is_text
from synth_ops.mint.pattern import Pattern
from synth_ops.mint.unique import as_array, draw_texts, without
from synth_ops.plan.plan import TablePlan
from synth_ops.plan.types import max_length
from synth_ops.relate import TableSpec
from synth_ops.relate.flat import flat_name
from synth_ops.seeds import seed_of

if TYPE_CHECKING:
    from synth_ops.model.synthesizer import Synthesizer


@dataclass(frozen=True)
class TableModel:
    """A table's trained model, for one thread."""

    folder: Path
    plan: TablePlan
    spec: TableSpec
    device: str
    private: "PrivateTexts"

    def sample(self, rows: range, context: pa.Table, *, seed: int) -> pa.Table:
        """Give the flat columns of these rows that are not given; equal rows of an equal seed are equal."""
        if not self._wanted:
            return pa.table({})
        from synth_ops.model.threads import one_thread  # torch is loaded in the worker, and nowhere else

        codes = self.codec.encode(context, columns=self.spec.context) if self.spec.context else None
        start = str(rows.start)
        with one_thread():
            made = self._synthesizer.sample(len(rows), context=codes, seed=seed_of(str(seed), "model", start))
        rng = np.random.default_rng(seed_of(str(seed), "decode", start))
        decoded = self.codec.decode(made[:, self._synthesizer.n_context :], rng, columns=self._wanted)
        return self._redraw_real(decoded, rng)

    @cached_property
    def codec(self) -> TableCodec:
        """How the table's flat columns are encoded."""
        return TableCodec.from_json(json.loads((self.folder / "codec.json").read_text()))

    @cached_property
    def _synthesizer(self) -> "Synthesizer":
        from synth_ops.model import load_synthesizer  # as above

        return load_synthesizer(self.folder, device=self.device)

    @cached_property
    def _wanted(self) -> list[str]:
        return [c for c in self.spec.columns if c not in self.spec.context]

    def _redraw_real(self, decoded: pa.Table, rng: np.random.Generator) -> pa.Table:
        """Make up other texts where one is by chance a real one that the codec does not keep."""
        for column in self.plan.table.columns:
            name = flat_name(column.name)
            pattern, kept = self.codec.made_up(name) if name in decoded.column_names else (None, ())
            if pattern is not None and is_text(decoded.column(name).type):
                private = self.private.of(column.name, kept)
                values = redrawn(decoded.column(name), private, pattern, max_length(column), rng)
                decoded = decoded.set_column(decoded.column_names.index(name), decoded.field(name), values)
        return decoded


@dataclass(frozen=True)
class PrivateTexts:
    """The different real texts of a table that no made-up text may equal, each column read once."""

    real: Callable[[str], pa.ChunkedArray]
    """Gives a real column."""
    _found: dict[str, pa.Array] = field(default_factory=dict)

    def of(self, column: str, kept: tuple[str, ...]) -> pa.Array:
        """Give a column's texts that are not among those kept."""
        if column not in self._found:
            self._found[column] = without(as_array(self.real(column), pa.string()), pa.array(kept, pa.string()))
        return self._found[column]


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
