"""Tables of text columns, and what is found in them."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from synth_ops.personal import Sampler, find_personal, looked_at
from synth_ops.plan.finding import Finding
from synth_ops.schema import Column, Table

TYPES = {pa.string(): ("VARCHAR", "string"), pa.float64(): ("DOUBLE", "double"), pa.int64(): ("BIGINT", "int64")}


def found_in(columns: Mapping[str, Sequence[object]], *, nullable: bool = True) -> dict[str, Finding]:
    """Give what is found in a table of these columns."""
    rows = pa.table(dict(columns))
    declared = [
        Column(name=f.name, source_type=TYPES[f.type][0], arrow_type=TYPES[f.type][1], nullable=nullable)
        for f in rows.schema
    ]
    table = Table(name="t", columns=tuple(declared))
    sampler = Sampler(looked_at(table))
    for batch in rows.to_batches(max_chunksize=1000):
        sampler.update(batch)
    return find_personal(table, sampler.samples())


def word_for(values: Sequence[object]) -> str | None:
    """Give what synth.yaml would say of a column of these values; None where it is learned."""
    found = found_in({"column": values})
    return found["column"].word if found else None
