"""Guesses of a secret column from the others: by boosted trees, and by the nearest row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.grid import bin_labels
from synth_ops.measure.privacy.space import Rows, Space, find_nearest, some_of
from synth_ops.measure.stack import Stack

N_CLASSES = 6
"""Labels that are guessed; rows of other ones are no targets."""

TOLERANCE = 0.05
"""A number is hit within so many ranks of it, as a share of the real rows."""

N_LABELS = 200
"""Labels that trees tell apart in a column they guess by."""

N_TREES, N_LEAVES, MAX_LEARNED = 30, 15, 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Secret:
    """A column that an attacker guesses, and what is known beside it.

    **Shape**

    - values: ``(n_rows,)`` classes of a label, ranks of a number
    - guessable: ``(n_rows,)`` whether a guess can be right or wrong
    - features: ``(n_rows, n_columns)`` all columns, as trees take them; secrets of one stack share them
    - is_categorical: ``(n_columns,)``
    """

    name: str
    is_label: bool
    values: Floats
    guessable: NDArray[np.bool_]
    features: NDArray[np.float32]
    is_categorical: NDArray[np.bool_]
    at: int
    """Which of the columns it is itself."""

    def evidence(self, rows: Rows) -> NDArray[np.float32]:
        """Give the other columns of some rows: ``(len(rows), n_columns - 1)``."""
        return np.delete(self.features[rows], self.at, axis=1)

    def among(self, rows: Rows) -> Rows:
        """Give those of the rows that can be guessed."""
        return rows[self.guessable[rows]]

    def hit(self, guesses: Floats, rows: Rows) -> NDArray[np.bool_]:
        """Say which guesses are right, or near enough."""
        return np.abs(guesses - self.values[rows]) <= (0 if self.is_label else TOLERANCE)


def secrets_of(stack: Stack, names: tuple[str, ...]) -> tuple[Secret, ...]:
    """Make a secret of each column named, with the others beside it."""
    real = np.concatenate([stack.training, stack.holdout])
    numbers = [_ranks(values, real) for values in stack.numbers.values()]
    labels = [bin_labels(codes, real, N_LABELS, rare_below=1) for codes in stack.labels.values()]
    # Null is a number of its own, below all ranks: trees refuse a column that has nothing but nulls.
    features = np.nan_to_num(np.column_stack([*numbers, *labels]), nan=-1.0).astype(np.float32)
    return tuple(_secret(stack, name, features, real) for name in names)


def by_rote(secret: Secret, rows: Rows) -> float:
    """Give the share of the rows that the best constant guess hits; 1 where there is nothing to guess."""
    values = np.sort(secret.values[secret.among(rows)])
    if not len(values):
        return 1.0
    reach = 0.0 if secret.is_label else 2 * TOLERANCE
    upto = np.searchsorted(values, values + reach, side="right")
    return float((upto - np.arange(len(values))).max() / len(values))


def guess_by_trees(secret: Secret, learned: Rows, rows: Rows, seed: int) -> tuple[NDArray[np.bool_], Floats]:
    """Say of each row whether trees that learned from other rows hit its secret, and how near they came, 0 to 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    learned = some_of(secret.among(learned), MAX_LEARNED, np.random.default_rng(seed))
    kind = HistGradientBoostingClassifier if secret.is_label else HistGradientBoostingRegressor
    model = kind(
        max_iter=N_TREES,
        max_leaf_nodes=N_LEAVES,
        early_stopping=False,
        categorical_features=np.delete(secret.is_categorical, secret.at),
        random_state=seed,
    )
    if secret.is_label and len(np.unique(secret.values[learned])) == 1:
        return secret.hit(np.full(len(rows), secret.values[learned][0]), rows), np.ones(len(rows))
    with threadpool_limits(1):  # as in the classifier: OpenMP's threads wait for each other in a loop
        model.fit(secret.evidence(learned), secret.values[learned])
        if not secret.is_label:
            guesses = model.predict(secret.evidence(rows))
            return secret.hit(guesses, rows), np.exp(-np.abs(guesses - secret.values[rows]) / TOLERANCE)
        chances = model.predict_proba(secret.evidence(rows))
    of_truth = chances[:, :, None] * (model.classes_[:, None] == secret.values[rows][:, None, None])
    return secret.hit(model.classes_[chances.argmax(axis=1)], rows), of_truth.sum(axis=(1, 2))


def guess_by_neighbour(secret: Secret, space: Space, learned: Rows, rows: Rows) -> NDArray[np.bool_]:
    """Say of each row whether the nearest of other rows shares its secret; the space is of the other columns."""
    nearest = find_nearest(space, rows, secret.among(learned)).rows[:, 0]
    return secret.hit(secret.values[nearest], rows)


def _secret(stack: Stack, name: str, features: NDArray[np.float32], real: Rows) -> Secret:
    at = stack.names.index(name)
    is_label = name in stack.labels
    if is_label:
        values = bin_labels(stack.labels[name], real, N_CLASSES, rare_below=1).astype(np.float64)
    else:
        values = _ranks(stack.numbers[name], real)
    return Secret(
        name=name,
        is_label=is_label,
        values=values,
        guessable=values != N_CLASSES if is_label else ~np.isnan(values),
        features=features,
        is_categorical=np.array([column in stack.labels for column in stack.names], dtype=bool),
        at=at,
    )


def _ranks(values: Floats, real: Rows) -> Floats:
    """Give the middle of each value's ranks among the real rows, 0 to 1; NaN for null."""
    seen = np.sort(values[real][~np.isnan(values[real])])
    ranks = np.searchsorted(seen, values, side="left") + np.searchsorted(seen, values, side="right")
    return np.where(np.isnan(values), np.nan, ranks / max(1, 2 * len(seen)))
