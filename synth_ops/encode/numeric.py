"""Numbers: integers of all widths, floats, decimals and durations, by the leaves of their axis."""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode.codec import NULL, Codec, Codes, Mask, spread, valid_rows
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.numbers import Numbers, read_numbers, write_numbers
from synth_ops.encode.rules import FitRules
from synth_ops.encode.scale import FloatType, Scale
from synth_ops.owners import Owners, enough_to_stay

Special = Literal["nan", "inf", "-inf"]

SPECIALS: dict[Special, float] = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
_FLOATS: dict[int, FloatType] = {16: "float16", 32: "float32", 64: "float64"}


class NumericCodec(Codec):
    """Codes: null, NaN and infinities where the column has them, then leaves in order.

    An infinity that fewer than `rare_below` entities hold is an extreme, and pooled as such. NaN is kept as null is: it
    tells no more of a row.
    """

    specials: tuple[Special, ...]
    scale: Scale

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "NumericCodec":
        """Find the specials, then cut the finite numbers in leaves."""
        numbers, held = read_numbers(values.drop_null()), owners.where(valid_rows(values))
        was = before if isinstance(before, NumericCodec) else None
        scale_before = was.scale if was else None
        if numbers.dtype.kind != "f":
            scale = Scale.fit(numbers, rules, held, n_special=1, before=scale_before)
            return cls(specials=(), scale=scale.with_grains(numbers))
        finite = np.isfinite(numbers)
        specials = _specials(numbers, held, rules.rare_below, was)
        scale = Scale.fit(
            numbers[finite] + 0.0,  # -0.0 becomes 0.0
            rules,
            held.where(finite),
            n_special=1 + len(specials),
            float_type=_FLOATS[values.type.bit_width],
            before=scale_before,
        )
        return cls(specials=specials, scale=scale.with_grains(numbers[finite]))

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``value``."""
        return (self.scale.sub_column(column),)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes; a NaN never seen before is null."""
        numbers = read_numbers(values.drop_null())
        return spread(self._flat(numbers), valid_rows(values))[:, None].astype(np.int32)

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Give numbers of the field's type."""
        flat = codes[:, 0].astype(np.int64)
        if not field.nullable:
            flat = np.where(flat == NULL, self.scale.heaviest, flat)
        n_special = 1 + len(self.specials)
        is_leaf = flat >= n_special
        numbers = self.scale.decode(np.where(is_leaf, flat, self.scale.heaviest), rng)
        for code, name in enumerate(self.specials, start=1):
            numbers = np.where(flat == code, SPECIALS[name], numbers)
        return masked(write_numbers(numbers, field.type), flat == NULL)

    def _flat(self, numbers: Numbers) -> NDArray[Any]:
        if numbers.dtype.kind != "f":
            return self.scale.encode(numbers)
        largest = np.finfo(np.float64).max
        codes = self.scale.encode(np.nan_to_num(numbers, nan=0.0, posinf=largest, neginf=-largest))
        is_nan = np.isnan(numbers)
        codes[is_nan] = NULL
        for code, name in enumerate(self.specials, start=1):
            codes[is_nan if name == "nan" else numbers == SPECIALS[name]] = code
        return codes


def masked(values: pa.Array, is_null: Mask) -> pa.Array:
    """Put null where it is marked."""
    if not is_null.any():
        return values
    bits = pa.array(~is_null).buffers()[1]
    return pa.Array.from_buffers(values.type, len(values), [bits, *values.buffers()[1:]], offset=0)


def _specials(numbers: Numbers, owners: Owners, rare_below: int, before: NumericCodec | None) -> tuple[Special, ...]:
    found: list[Special] = ["nan"] if np.isnan(numbers).any() else []
    infinities: tuple[Special, ...] = ("inf", "-inf")
    known = before.specials if before else ()
    enough = {s: enough_to_stay(rare_below) if s in known else rare_below for s in infinities}
    return (*found, *(s for s in infinities if owners.where(numbers == SPECIALS[s]).n >= enough[s]))
