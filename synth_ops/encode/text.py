"""Text that is not learned: whether it is there, and what such text looks like."""

import numpy as np
import pyarrow as pa

from synth_ops.encode.codec import NULL, Codec, Codes, valid_rows
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.numeric import masked
from synth_ops.encode.rules import FitRules
from synth_ops.mint.pattern import Pattern
from synth_ops.owners import Owners


class TextCodec(Codec):
    """Codes: null, present."""

    pattern: Pattern

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "TextCodec":  # noqa: ARG003 — no value is kept
        """Learn the shape of the texts, of one from each owner: what many texts share, many owners then do."""
        told = values.drop_null().take(pa.array(owners.where(valid_rows(values)).firsts()))
        return cls(pattern=Pattern.fit(told, rare_below=rules.rare_below))

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``present``."""
        return (SubColumn(column=column, part="present", size=2, n_special=1),)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes."""
        return valid_rows(values).astype(np.int32)[:, None]

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Make texts up."""
        made = self.pattern.draw(len(codes), rng).cast(field.type)
        return masked(made, (codes[:, 0] == NULL) & field.nullable)
