"""Small code matrices with a known joint."""

import numpy as np

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model import TrainingConfig
from synth_ops.model.config import NetworkConfig

SMALL = TrainingConfig(
    n_epochs=12, batch_size=64, network=NetworkConfig(d_embedding=4, d_hidden=48, d_latent=2, d_recognition=16)
)

LAYOUT = Layout(
    sub_columns=(
        SubColumn(column="a", part="value", size=3, n_special=1),
        SubColumn(column="b", part="coarse", size=5, ordinal=True, n_special=1),
        SubColumn(column="b", part="fine", size=4, ordinal=True, within=1),
        SubColumn(column="c", part="value", size=2, n_special=0),
    )
)


def rows(n_rows: int, seed: int = 0) -> np.ndarray:
    """Give rows in which c is 1 if and only if a and the parity of b agree, and fine codes follow coarse ones."""
    rng = np.random.default_rng(seed)
    a = rng.integers(1, 3, n_rows)
    b = rng.integers(1, 5, n_rows)
    fine = np.minimum(rng.integers(0, 4, n_rows), b - 1)
    return np.stack([a, b, fine, (a % 2 == b % 2).astype(int)], 1).astype(np.int32)
