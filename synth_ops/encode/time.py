"""Times of day, by the leaves of the day."""

import numpy as np
import pyarrow as pa

from synth_ops.encode.codec import NULL, Codec, Codes, spread, valid_rows
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.numbers import read_numbers, write_numbers
from synth_ops.encode.numeric import masked
from synth_ops.encode.rules import FitRules
from synth_ops.encode.scale import Scale
from synth_ops.owners import Owners


class TimeCodec(Codec):
    """Codes: null, then leaves in order; the lattice is the unit that all values are whole in."""

    scale: Scale

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "TimeCodec":
        """Cut the day in leaves."""
        held = owners.where(valid_rows(values))
        scale = before.scale if isinstance(before, TimeCodec) else None
        return cls(scale=Scale.fit(read_numbers(values.drop_null()), rules, held, n_special=1, before=scale))

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``time``."""
        return (self.scale.sub_column(column, "time"),)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes."""
        codes = self.scale.encode(read_numbers(values.drop_null()))
        return spread(codes, valid_rows(values))[:, None].astype(np.int32)

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Give times of the field's unit."""
        flat = codes[:, 0].astype(np.int64)
        is_null = (flat == NULL) & field.nullable
        drawn = self.scale.decode(np.where(flat == NULL, self.scale.heaviest, flat), rng)
        return masked(write_numbers(drawn, field.type), is_null)
