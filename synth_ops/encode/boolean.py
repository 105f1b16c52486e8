"""Truth values."""

import numpy as np
import pyarrow as pa

from synth_ops.encode.codec import NULL, Codec, Codes
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners


class BooleanCodec(Codec):
    """Codes: null, false, true."""

    mostly: bool = False
    """What most rows say."""

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "BooleanCodec":  # noqa: ARG003 — there is nothing to pool
        """Count which is more frequent."""
        return cls(mostly=2 * values.true_count > len(values) - values.null_count)

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``value``."""
        return (SubColumn(column=column, part="value", size=3, n_special=1),)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes."""
        codes = values.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
        return np.asarray(codes[:, None] + 1, np.int32)

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002 — exact
        """Give truth values."""
        flat = codes[:, 0]
        if not field.nullable:
            flat = np.where(flat == NULL, 1 + self.mostly, flat)
        return pa.array(flat == 2, pa.bool_(), mask=flat == NULL)  # noqa: PLR2004 — the code of true
