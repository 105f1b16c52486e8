"""Groups of like parents: what a child's model learns of a parent that it is not conditioned on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.records import Record

MAX_CLUSTERS = 32
MAX_FITTED = 20_000
"""Parents that centroids are fitted to."""
N_KNOTS = 33
"""Quantiles that turn a number into its normal rank."""
MAX_CATEGORIES = 12
"""Most frequent categories of a column that become a feature."""


class NumericFeature(Record):
    """A number or a time, by its rank."""

    column: str
    knots: tuple[float, ...]
    """Ascending quantiles, extremes pooled."""


class CategoryFeature(Record):
    """A category, by its most frequent values."""

    column: str
    names: tuple[str, ...]


class ClusterSpec(Record):
    """Centroids of like parents, and the features they are measured in."""

    numeric: tuple[NumericFeature, ...] = ()
    categories: tuple[CategoryFeature, ...] = ()
    centroids: tuple[tuple[float, ...], ...] = ((),)

    @classmethod
    def of(cls, parents: pa.Table, used: NDArray[np.bool_], *, rare_below: int, seed: int) -> "ClusterSpec":
        """Cluster the parents that have children, at least `rare_below` in each cluster."""
        n_clusters = min(MAX_CLUSTERS, int(used.sum()) // (2 * max(rare_below, 1)))
        known = parents.filter(pa.array(used))
        spec = cls(numeric=_numeric_features(known, rare_below), categories=_category_features(known, rare_below))
        features = spec._features(known)
        if n_clusters < 2 or features.shape[1] == 0:  # noqa: PLR2004 — one cluster is no clustering
            return cls()
        centroids = _fit(features, n_clusters, seed)
        centroids = _without_rare(features, centroids, rare_below)
        return spec.model_copy(update={"centroids": tuple(tuple(map(float, c)) for c in centroids.round(6))})

    def labels(self, parents: pa.Table) -> NDArray[np.int64]:
        """Give the nearest cluster of each parent.

        **Shape**

        - result: ``(n_parents,)``; in ``range(len(self.centroids))``
        """
        if len(self.centroids) == 1:
            return np.zeros(parents.num_rows, dtype=np.int64)
        return _nearest(self._features(parents), np.array(self.centroids))

    def _features(self, parents: pa.Table) -> NDArray[np.float64]:
        pieces = [_normal_rank(_numbers(parents, f.column), f.knots) for f in self.numeric]
        for feature in self.categories:
            text = texts(parents, feature.column)
            pieces += [(text == v).to_numpy(dtype=np.float64) for v in feature.names]
        return np.stack(pieces, axis=1) if pieces else np.zeros((parents.num_rows, 0))


def label_text(cluster: NDArray[np.int64]) -> NDArray[np.object_]:
    """Give clusters their names: ``c0``, ``c1``."""
    names = np.array([f"c{i}" for i in range(int(cluster.max(initial=0)) + 1)], dtype=object)
    return names[cluster]


def is_numeric(dtype: pa.DataType) -> bool:
    """Tell whether values of the type have a distance."""
    numbers = pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype)
    return bool(numbers or pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


def texts(table: pa.Table, column: str) -> "pd.Series[str]":
    """Give a column as text, null where it is null or not there."""
    if column not in table.column_names:
        return pd.Series([None] * table.num_rows, dtype=object)
    return pd.Series(table.column(column).cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    if column not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values = table.column(column)
    if pa.types.is_temporal(values.type):
        unit = pa.int32() if pa.types.is_date32(values.type) else pa.int64()
        values = values.cast(unit)
    return np.asarray(pc.fill_null(values.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False))


def _numeric_features(parents: pa.Table, rare_below: int) -> tuple[NumericFeature, ...]:
    features = []
    for field in parents.schema:
        if not is_numeric(field.type):
            continue
        values = np.sort(_numbers(parents, field.name))
        values = values[np.isfinite(values)]
        edge = min(rare_below, len(values) // 2)
        values = values[edge : len(values) - edge]
        if len(values) and values[0] < values[-1]:
            knots = np.unique(np.quantile(values, np.linspace(0, 1, N_KNOTS)))
            features.append(NumericFeature(column=field.name, knots=tuple(map(float, knots))))
    return tuple(features)


def _category_features(parents: pa.Table, rare_below: int) -> tuple[CategoryFeature, ...]:
    features = []
    for field in parents.schema:
        if not (pa.types.is_string(field.type) or pa.types.is_boolean(field.type)):
            continue
        counts = texts(parents, field.name).value_counts(sort=False).sort_index()
        frequent = counts[counts >= rare_below].sort_values(ascending=False, kind="stable")
        values = tuple(map(str, frequent.index[:MAX_CATEGORIES]))
        if values:
            features.append(CategoryFeature(column=field.name, names=values))
    return tuple(features)


def _normal_rank(values: NDArray[np.float64], knots: Sequence[float]) -> NDArray[np.float64]:
    """Put numbers on a standard normal scale by their quantile; what is missing lies in the middle."""
    from scipy.special import ndtri  # scipy takes a while to load, and only clusters need it

    share = np.interp(values, knots, np.linspace(0.02, 0.98, len(knots)))
    return np.asarray(np.where(np.isfinite(values), ndtri(np.nan_to_num(share, nan=0.5)), 0.0))


def _fit(features: NDArray[np.float64], n_clusters: int, seed: int) -> NDArray[np.float64]:
    from sklearn.cluster import KMeans  # scikit-learn takes a while to load, and only clusters need it
    from threadpoolctl import threadpool_limits

    fitted = np.sort(np.random.default_rng(seed).permutation(len(features))[:MAX_FITTED])
    chosen = features[fitted]
    n_distinct = len(np.unique(chosen, axis=0))
    # One thread, since sums in another order would give other centroids.
    with threadpool_limits(1):
        model = KMeans(min(n_clusters, n_distinct), n_init=3, max_iter=50, random_state=seed % 2**32).fit(chosen)
    return np.asarray(model.cluster_centers_)


def _without_rare(
    features: NDArray[np.float64], centroids: NDArray[np.float64], rare_below: int
) -> NDArray[np.float64]:
    """Drop the smallest cluster until none is rare; its parents go to the next nearest."""
    while len(centroids) > 1:
        sizes = np.bincount(_nearest(features, centroids), minlength=len(centroids))
        if sizes.min() >= rare_below:
            break
        centroids = np.delete(centroids, int(sizes.argmin()), axis=0)
    return centroids


def _nearest(features: NDArray[np.float64], centroids: NDArray[np.float64]) -> NDArray[np.int64]:
    distances = (centroids**2).sum(axis=1) - 2 * features @ centroids.T
    return np.asarray(distances.argmin(axis=1))
