"""Which rows no model may see: a stable share of entities, kept to measure against.

A row's side is decided by a keyed hash of its primary key (of its whole content where there is none), so that a
warm-started model never meets yesterday's holdout.
"""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.schema import Table


def holdout_mask(rows: pa.Table, table: Table, *, dataset: str, share: float) -> NDArray[np.bool_]:
    """Mark the rows to hold out.

    **Shape**

    - result: ``(n_rows,)``; True for about `share` of the entities.
    """
    if rows.num_rows == 0 or share <= 0:
        return np.zeros(rows.num_rows, dtype=bool)
    columns = list(table.primary_key) or rows.column_names
    salt = hashlib.sha256(f"holdout:{dataset}:{table.name}".encode()).hexdigest()[:16]
    mixed = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in columns:
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + _hash(rows.column(name), salt)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray(mixed % np.uint64(10_000) < np.uint64(round(share * 10_000)))


def _hash(column: pa.ChunkedArray, salt: str) -> NDArray[np.uint64]:
    """Hash each value by its text, which two Arrow types of one value share."""
    try:
        text = column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        text = pa.array([None if v is None else repr(v) for v in column.to_pylist()], pa.string())
    values = pd.Series(text.to_pandas()).fillna("\0null").astype(object)
    return np.asarray(pd.util.hash_array(values.to_numpy(), hash_key=salt, categorize=True))
