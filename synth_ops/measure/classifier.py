"""Whether a classifier can tell the copy from production."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.draws import draw_samples
from synth_ops.measure.grid import bin_labels
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

MAX_ROWS = 10_000
N_LABELS = 200
N_FLOORS = 2
N_FOLDS = 3


def measure_classifier(table: str, stack: Stack, rare_below: int, rng: np.random.Generator) -> Iterator[Measure]:
    """Give the area under the curve of boosted trees told to tell synthetic from training rows.

    One half is best. Far below it, each row's twin stands in the other half: the sign of a copied table.
    """
    draws = draw_samples(stack, N_FLOORS, MAX_ROWS, rng)
    features = _features(stack, rare_below)
    seeds = rng.integers(2**31, size=N_FLOORS)
    floors = [_auc(features, d.training, d.holdout, stack, int(s)) for d, s in zip(draws, seeds, strict=True)]
    yield Measure(
        table=table,
        name="classifier_auc",
        observed=_auc(features, draws[0].training, draws[0].synthetic, stack, int(seeds[0])),
        floor=float(np.mean(floors)),
        floor_high=float(np.max(floors)),
        n=draws[0].n,
    )


def _features(stack: Stack, rare_below: int) -> NDArray[np.float32]:
    """Give numbers as they are and labels as codes: ``(n_rows, n_columns)``."""
    labels = [bin_labels(codes, stack.training, N_LABELS, rare_below) for codes in stack.labels.values()]
    columns = [_bounded(values) for values in stack.numbers.values()] + [c.astype(np.float32) for c in labels]
    return np.column_stack(columns)


def _bounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Centre and scale, so that times keep their minutes in single precision."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(len(values), dtype=np.float32)
    low, span = finite.min(), np.ptp(finite) or 1.0
    return np.asarray(np.clip((values - low) / span, -1, 2), dtype=np.float32)


def _auc(
    features: NDArray[np.float32], real: NDArray[np.int64], other: NDArray[np.int64], stack: Stack, seed: int
) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier  # a second to load; only a worker measures
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    x = features[np.concatenate([real, other])]
    y = np.repeat([0, 1], [len(real), len(other)])
    is_label = np.arange(x.shape[1]) >= len(stack.numbers)
    model = HistGradientBoostingClassifier(
        max_iter=60, early_stopping=False, categorical_features=is_label, random_state=seed
    )
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    # One thread: on a busy machine OpenMP's threads wait for each other in a loop, and take tens of times longer.
    with threadpool_limits(1):
        scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, scores))
