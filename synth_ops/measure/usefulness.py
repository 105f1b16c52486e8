"""Whether a model trained on the copy does its work as well as one trained on production: for a declared target."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.classifier import Features, features_of
from synth_ops.measure.draws import draw_samples
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack
from synth_ops.settings import n_threads
from synth_ops.shards import in_order

MAX_ROWS = 20_000
N_DRAWS = 3
MIN_CLASSES, MAX_CLASSES = 2, 50


@dataclass(frozen=True)
class Task:
    """What is predicted from what.

    **Shape**

    - known: ``(n_rows,)``; False where there is nothing to predict
    - wanted: ``(n_rows,)``; class numbers, or values
    """

    features: Features
    wanted: NDArray[np.float64]
    known: NDArray[np.bool_]
    is_label: bool


def measure_usefulness(
    table: str, stack: Stack, target: str, rare_below: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Give what a model loses that is trained on the copy, on held-out real rows: of area under the curve, or of R².

    The floor is what changes from one sample of real training rows to another. `independent` is what a model loses
    that knows the target's distribution and nothing else.
    """
    from threadpoolctl import threadpool_limits

    task = _task(stack, target, rare_below)
    if isinstance(task, str):
        yield Measure(table=table, name="usefulness_lost", column=target, error=task)
        return
    draws = draw_samples(stack, N_DRAWS, MAX_ROWS, rng)
    test = stack.holdout[task.known[stack.holdout]][:MAX_ROWS]
    taught = [(rows, k) for k, d in enumerate(draws) for rows in (d.training, d.synthetic)]
    with threadpool_limits(1):  # as in the classifier
        scores = [made for made, _ in in_order(lambda by: _score(task, by[0], test, by[1]), taught, n_threads())]
    real, copied = scores[::2], scores[1::2]
    spread = float(np.std(real))
    blind = 0.5 if task.is_label else 0.0
    yield Measure(
        table=table,
        name="usefulness_lost",
        column=target,
        observed=float(np.mean(real) - np.mean(copied)),
        floor=0.0,
        floor_high=1.645 * spread * np.sqrt(2 / N_DRAWS),
        independent=float(np.mean(real) - blind),
        n=draws[0].n,
    )


def _task(stack: Stack, target: str, rare_below: int) -> Task | str:
    """Give the task, or say why there is none."""
    if target not in stack.names:
        return "the target is not among the columns that are compared by value"
    features = features_of(stack, np.arange(stack.n_rows), rare_below)
    column = stack.names.index(target)
    others = np.arange(features.values.shape[1]) != column
    if not others.any():
        return "there is no column to predict the target from"
    is_label = target in stack.labels
    wanted = features.values[:, column].astype(np.float64)
    known = stack.labels[target] >= 0 if is_label else np.isfinite(stack.numbers[target])
    if is_label and not MIN_CLASSES <= len(np.unique(wanted[stack.training])) <= MAX_CLASSES:
        return f"a target must have {MIN_CLASSES} to {MAX_CLASSES} classes that enough real rows hold"
    return Task(Features(features.values[:, others], features.is_label[others]), wanted, known, is_label)


def _score(task: Task, rows: NDArray[np.int64], test: NDArray[np.int64], seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    rows = rows[task.known[rows]]
    x, y = task.features.values[rows], task.wanted[rows]
    words = {"max_iter": 60, "early_stopping": False, "random_state": seed}
    if not task.is_label:
        regressor = HistGradientBoostingRegressor(categorical_features=task.features.is_label, **words)
        if len(y) < MIN_CLASSES:
            return 0.0
        fitted = regressor.fit(x, y).predict(task.features.values[test])
        return float(max(r2_score(task.wanted[test], fitted), -1.0))
    if len(np.unique(y)) < MIN_CLASSES:
        return 0.5
    model = HistGradientBoostingClassifier(categorical_features=task.features.is_label, **words).fit(x, y)
    scores = model.predict_proba(task.features.values[test])
    return _auc(task.wanted[test], scores, model.classes_)


def _auc(wanted: NDArray[np.float64], scores: NDArray[np.float64], classes: NDArray[np.float64]) -> float:
    """Give the mean over classes of each against the rest, by how many rows each has; an unknown class scores 1/2."""
    from sklearn.metrics import roc_auc_score

    known = {c: scores[:, i] for i, c in enumerate(classes.tolist())}
    found, weights = [], []
    for c in np.unique(wanted).tolist():
        truth = wanted == c
        if 0 < truth.sum() < len(truth):
            found.append(float(roc_auc_score(truth, known[c])) if c in known else 0.5)
            weights.append(int(truth.sum()))
    return float(np.average(found, weights=weights)) if found else 0.5
