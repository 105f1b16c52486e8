"""What real foreign keys say: who points where, how many do, and what label each row has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.relate.clusters import ClusterSpec, label_text
from synth_ops.relate.degrees import DegreeSpec
from synth_ops.relate.keys import key_label, key_texts
from synth_ops.relate.match import any_null, find_rows, key_of, tuple_codes
from synth_ops.relate.spec import FkSpec
from synth_ops.schema import ForeignKey

NULL = "null"
ORPHAN = "orphan"
PRESENT = "present"
SELF = "self"
"""A row that points at itself."""
RARE = "rare"
"""A copied parent that too few rows point at."""

NO_PARENT = -1


def pointers(child: pa.Table, key: ForeignKey, parent: pa.Table) -> NDArray[np.int64]:
    """Give each child's parent row, or -1.

    **Shape**

    - result: ``(n_child_rows,)``
    """
    return find_rows(key_of(child, key.columns), key_of(parent, key.ref_columns))


def link_labels(child: pa.Table, key: ForeignKey, parent_rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Tell of each child whether its parent is present, null or an orphan's."""
    labels = np.full(child.num_rows, PRESENT, dtype=object)
    labels[parent_rows < 0] = ORPHAN
    labels[any_null(key_of(child, key.columns))] = NULL
    return labels


def count_children(parent_rows: NDArray[np.int64], n_parents: int, *, to_itself: bool) -> NDArray[np.int64]:
    """Count each parent's children, itself not among them.

    **Shape**

    - parent_rows: ``(n_child_rows,)``, -1 where there is none
    - result: ``(n_parents,)``
    """
    chosen = parent_rows >= 0
    if to_itself:
        chosen &= parent_rows != np.arange(len(parent_rows))
    return np.bincount(parent_rows[chosen], minlength=n_parents)


@dataclass(frozen=True)
class ParentSide:
    """The table that a key points at."""

    rows: pa.Table
    features: pa.Table | None
    """What describes its rows, where it is synthesised."""
    own: bool
    """Whether it is the child itself."""
    clusters: ClusterSpec | None = None
    """Those of an earlier night, where labels must go on to mean what they meant."""


def fk_spec(
    child: pa.Table, key: ForeignKey, parent: ParentSide, *, rare_below: int
) -> tuple[FkSpec, NDArray[np.object_]]:
    """Describe a key, and give each child's label by it."""
    rows = pointers(child, key, parent.rows)
    labels = link_labels(child, key, rows)
    shares = _shares(child, key, labels)
    features = parent.features
    if features is None:
        common, n_rare = _name_copied(labels, key_texts(key_of(child, key.columns)), rare_below)
        return FkSpec(foreign_key=key, copied=True, common=common, n_rare=n_rare, **shares), labels
    degrees = count_children(rows, parent.rows.num_rows, to_itself=parent.own)
    clusters = parent.clusters or ClusterSpec.of(features, degrees > 0, rare_below=rare_below, seed=0)
    present = labels == PRESENT
    labels[present] = label_text(clusters.labels(features))[rows[present]]
    if parent.own:
        labels[rows == np.arange(len(rows))] = SELF
    smooth = DegreeSpec.of(degrees, rare_below=rare_below)
    return FkSpec(foreign_key=key, copied=False, degrees=smooth, clusters=clusters, **shares), labels


def main_spec(child: pa.Table, key: ForeignKey, rows: NDArray[np.int64], n_parents: int, rare_below: int) -> FkSpec:
    """Describe the main key, given each child's parent row."""
    labels = link_labels(child, key, rows)
    degrees = count_children(rows, n_parents, to_itself=False)
    return FkSpec(
        foreign_key=key,
        copied=False,
        degrees=DegreeSpec.of(degrees, rare_below=rare_below),
        **_shares(child, key, labels),
    )


def _name_copied(
    labels: NDArray[np.object_], texts: NDArray[np.object_], rare_below: int
) -> tuple[tuple[str, ...], int]:
    """Put the parent's own key for each present label, in place; give those that are not rare, and count the rest."""
    present = labels == PRESENT
    counts: Mapping[str, int] = pd.Series(texts[present], dtype=object).value_counts(sort=False).to_dict()
    common = {k for k, n in counts.items() if n >= rare_below}
    labels[present] = [key_label(t) if t in common else RARE for t in texts[present]]
    return tuple(sorted(map(key_label, common))), len(counts) - len(common)


def _shares(child: pa.Table, key: ForeignKey, labels: NDArray[np.object_]) -> dict[str, float]:
    """Give the shares of nulls and orphans, and how many different keys the orphans have."""
    if not len(labels):
        return {"null_share": 0.0}
    orphans = labels == ORPHAN
    codes = tuple_codes(key_of(child, key.columns))[0][orphans]
    return {
        "null_share": float((labels == NULL).mean()),
        "orphan_share": float(orphans.mean()),
        "orphan_repeat": len(np.unique(codes)) / max(len(codes), 1) or 1.0,
    }
