import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from synth_ops.plan import load_config
from synth_ops.records import ObservedTable, Published
from synth_ops.refresh import workspace_of
from synth_ops.workspace import write_record
from tests.projects import change
from tests.synth_ops.shop import build_shop

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster import build_synth_assets  # noqa: E402 — after the skip
from synth_ops.dagster.observation import share_changed  # noqa: E402

NIGHT = "2026-01-30"


def seen(**facts: Any) -> ObservedTable:
    return ObservedTable.model_validate({"name": "users", "version": "1", "n_rows": 100} | facts)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ({}, {}, 0.0),
        ({"n_written": 500}, {"version": "2", "n_written": 530}, 0.3),  # updates leave the number of rows as it is
        ({"n_written": 500}, {"version": "2", "n_written": 20}, 1.0),  # the server began to count anew
        ({}, {"version": "2", "n_rows": 80}, 0.2),
        ({"n_rows": None}, {"version": "2", "n_rows": None}, 1.0),  # only that it changed is known
    ],
)
def test_share_that_changed(then: dict[str, Any], now: dict[str, Any], expected: float) -> None:
    assert share_changed(seen(**now), {"users": seen(**then)}) == pytest.approx(expected)


def test_a_new_table_has_changed_wholly() -> None:
    assert share_changed(seen(), {}) == 1.0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop of which a night is published, as far as the sensor can tell."""
    plan = build_shop(tmp_path)
    workspace = workspace_of(load_config(plan), NIGHT).prepare()
    published = Published(night=NIGHT, snapshot=f"{NIGHT}-001-0", path="x", n_rows={}, n_bytes=0, seconds=0)
    write_record(workspace.record("publish"), published)
    return plan


def tick(plan: Path, cursor: str | None) -> Any:
    (sensor,) = build_synth_assets(plan).sensors or ()
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_much_that_changed_since_the_last_snapshot_asks_for_tonights(shop: Path) -> None:
    begun = tick(shop, None)
    little = tick(shop, begun.cursor)
    change(shop.parent, "INSERT INTO orders SELECT 1000 + i, 1 + i % 100, 1.0 FROM range(1, 101) r(i)")
    much = tick(shop, begun.cursor)

    assert "Changes are counted from" in begun.skip_reason.skip_message
    assert isinstance(little, dg.SkipReason)
    (request,) = much.run_requests
    assert request.tags["synth_ops/changed"] == "orders"
    assert request.partition_key == datetime.now(UTC).date().isoformat()


def test_a_source_that_does_not_answer_is_told_and_nothing_is_asked_for(shop: Path) -> None:
    shutil.move(shop.parent / "shop.duckdb", shop.parent / "away.duckdb")
    skipped = tick(shop, None)

    assert isinstance(skipped, dg.SkipReason)
    assert "there is none at" in skipped.skip_message
