import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from synth_ops.errors import Locked
from synth_ops.workspace import Workspace
from synth_ops.workspace.lock import Patience, locked

HOLDER = """
import sys
import threading
from pathlib import Path
from synth_ops.workspace import Workspace
from synth_ops.workspace.lock import Patience, locked
with locked(Workspace(Path(sys.argv[1]), "shop", "2026-01-30")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "shop", "2026-01-31")


def test_second_refresh_is_told_who_holds_the_lock(workspace: Workspace) -> None:
    with _holder(workspace) as holder:
        with pytest.raises(Locked, match=rf"process {holder.pid} on .* since .* night 2026-01-30"), locked(workspace):
            pass
        holder.communicate()


def test_lock_is_free_again_after_the_holder_is_killed(workspace: Workspace) -> None:
    with _holder(workspace) as holder:
        holder.kill()
    with locked(workspace):
        assert json.loads(workspace.lock.read_text())["pid"] == os.getpid()


def test_lock_is_free_again_after_an_error(workspace: Workspace) -> None:
    with pytest.raises(KeyError), locked(workspace):
        raise KeyError
    with locked(workspace):
        pass


def test_two_datasets_do_not_wait_for_each_other(workspace: Workspace) -> None:
    with locked(workspace), locked(Workspace(workspace.root, "crm", "2026-01-31")):
        pass


def _holder(workspace: Workspace) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLDER, str(workspace.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_trainings_of_two_tables_share_the_dataset_and_a_refresh_waits_for_both(workspace: Workspace) -> None:
    with locked(workspace, table="users"), locked(workspace, table="orders"):
        refused(workspace, None, "One refresh of dataset 'shop'")
    with locked(workspace):
        pass


def test_one_table_is_trained_once_at_a_time(workspace: Workspace) -> None:
    with locked(workspace, table="users"):
        refused(workspace, "users", "One training of table 'users'")


def refused(workspace: Workspace, table: str | None, words: str) -> None:
    with pytest.raises(Locked, match=words), locked(workspace, table=table):
        pass


def test_who_is_patient_is_told_for_whom_and_gets_the_lock(workspace: Workspace) -> None:
    told: list[str] = []
    with _holder(workspace) as holder:
        threading.Timer(1.0, holder.kill).start()
        with locked(workspace, patience=Patience(60, told.append)):
            assert told == [told[0]]
            assert f"process {holder.pid}" in told[0]
