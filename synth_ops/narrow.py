"""A table's codes in as little memory as holds them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode import TableCodec


def narrow_codes(codec: TableCodec, table: pa.Table) -> NDArray[Any]:
    """Give the codes in the smallest type that holds them all, made a column at a time: they outlive the table."""
    sizes = codec.layout.sizes
    dtype = next(t for t, most in _CODE_TYPES.items() if max(sizes, default=1) <= most)
    codes = np.empty((table.num_rows, len(sizes)), dtype)
    start = 0
    for column in codec.columns:
        encoded = codec.encode(table, columns=[column])
        codes[:, start : start + encoded.shape[1]] = encoded
        start += encoded.shape[1]
    return codes


_CODE_TYPES: Mapping[type[np.integer[Any]], int] = {np.uint8: 1 << 8, np.int16: 1 << 15, np.int32: 1 << 31}
"""Types of codes that torch knows, and how many codes each holds."""
