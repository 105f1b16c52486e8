import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.plan.plan import TablePlan
from synth_ops.relate import Draft, Relations, Scene, augment, finished, make_chunk, mint_whole, start
from tests.synth_ops.relate.databases import Real, plan_of, rows_of, table

REAL = rows_of(
    "id,code",
    id=np.arange(200),
    code=[f"K{i:04d}" for i in range(200)],
    badge=[f"{i % 40:03d}-{i % 40:02d}" for i in range(200)],
    size=np.arange(200.0),
)
PLAN: TablePlan = table("t", REAL, "id", unique=[("code",)])


def draft_of(n_rows: int) -> tuple[Draft, pa.Table]:
    """A draft with two keys, and a badge that repeats."""
    columns = tuple(c.model_copy(update={"fate": "mint"}) if c.name in ("code", "badge") else c for c in PLAN.columns)
    planned = PLAN.model_copy(update={"rows": n_rows, "columns": columns})
    plan = plan_of(planned)
    real: Real = {"t": REAL}
    seen = augment(plan, "t", real, Relations.of(plan, {"t": 200}))
    frame = start(planned, seen.spec, REAL.schema, {}, np.random.default_rng(0))
    draft = Draft(planned, REAL.schema, frame.n_rows, seen.spec)
    mint_whole(draft, Scene({}, lambda _t, c: REAL.column(c), np.random.default_rng(0)))
    pieces = []
    for rows in (range(100), range(100, n_rows)):
        sampled = pa.table({"size": np.arange(float(len(rows)))})
        chunk = make_chunk(draft, frame, rows, sampled, seed=3, taken=lambda _t, c: REAL.column(c))
        pieces.append(finished(draft, rows.start, len(rows), {**chunk.rest, **chunk.columns}))
    return draft, pa.concat_tables(pieces)


def test_keys_differ_from_chunk_to_chunk() -> None:
    rows = draft_of(350)[1]

    assert [pc.count_distinct(rows.column(c)).as_py() for c in ("id", "code")] == [350, 350]


def test_only_values_that_must_differ_are_made_at_once() -> None:
    assert set(draft_of(350)[0].columns) == {"code"}


def test_chunks_repeat_the_same_values_where_values_repeat() -> None:
    rows = draft_of(350)[1]

    badges = [set(rows.column("badge").slice(a, n).to_pylist()) for a, n in ((0, 100), (100, 250))]
    assert len(badges[0] | badges[1]) <= 0.2 * 350
    assert len(badges[0] & badges[1]) > 0.5 * len(badges[0])
