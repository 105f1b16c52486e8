"""What of a table stays in memory until the database is whole: what keys and relatives need, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synth_ops.relate.clusters import ClusterSpec
from synth_ops.relate.flat import degree_name, label_name
from synth_ops.relate.spec import TableSpec


@dataclass(frozen=True)
class Kept:
    """Names of what is kept of one table; all else is done with once a chunk of rows is made."""

    columns: frozenset[str] = frozenset()
    """Source columns of its own keys, and those that other tables' keys point at."""
    flat: frozenset[str] = frozenset()
    """Flat columns: its labels, its numbers of children, and what its children's models are told."""
    clusters: Mapping[str, ClusterSpec] = field(default_factory=dict)
    """By `degree_name`: the clusters that its rows belong to in the eyes of one kind of children."""


def kept_of(table: str, specs: Mapping[str, TableSpec]) -> Kept:
    """Say what is kept of a table, given the specs of all synthesised ones; of a copied table only keys are."""
    children = [(s.table, k) for s in specs.values() for k in s.foreign_keys if k.foreign_key.ref_table == table]
    columns = {c for _, k in children for c in k.foreign_key.ref_columns}
    flat = {degree_name(child, k.foreign_key) for child, k in children}
    flat |= {c for s in specs.values() if _main_parent(s) == table for c in s.parent_columns}
    clusters = {degree_name(child, k.foreign_key): k.clusters for child, k in children if k.clusters}
    if table in specs:
        columns |= own_key_columns(specs[table])
        flat |= {label_name(k.foreign_key) for k in specs[table].others}
    return Kept(columns=frozenset(columns), flat=frozenset(flat), clusters=clusters)


def own_key_columns(spec: TableSpec) -> set[str]:
    """Give the columns that are filled in, or moved between rows, when all rows are there."""
    columns = {c for k in spec.foreign_keys for c in k.foreign_key.columns}
    columns |= {c for key in spec.key.distinct for c in key}
    sequence = spec.key.sequence
    return columns | ({sequence.column, *sequence.by} if sequence else set())


def _main_parent(spec: TableSpec) -> str | None:
    return spec.main.foreign_key.ref_table if spec.main else None
