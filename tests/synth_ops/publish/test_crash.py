"""Publishing broken at every one of its steps: the pointer names a whole snapshot or none, and a rerun heals."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from synth_ops import list_snapshots, open_snapshot, verify_snapshot
from synth_ops.errors import PublishError
from synth_ops.publish import publish
from tests.synth_ops.publish.conftest import MakeNight
from tests.synth_ops.publish.faults import FaultyStore, Killed
from tests.synth_ops.publish.nights import HOSTILE


def steps_of(make_night: MakeNight) -> list[str]:
    store = FaultyStore()
    publish(make_night("2026-01-01"), store=store)
    return store.steps


def state(snapshots: Path) -> str | None:
    """Give the snapshot that the pointer names, having verified every byte of it."""
    if not (snapshots / "shop" / "latest.json").exists():
        return None
    verified = verify_snapshot(snapshots, "shop")
    assert verified.ok, verified.problems
    return verified.snapshot


def test_kill_at_every_step_leaves_old_or_new_and_rerun_heals(make_night: MakeNight, snapshots: Path) -> None:
    total = len(steps_of(make_night))
    assert total > 25

    for step in range(1, total + 1):
        night = (date(2026, 2, 1) + timedelta(days=step)).isoformat()
        workspace, before = make_night(night, rows=40 + step), state(snapshots)
        with pytest.raises(Killed):
            publish(workspace, store=FaultyStore(fail_at=step))
        after = state(snapshots)
        assert after == before or (after or "").startswith(night)

        published = publish(workspace)

        assert verify_snapshot(snapshots, "shop", published.snapshot).ok
        assert published.snapshot.startswith(f"{night}-001-")
        assert not (snapshots / "shop" / ".staging").exists()


def test_kill_at_every_step_of_the_first_night(make_night: MakeNight, tmp_path: Path, snapshots: Path) -> None:
    total = len(steps_of(make_night))
    for step in range(1, total + 1):
        home = tmp_path / f"s{step}"
        workspace = make_night("2026-01-02")
        plan = json.loads(workspace.plan.read_text())
        workspace.plan.write_text(json.dumps(plan | {"publish": str(home)}))
        with pytest.raises(Killed):
            publish(workspace, store=FaultyStore(fail_at=step))
        assert (state(home) or "2026-01-02").startswith("2026-01-02")

        published = publish(workspace)

        assert state(home) == published.snapshot
        assert len(list_snapshots(home, "shop")) == 1


def test_full_disk_at_every_step_leaves_pointer_and_no_staging(make_night: MakeNight, snapshots: Path) -> None:
    for step, name in enumerate(steps_of(make_night), start=1):
        workspace, before = make_night("2026-01-02", rows=60 + step), state(snapshots)
        store = FaultyStore(fail_at=step, error=errno.ENOSPC)
        # To clear staging is the one step that may fail without harm: the next run does it.
        harmless = (
            contextlib.nullcontext()
            if name in {"remove", "removed"}
            else pytest.raises(PublishError, match=str(snapshots))
        )
        with harmless:
            publish(workspace, store=store)
        assert state(snapshots) == before or (state(snapshots) or "").startswith("2026-01-02")
        publish(workspace)
        assert not (snapshots / "shop" / ".staging").exists()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (errno.EROFS, "Mount it writable"),
        (errno.EACCES, "Give this user the right to write there"),
        (errno.EIO, "See that the folder is there and healthy"),
    ],
)
def test_folder_that_may_not_be_written_says_what_to_do(make_night: MakeNight, error: int, advice: str) -> None:
    with pytest.raises(PublishError, match=rf"{os.strerror(error)}\. {advice}, or publish|{advice}, and run"):
        publish(make_night(), store=FaultyStore(fail_at=2, error=error))


def test_full_disk_says_so_and_cleans_staging(make_night: MakeNight, snapshots: Path) -> None:
    first = publish(make_night("2026-01-01"))

    with pytest.raises(PublishError, match=r"No space left on device\. Free some space there.*run `synth-ops publish`"):
        publish(make_night("2026-01-02"), store=FaultyStore(fail_at=8, error=errno.ENOSPC))

    assert state(snapshots) == first.snapshot
    assert not (snapshots / "shop" / ".staging").exists()
    assert [s.snapshot for s in list_snapshots(snapshots, "shop")] == [first.snapshot]


def test_real_write_that_hits_a_limit_is_a_publish_error(make_night: MakeNight) -> None:
    workspace = make_night("2026-01-02", rows=5000)
    code = (
        "import resource, sys; from pathlib import Path; from synth_ops.workspace import Workspace\n"
        "from synth_ops.publish import publish; from synth_ops.errors import PublishError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: publish(Workspace(Path(sys.argv[1]), 'shop', '2026-01-02'))\n"
        "except PublishError as e: print(e)"
    )

    done = subprocess.run([sys.executable, "-c", code, str(workspace.root)], capture_output=True, text=True, check=True)

    assert "File too large" in done.stdout


def test_random_kills_of_a_real_process_never_show_half_a_snapshot(make_night: MakeNight, snapshots: Path) -> None:
    first = publish(make_night("2026-01-01"))
    workspace = make_night("2026-01-02", rows=20_000)
    code = (
        "import sys; from pathlib import Path; from synth_ops.workspace import Workspace\n"
        "from synth_ops.publish import publish; print('go', flush=True)\n"
        "publish(Workspace(Path(sys.argv[1]), 'shop', '2026-01-02')); print('done', flush=True)"
    )
    for delay in (0.002, 0.01, 0.02, 0.04):
        child = subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        now = open_snapshot(snapshots, "shop")
        assert now.id == first.snapshot or now.night == "2026-01-02"
        assert now.table(HOSTILE).to_arrow().num_rows == now.table(HOSTILE).num_rows

    published = publish(workspace)

    assert state(snapshots) == published.snapshot
