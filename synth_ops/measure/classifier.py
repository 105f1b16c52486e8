"""Whether a classifier can tell the copy from production, and how many rows it is sure of."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.draws import Rows, draw_samples
from synth_ops.measure.grid import bin_labels
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack
from synth_ops.settings import n_threads
from synth_ops.shards import in_order

Scores = NDArray[np.float64]

MAX_ROWS = 10_000
N_LABELS = 200
N_FLOORS = 2
N_FOLDS = 3
SURE = 0.005
"""Share of real rows that may be taken for synthetic by those scores that a classifier is sure at."""


@dataclass(frozen=True)
class Features:
    """Rows as a classifier takes them.

    **Shape**

    - values: ``(n_rows, n_columns)``; labels as codes
    - is_label: ``(n_columns,)``
    """

    values: NDArray[np.float32]
    is_label: NDArray[np.bool_]


def measure_classifier(table: str, stack: Stack, rare_below: int, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the area under the curve of boosted trees told to tell synthetic from training rows, and its tail.

    One half is best. Far below it, each row's twin stands in the other half: the sign of a copied table. The tail is
    the share of synthetic rows that score higher than all but `SURE` of the real ones: rows that cannot be real, which
    a mean over all rows does not show.
    """
    from threadpoolctl import threadpool_limits

    draws = draw_samples(stack, N_FLOORS, MAX_ROWS, rng)
    seeds = [int(s) for s in rng.integers(2**31, size=N_FLOORS)]
    told = [(d.training, d.holdout, seed) for d, seed in zip(draws, seeds, strict=True)]
    told.append((draws[0].training, draws[0].synthetic, seeds[0]))

    def scores(sides: tuple[Rows, Rows, int]) -> tuple[Scores, Scores]:
        return _scores(stack, rare_below, *sides)

    # One thread each: on a busy machine OpenMP's threads wait for each other in a loop, and take tens of times longer.
    with threadpool_limits(1):
        *floors, observed = (made for made, _ in in_order(scores, told, n_threads()))
    for name, statistic in (("classifier_auc", _auc), ("implausible_rows", _tail)):
        chance = [statistic(*scores) for scores in floors]
        yield Measure(
            table=table,
            name=name,
            observed=statistic(*observed),
            floor=float(np.mean(chance)),
            floor_high=float(np.max(chance)),
            n=draws[0].n,
        )


def features_of(stack: Stack, rows: Rows, rare_below: int) -> Features:
    """Give some rows' numbers as they are and labels as codes."""
    labels = [bin_labels(codes, stack.training, N_LABELS, rare_below)[rows] for codes in stack.labels.values()]
    columns = [_bounded(v[rows]) for v in stack.numbers.values()] + [c.astype(np.float32) for c in labels]
    return Features(np.column_stack(columns), np.arange(len(columns)) >= len(stack.numbers))


def _bounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Centre and scale, so that times keep their minutes in single precision."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(len(values), dtype=np.float32)
    low, span = finite.min(), np.ptp(finite) or 1.0
    return np.asarray(np.clip((values - low) / span, -1, 2), dtype=np.float32)


def _scores(stack: Stack, rare_below: int, real: Rows, other: Rows, seed: int) -> tuple[Scores, Scores]:
    """Give the scores of both sides, each row's by trees that did not see it."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # a second to load; only a worker measures
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    features = features_of(stack, np.concatenate([real, other]), rare_below)
    y = np.repeat([0, 1], [len(real), len(other)])
    model = HistGradientBoostingClassifier(
        max_iter=60, early_stopping=False, categorical_features=features.is_label, random_state=seed
    )
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, features.values, y, cv=folds, method="predict_proba")[:, 1]
    return scores[: len(real)], scores[len(real) :]


def _auc(real: Scores, other: Scores) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([0, 1], [len(real), len(other)]), np.concatenate([real, other])))


def _tail(real: Scores, other: Scores) -> float:
    return float((other > np.quantile(real, 1 - SURE)).mean())
