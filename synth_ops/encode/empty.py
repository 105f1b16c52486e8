"""Columns of which nothing is learned but whether there is a value."""

import numpy as np
import pyarrow as pa

from synth_ops.encode.codec import NULL, Codec, Codes, valid_rows
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners


class EmptyCodec(Codec):
    """One code, null: for columns that hold nothing else."""

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "EmptyCodec":  # noqa: ARG003 — there is nothing to see
        """Keep nothing."""
        return cls()

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``value``."""
        return (SubColumn(column=column, part="value", size=1, n_special=1),)

    def encode(self, values: pa.Array) -> Codes:
        """Give zeros."""
        return np.zeros((len(values), 1), np.int32)

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002 — exact
        """Give nulls."""
        return pa.nulls(len(codes), field.type)


class OpaqueCodec(Codec):
    """Codes: null, present; what is present comes back as the type's neutral value: no bytes, an empty list, zeros."""

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "OpaqueCodec":  # noqa: ARG003 — there is nothing to see
        """Keep nothing."""
        return cls()

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:  # noqa: ARG002 — nothing is refined
        """Describe ``present``."""
        return (SubColumn(column=column, part="present", size=2, n_special=1),)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes."""
        return valid_rows(values).astype(np.int32)[:, None]

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002 — exact
        """Give nulls and neutral values."""
        is_null = (codes[:, 0] == NULL) & field.nullable
        both = pa.concat_arrays([neutral(field.type), pa.nulls(1, field.type)])
        return both.take(pa.array(is_null.astype(np.int8)))


def neutral(dtype: pa.DataType) -> pa.Array:
    """Give one value of the type that says nothing."""
    if pa.types.is_struct(dtype):
        return pa.StructArray.from_arrays([neutral(f.type) for f in dtype], fields=list(dtype))
    if pa.types.is_fixed_size_list(dtype):
        inner = neutral(dtype.value_type)
        return pa.FixedSizeListArray.from_arrays(inner.take(pa.array([0] * dtype.list_size, pa.int8())), type=dtype)
    if pa.types.is_nested(dtype):
        return pa.array([[]], dtype)
    if pa.types.is_primitive(dtype) or pa.types.is_decimal(dtype) or pa.types.is_fixed_size_binary(dtype):
        return pa.Array.from_buffers(dtype, 1, [None, pa.py_buffer(bytes(1 + dtype.bit_width // 8))])
    return pa.array([b""], pa.binary()).cast(dtype)
