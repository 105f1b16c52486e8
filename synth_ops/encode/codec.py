"""What the codecs of all kinds have in common.

Special codes lead, and null is code 0 of a column's first sub-column, whether or not the column had nulls: so codes
mean the same from night to night. The other sub-columns of a special value carry code 0.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode.layout import SubColumn
from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners
from synth_ops.records import Record

Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

NULL = 0
"""The code of null."""


class Codec(Record):
    """How one column becomes codes; it keeps no value that fewer than `rare_below` entities hold.

    What the codec before kept, half as many may still hold (`enough_to_stay`).
    """

    @classmethod
    @abstractmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: "Codec | None" = None) -> Self:
        """Look at the values once, and keep what enough owners share; `before` is the column's codec of last night."""

    @abstractmethod
    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:
        """Describe the sub-columns, the first of which stands at position `at` of the matrix."""

    @abstractmethod
    def encode(self, values: pa.Array) -> Codes:
        """Give the codes, ``(n_rows, n_sub_columns)``; what was not fitted takes the nearest code there is."""

    @abstractmethod
    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Give values of the field's type, without null where it allows none."""

    def to_json(self) -> dict[str, Any]:
        """Give the codec as JSON values."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls.model_validate(data)


def valid_rows(values: pa.Array) -> Mask:
    """Mark the rows that are not null."""
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def spread(codes: NDArray[Any], where: Mask) -> Codes:
    """Put codes, one or more a row, in the marked rows; the others are null."""
    whole = np.zeros((len(where), *codes.shape[1:]), np.int32)
    whole[where] = codes
    return whole
