import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synth_ops import list_snapshots, open_snapshot, verify_snapshot
from synth_ops.errors import CorruptArtifact, GateRefused, Locked, PlanError, PublishError
from synth_ops.names import file_stem
from synth_ops.publish import publish
from synth_ops.publish.store import only_publisher
from synth_ops.records import ProgressEvent, Published
from synth_ops.workspace import read_record
from tests.synth_ops.publish.conftest import MakeNight
from tests.synth_ops.publish.nights import HOSTILE, check


def pointer(snapshots: Path) -> str:
    content = json.loads((snapshots / "shop" / "latest.json").read_text())
    assert list(content) == ["snapshot"]
    return str(content["snapshot"])


def test_published_layout_is_the_design_s(make_night: MakeNight, snapshots: Path) -> None:
    published = publish(make_night())

    folder = snapshots / "shop" / "snapshots" / published.snapshot
    assert published.path == str(folder)
    assert published.snapshot.startswith("2026-01-31-001-")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {"users/part-00000.parquet", f"{file_stem(HOSTILE)}/part-00000.parquet", "manifest.json"}
    assert pointer(snapshots) == published.snapshot


def test_record_completes_the_step(make_night: MakeNight) -> None:
    workspace = make_night()

    published = publish(workspace)

    assert read_record(workspace.record("publish"), Published) == published
    assert published.n_rows == {"users": 50, HOSTILE: 50}


def test_same_content_on_the_same_night_is_the_same_snapshot(make_night: MakeNight, snapshots: Path) -> None:
    first, second = publish(make_night()), publish(make_night())

    assert second.snapshot == first.snapshot
    assert len(list_snapshots(snapshots, "shop")) == 1


def test_other_content_on_the_same_night_is_the_next_snapshot(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())

    second = publish(make_night(rows=60))

    assert second.snapshot.startswith("2026-01-31-002-")
    assert pointer(snapshots) == second.snapshot


def test_backfill_publishes_and_leaves_the_pointer_at_the_newest_night(make_night: MakeNight, snapshots: Path) -> None:
    newest = publish(make_night("2026-02-01"))

    older = publish(make_night("2026-01-15"))

    assert pointer(snapshots) == newest.snapshot
    assert open_snapshot(snapshots, "shop", older.snapshot).night == "2026-01-15"


def test_lost_pointer_is_set_to_the_newest_night(make_night: MakeNight, snapshots: Path) -> None:
    newest = publish(make_night("2026-02-01"))
    (snapshots / "shop" / "latest.json").write_text("{torn")

    publish(make_night("2026-01-15"))

    assert pointer(snapshots) == newest.snapshot


def test_damaged_snapshot_is_not_taken_for_the_same(make_night: MakeNight, snapshots: Path) -> None:
    first = publish(make_night())
    (Path(first.path) / "users" / "part-00000.parquet").write_bytes(b"PAR1")

    second = publish(make_night())

    assert second.snapshot.startswith("2026-01-31-002-")
    assert verify_snapshot(snapshots, "shop").ok


@pytest.mark.parametrize("verdict", ["FAIL", "ABSTAIN"])
def test_refused_gate_publishes_nothing_and_names_the_checks(
    make_night: MakeNight, snapshots: Path, verdict: str
) -> None:
    workspace = make_night(checks=(check(), check(verdict, name="copies", prose="Rows must not be copied.")))

    with pytest.raises(GateRefused, match=f"{verdict} users: copies: Rows must not be copied"):
        publish(workspace)

    assert not snapshots.exists()


def test_failing_warning_does_not_block(make_night: MakeNight) -> None:
    assert publish(make_night(checks=(check(), check("FAIL", severity="warning")))).snapshot


def test_gate_without_a_check_is_refused(make_night: MakeNight) -> None:
    with pytest.raises(GateRefused, match="no check was measured"):
        publish(make_night(checks=()))


@pytest.mark.parametrize("step", ["extract", "train", "sample", "validate"])
def test_missing_step_is_named(make_night: MakeNight, step: str) -> None:
    workspace = make_night()
    workspace.record(step).unlink()  # type: ignore[arg-type] # parametrised with the words of Step

    with pytest.raises(PlanError, match=f"after `{step}`"):
        publish(workspace)


def test_altered_synthetic_file_is_not_published(make_night: MakeNight, snapshots: Path) -> None:
    workspace = make_night()
    pq.write_table(pq.read_table(workspace.synthetic("users")).slice(1), workspace.synthetic("users"))

    with pytest.raises(CorruptArtifact, match="as `sample` left it"):
        publish(workspace)

    assert not (snapshots / "shop" / "latest.json").exists()
    assert not (snapshots / "shop" / ".staging").exists()


def test_manifest_holds_no_path_and_no_source(make_night: MakeNight, tmp_path: Path) -> None:
    published = publish(make_night())

    text = (Path(published.path) / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert "PROD_URL" not in text
    assert "private" not in text


def test_manifest_says_keys_types_and_models(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())

    manifest = open_snapshot(snapshots, "shop").manifest
    orders = manifest.table(HOSTILE)
    assert [(c.name, c.type, c.nullable) for c in orders.columns] == [
        ("id", "int64", False),
        ("user_id", "int64", True),
        ("paid", "decimal128(12, 2)", True),
        ("at", "timestamp[us, tz=UTC]", True),
    ]
    assert orders.primary_key == ("id",)
    assert orders.foreign_keys[0].ref_table == "users"
    assert (orders.decision, orders.model_id) == ("retrain", "ab12")
    assert manifest.verdict == "PASS"
    assert manifest.seconds == {"extract": 1.0, "train": 2.0, "sample": 3.0, "validate": 4.0}


def test_object_store_is_a_plan_error_that_says_what_works(make_night: MakeNight) -> None:
    workspace = make_night()
    plan = json.loads(workspace.plan.read_text())
    workspace.plan.write_text(json.dumps(plan | {"publish": "s3://bucket/key"}))

    with pytest.raises(PlanError, match="local or mounted folder for now, however it is a s3://"):
        publish(workspace)


def test_file_in_the_folder_s_place_is_a_publish_error(make_night: MakeNight, snapshots: Path) -> None:
    workspace = make_night()
    snapshots.write_text("")

    with pytest.raises(PublishError, match=r"however: (Not a directory|File exists)"):
        publish(workspace)


def test_folder_that_takes_no_files_is_a_publish_error(make_night: MakeNight) -> None:
    workspace = make_night()
    plan = json.loads(workspace.plan.read_text())
    workspace.plan.write_text(json.dumps(plan | {"publish": "/proc/self/snapshots"}))

    with pytest.raises(PublishError, match="must create /proc/self/snapshots"):
        publish(workspace)


def test_second_publisher_is_told_that_it_is_locked_out(make_night: MakeNight, snapshots: Path) -> None:
    workspace = make_night()
    (snapshots / "shop").mkdir(parents=True)

    with only_publisher(snapshots / "shop" / ".lock"), pytest.raises(Locked, match="another is doing so"):
        publish(workspace)


def test_staging_of_dead_runs_is_removed(make_night: MakeNight, snapshots: Path) -> None:
    dead = snapshots / "shop" / ".staging" / "2026-01-30-001-deadbeef"
    dead.mkdir(parents=True)
    (dead / "part").write_bytes(b"half")

    publish(make_night())

    assert not dead.parent.exists()


def test_progress_reaches_the_end_of_every_table(make_night: MakeNight) -> None:
    events: list[ProgressEvent] = []

    publish(make_night(), progress=events.append)

    assert [(e.table, e.done) for e in events] == [("users", 1.0), (HOSTILE, 1.0), (None, 1.0)]
