"""What two nights' copies tell together: rows that came in between are given away by a copy that moves towards them."""

import numpy as np
import pyarrow as pa
import pytest

from synth_ops.holdout import look_whose
from synth_ops.measure import Measure, Subject, private
from synth_ops.measure.privacy.delta import MAX_AUC, MIN_ROWS
from synth_ops.measure.stack import stack_rows
from synth_ops.measure.subject import Before
from synth_ops.workspace.salt import NO_SALT
from tests.synth_ops.measure.test_measure import plan_of

N_FIRST, N_ADDED = 2_500, 2_500


@pytest.fixture(autouse=True)
def _only_delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "list_attacks", lambda *_: ())


def people(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return pa.table({"a": x[:, 0], "b": x[:, 0] + x[:, 1], "c": x[:, 2], "plan": rng.choice(["free", "paid"], n)})


def delta(tonight: pa.Table, last_night: pa.Table, copy: pa.Table, before: pa.Table) -> Measure:
    plan = plan_of(tonight)
    whose = look_whose(plan, "t", tonight, lambda *_: tonight, NO_SALT)
    subject = Subject(
        plan, plan.tables[0], tonight, copy, whose.held_out, ids=whose.ids, before=Before(last_night, before)
    )
    scales = {"a": "number", "b": "number", "c": "number", "plan": "label"}
    stack = stack_rows(tonight, copy, scales, whose.held_out, whose.ids)  # type: ignore[arg-type] # two of the scales
    return next(m for m in private.measure_privacy(subject, stack, 0) if m.name == "delta_membership_auc")


@pytest.fixture(scope="module")
def nights() -> tuple[pa.Table, pa.Table]:
    """Give the rows of last night, and of tonight, in another order."""
    first = people(N_FIRST, 1)
    rows = pa.concat_tables([people(N_ADDED, 2), first])
    return first, rows.take(np.random.default_rng(3).permutation(rows.num_rows))


def test_honest_copies_tell_nothing_of_what_was_added(nights: tuple[pa.Table, pa.Table]) -> None:
    first, tonight = nights
    found = delta(tonight, first, people(4_000, 4), people(4_000, 5))

    assert found.error is None
    assert found.high is not None
    assert found.high < MAX_AUC


def test_a_copy_that_moves_towards_what_was_added_is_found(nights: tuple[pa.Table, pa.Table]) -> None:
    first, tonight = nights
    plan = plan_of(tonight)
    whose = look_whose(plan, "t", tonight, lambda *_: tonight, NO_SALT)
    learned = tonight.filter(pa.array(~whose.held_out))
    near = np.random.default_rng(6).normal(scale=0.02, size=learned.num_rows)
    copy = learned.set_column(0, "a", pa.array(learned["a"].to_numpy() + near))
    found = delta(tonight, first, copy, people(4_000, 5))

    assert found.high is not None
    assert found.high > MAX_AUC


def test_few_rows_added_tell_nothing_either_way(nights: tuple[pa.Table, pa.Table]) -> None:
    first, _ = nights
    tonight = pa.concat_tables([first, people(MIN_ROWS // 2, 7)])
    found = delta(tonight, first, people(2_000, 4), people(2_000, 5))

    assert found.observed is None
    assert "were added" in str(found.waived)


def test_the_first_night_has_nothing_to_be_held_against(nights: tuple[pa.Table, pa.Table]) -> None:
    first, _ = nights
    plan = plan_of(first)
    whose = look_whose(plan, "t", first, lambda *_: first, NO_SALT)
    subject = Subject(plan, plan.tables[0], first, people(2_000, 4), whose.held_out, ids=whose.ids)
    stack = stack_rows(first, people(2_000, 4), {"a": "number"}, whose.held_out, whose.ids)
    found = next(m for m in private.measure_privacy(subject, stack, 0) if m.name == "delta_membership_auc")

    assert found.waived == "no copy was published before"
