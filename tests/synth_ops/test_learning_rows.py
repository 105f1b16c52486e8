from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops import learning_rows
from synth_ops.learning_rows import LearningRows, read_learning_rows, read_rows, rows_worth
from synth_ops.plan.plan import Plan
from synth_ops.relate import Augmented, Relations, augment
from synth_ops.relate.flat import PARENT_DEGREE
from synth_ops.workspace import Workspace
from tests.synth_ops.relate.databases import Real, key, plan_of, rows_of, table

MOST = 60


def family() -> tuple[Plan, Real]:
    """Give a parent of more rows than are looked at, its children, and theirs."""
    rng = np.random.default_rng(0)
    parent = rows_of("id", id=np.arange(100), city=["x", "y"] * 50)
    child = rows_of(
        "id",
        id=np.arange(300),
        parent_id=pa.array(rng.integers(0, 90, 300), mask=np.arange(300) % 10 == 0),
        kind_id=rng.integers(0, 40, 300),
        size=rng.random(300),
    )
    real = {"parent": parent, "kind": rows_of("id", id=np.arange(50), hue=rng.random(50)), "child": child}
    keys = [key("parent_id", "parent", "id"), key("kind_id", "kind", "id")]
    plans = (table("parent", parent, "id"), table("kind", real["kind"], "id"), table("child", child, "id", keys))
    return plan_of(*plans), real


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(learning_rows, "MOST_ROWS", MOST)
    workspace = Workspace(tmp_path, "family", "2026-01-01")
    workspace.prepare()
    for name, rows in family()[1].items():
        pq.write_table(rows, workspace.real(name), row_group_size=32)
    return workspace


def look(workspace: Workspace, name: str, *, seed: int = 0) -> tuple[Augmented, Augmented, LearningRows]:
    """Give one table's flat table, made of all rows and of a sample, and what was read for the latter."""
    plan, real = family()
    relations = Relations.of(plan, {n: t.num_rows for n, t in real.items()})
    found = read_learning_rows(workspace, plan, name, relations, seed=seed)
    sampled = augment(plan, name, found.real, relations, whole=found.whole)
    return augment(plan, name, real, relations), sampled, found


def test_rows_are_read_across_row_groups(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(100)}), tmp_path / "a.parquet", row_group_size=30)

    rows = read_rows(tmp_path / "a.parquet", np.array([0, 29, 30, 95]))

    assert rows.column("a").to_pylist() == [0, 29, 30, 95]


@pytest.mark.parametrize("name", ["parent", "child"])
def test_a_sample_has_the_degrees_and_labels_of_all_rows(workspace: Workspace, name: str) -> None:
    """Children are counted, and parents found, before rows are left out."""
    all_rows, sampled, found = look(workspace, name)

    assert found.whole is not None
    assert sampled.table.num_rows == MOST
    assert sampled.table.equals(all_rows.table.take(pa.array(found.whole.chosen)))
    assert (sampled.spec.n_rows, sampled.spec.foreign_keys) == (all_rows.spec.n_rows, all_rows.spec.foreign_keys)


def test_a_parents_degree_is_not_counted_on_the_sample(workspace: Workspace) -> None:
    _, sampled, _ = look(workspace, "child")

    degrees = sampled.table.column(PARENT_DEGREE).drop_null().to_numpy()

    assert degrees.mean() > 2  # of 60 children among 90 parents no parent has many


def test_of_tables_that_are_only_counted_no_more_than_keys_is_read(workspace: Workspace) -> None:
    _, _, found = look(workspace, "parent")

    assert found.real["child"].column_names == ["id", "parent_id", "kind_id"]
    assert found.real["kind"].column_names == ["id"]


def test_the_same_seed_chooses_the_same_rows(workspace: Workspace) -> None:
    first, same, other = (look(workspace, "child", seed=seed)[1].table for seed in (1, 1, 2))

    assert first.equals(same)
    assert not first.equals(other)


def test_a_table_that_is_small_enough_is_read_whole(workspace: Workspace) -> None:
    all_rows, read, found = look(workspace, "kind")

    assert found.whole is None
    assert read.table.equals(all_rows.table)


@pytest.mark.parametrize(
    ("seconds", "n_rows"), [(None, 1_000_000), (3_600.0, 1_000_000), (60.0, 120_000), (1.0, 20_000)]
)
def test_a_time_budget_bounds_the_rows_that_are_encoded(seconds: float | None, n_rows: int) -> None:
    assert rows_worth(seconds) == n_rows
