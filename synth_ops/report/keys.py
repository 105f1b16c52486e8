"""How many children each parent has, real beside synthetic: no bar stands for fewer than `rare_below` real parents."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synth_ops.measure import ReadColumns, Sides
from synth_ops.measure.relations import Link, link
from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Record
from synth_ops.report.bins import Shares, pool_edges
from synth_ops.report.rounding import rounded, shown_share
from synth_ops.schema import ForeignKey

_FIRST = 8
"""Counts of children that have a bar each, where enough parents have them."""
_GROWTH = 1.5
"""Each bar beyond is so many times as wide as the one before."""
_FEWEST_BARS = 2


class KeyChart(Record):
    """One foreign key: whether references resolve, and children per parent."""

    name: str
    parent: str
    labels: tuple[str, ...] = ()
    """One for each bar: ``0``, ``1``, ``2 to 3``, ``12 or more``; empty where there are too few parents to draw."""
    real: Shares = ()
    """Share of the parents in each bar."""
    synthetic: Shares = ()
    mean_real: float | None = None
    """Children per parent, none counted as more than so many real parents have; None with too few parents to tell."""
    mean_synthetic: float = 0.0
    orphans_real: float | None = None
    """Share of references that point nowhere; None where they are too few to tell. Likewise the nulls."""
    orphans_synthetic: float = 0.0
    nulls_real: float | None = None
    """Share of rows that refer to nothing."""
    nulls_synthetic: float = 0.0


def collect_keys(plan: Plan, table: TablePlan, sides: Sides) -> tuple[KeyChart, ...]:
    """Measure each foreign key whose parent is in the copy; one that cannot be laid over the source's is left out."""
    return tuple(_charts(plan, table, sides))


def _charts(plan: Plan, table: TablePlan, sides: Sides) -> Iterator[KeyChart]:
    present = {t.name for t in plan.tables if t.mode != "skip"}
    for key in (key for key in table.foreign_keys if key.ref_table in present):
        there, here = (_link(table.name, key, read) for read in (sides.real, sides.synthetic))
        if there is not None and here is not None:
            yield _chart(key, there, here, plan.privacy.rare_below)


def _link(table: str, key: ForeignKey, read: ReadColumns) -> Link | None:
    """Resolve the key; a lost column is a finding of the gate, and no reason to draw nothing at all."""
    try:
        return link(table, key, read)
    except (KeyError, pa.ArrowException):
        return None


def _chart(key: ForeignKey, there: Link, here: Link, k: int) -> KeyChart:
    # The mean of few parents' children, or of one's that has thousands, would tell of them.
    most = np.sort(there.children)[-k:][:1].sum()
    bare = KeyChart(
        name=key.name,
        parent=key.ref_table,
        mean_real=rounded(np.minimum(there.children, most).mean()) if there.n_parents >= k else None,
        mean_synthetic=rounded(np.minimum(here.children, most).mean()) if here.n_parents else 0.0,
        orphans_real=shown_share(int((there.position < 0).sum()), len(there.position), k),
        orphans_synthetic=rounded(here.orphans),
        nulls_real=shown_share(there.n_children - len(there.position), there.n_children, k),
        nulls_synthetic=rounded(here.nulls),
    )
    edges = _edges(there.children, k)
    if len(edges) <= _FEWEST_BARS or not here.n_parents:
        return bare
    drawn = {"real": _shares(there.children, edges), "synthetic": _shares(here.children, edges)}
    return bare.model_copy(update={"labels": tuple(_labels(edges)), **drawn})


def _edges(children: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.float64]:
    """Give edges of bars that each hold at least k parents, the first from 0 and the last without an end."""
    if len(children) < _FEWEST_BARS * k:
        return np.empty(0)
    edges = list(range(_FIRST + 1))
    while edges[-1] <= children.max():
        edges.append(int(np.ceil(edges[-1] * _GROWTH)))
    whole = np.array([*edges, np.inf])
    return pool_edges(whole, np.histogram(children, whole)[0], k)


def _shares(children: npt.NDArray[np.int64], edges: npt.NDArray[np.float64]) -> Shares:
    counts = np.histogram(children, edges)[0]
    return tuple(rounded(c / len(children)) for c in counts)


def _labels(edges: npt.NDArray[np.float64]) -> Iterator[str]:
    for low, high in pairwise(edges):
        if np.isinf(high):
            yield f"{low:.0f} or more"
        else:
            yield f"{low:.0f}" if high - low == 1 else f"{low:.0f} to {high - 1:.0f}"
