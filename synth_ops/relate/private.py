"""The flat table of one table under a privacy budget: its own columns alone, and nothing that relatives say of a row.

A parent has a say in all its children, so that what is learned of both would have to be paid for by families, and not
by rows. Parents are drawn evenly instead; how many there are, and how many keys are null, are noisy counts.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.plan.plan import Kind, Plan, TablePlan
from synth_ops.privacy.budget import counted_links, learned_columns
from synth_ops.privacy.counting import NoisyCounter
from synth_ops.relate.augment import Augmented
from synth_ops.relate.clusters import ClusterSpec
from synth_ops.relate.degrees import DegreeGroup, DegreeSpec
from synth_ops.relate.flat import flat_name, table_of
from synth_ops.relate.keys import key_spec
from synth_ops.relate.match import any_null, key_of
from synth_ops.relate.order import Relations
from synth_ops.relate.spec import FkSpec, TableSpec
from synth_ops.relate.unlearned import fit_minters
from synth_ops.schema import ForeignKey

_ANY = 10**9
"""More parents than there are: each may be pointed at."""
_EVEN = DegreeSpec(groups=(DegreeGroup(share=1.0, low=1.0, high=1.0),))


@dataclass(frozen=True)
class _Subject:
    """One table, and who counts its rows."""

    plan: Plan
    table: TablePlan
    rows: pa.Table
    counter: NoisyCounter

    @property
    def no_rows(self) -> pa.Table:
        """The table's columns, for what is settled by types alone."""
        return self.rows.slice(0, 0)


def augment_privately(
    plan: Plan, name: str, rows: pa.Table, counter: NoisyCounter, *, keep: NDArray[np.bool_]
) -> Augmented:
    """Make the flat table of the rows to keep; what its spec says of all rows are noisy counts."""
    subject = _Subject(plan, plan.table(name), rows, counter)
    n_rows = max(0, int(counter.count(np.zeros(rows.num_rows, np.int64), 1)[0]))
    related = Relations.of(plan, {}, mains={t.name: None for t in plan.tables}).table(name)
    key = key_spec(subject.table, subject.no_rows, related, {}, rare_below=1)
    table, kinds = _flat(subject)
    spec = TableSpec(
        table=name,
        n_rows=n_rows,
        columns=tuple(table.column_names),
        context=(),
        others=tuple(_link(subject, k, n_rows) for k in related.others),
        key=key,
        minters=fit_minters(subject.table, subject.no_rows, related, key, set(), rare_below=1),
    )
    kept = table.filter(pa.array(keep)) if table.num_columns else table
    return Augmented(table=kept, kinds=kinds, context=(), spec=spec)


def _flat(subject: _Subject) -> tuple[pa.Table, dict[str, Kind]]:
    names = learned_columns(subject.table)
    table = table_of({flat_name(c): subject.rows.column(c) for c in names})
    nullable = {flat_name(c): subject.table.table.column(c).nullable for c in names}
    fields = [f.with_nullable(nullable[f.name]) for f in table.schema]
    kinds = {flat_name(c): subject.table.column(c).kind for c in names}
    return (table.cast(pa.schema(fields)) if fields else table), kinds


def _link(subject: _Subject, key: ForeignKey, n_rows: int) -> FkSpec:
    """Say that a key points at any parent, and how often at none."""
    n_null = 0
    if key.name in counted_links(subject.plan, subject.table):
        is_null = np.asarray(any_null(key_of(subject.rows, key.columns)), np.int64)
        n_null = int(subject.counter.count(is_null, 2)[1])
    null_share = min(1.0, max(0.0, n_null / max(1, n_rows)))
    if subject.plan.table(key.ref_table).mode == "copy":
        return FkSpec(foreign_key=key, copied=True, null_share=null_share, n_rare=_ANY)
    return FkSpec(foreign_key=key, copied=False, null_share=null_share, degrees=_EVEN, clusters=ClusterSpec())
