"""Small code matrices with a known joint."""

import numpy as np

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model import TrainingConfig
from synth_ops.model.config import NetworkConfig

SMALL = TrainingConfig(
    n_epochs=12, batch_size=64, network=NetworkConfig(d_embedding=4, d_hidden=48, d_recognition=16, d_conditioning=64)
)

LAYOUT = Layout(
    sub_columns=(
        SubColumn(column="a", part="value", size=3, n_special=1),
        SubColumn(column="b", part="coarse", size=5, n_special=1),
        SubColumn(column="b", part="fine", size=4, within=1),
        SubColumn(column="c", part="value", size=2, n_special=0),
    )
)

SMOOTH = Layout(
    sub_columns=(
        SubColumn(column="half", part="value", size=2),
        SubColumn(column="x", part="value", size=401, ordinal=True, n_special=1),
        SubColumn(column="y", part="value", size=401, ordinal=True, n_special=1),
    )
)


N_DAYS = 150
DAYS = Layout(
    sub_columns=(
        SubColumn(column="when", part="day", size=N_DAYS + 1, ordinal=True, n_special=1),
        SubColumn(column="wet", part="value", size=2),
    )
)


def rows(n_rows: int, seed: int = 0) -> np.ndarray:
    """Give rows in which c is 1 if and only if a and the parity of b agree, and fine codes follow coarse ones."""
    rng = np.random.default_rng(seed)
    a = rng.integers(1, 3, n_rows)
    b = rng.integers(1, 5, n_rows)
    fine = np.minimum(rng.integers(0, 4, n_rows), b - 1)
    return np.stack([a, b, fine, (a % 2 == b % 2).astype(int)], 1).astype(np.int32)


def smooth_rows(n_rows: int, seed: int = 0) -> np.ndarray:
    """Give rows of two ordered columns, the second close to the first; a tenth of x is null, a fifth of y is 200."""
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 2, n_rows)
    x = 1 + 200 * half + rng.integers(0, 200, n_rows)
    y = np.clip(x + np.rint(rng.normal(0, 8, n_rows)), 1, 400).astype(int)
    x[rng.random(n_rows) < 0.1] = 0
    y[rng.random(n_rows) < 0.2] = 200
    return np.stack([half, x, y], 1).astype(np.int32)


def days(n_rows: int, seed: int = 0) -> np.ndarray:
    """Give rows of dry and wet days, in no order: nine tenths of a day's rows say what it was like."""
    rng = np.random.default_rng(seed)
    when = 1 + rng.integers(0, N_DAYS, n_rows)
    return np.stack([when, is_wet(when) ^ (rng.random(n_rows) < 0.1)], 1).astype(np.int32)


def is_wet(when: np.ndarray) -> np.ndarray:
    """Say what each day was like."""
    return np.asarray(np.append(False, np.random.default_rng(7).random(N_DAYS) < 0.5)[when])
