import os
from pathlib import Path

import pytest

from synth_ops.errors import CorruptArtifact
from synth_ops.retention import forget
from synth_ops.workspace import Workspace, make_salt, read_salt, salt_name


def workspace(root: Path, night: str = "2026-01-01") -> Workspace:
    return Workspace(root, "shop", night).prepare()


def test_a_salt_is_drawn_once_and_kept_across_nights(tmp_path: Path) -> None:
    first = make_salt(workspace(tmp_path))
    forget(workspace(tmp_path, "2026-01-02"))

    assert make_salt(workspace(tmp_path, "2026-01-02")) == read_salt(workspace(tmp_path)) == first
    assert len(first.key) == 32
    assert make_salt(Workspace(tmp_path, "other", "2026-01-01").prepare()) != first


def test_a_salt_is_private_to_its_owner(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    before = os.umask(0)
    try:
        make_salt(here)
    finally:
        os.umask(before)

    assert here.salt.stat().st_mode & 0o777 == 0o600
    assert here.salt.parent == here.private
    assert [p.name for p in here.private.iterdir()].count("salt") == len(list(here.private.glob("*salt*"))) == 1


def test_a_salt_shows_its_name_and_never_itself(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    salt = make_salt(here)

    assert salt.key.hex() not in f"{salt} {salt!r} {salt.name}"
    assert salt_name(here) == salt.name
    assert len(salt.name) == 16


def test_without_a_salt_there_is_no_name_and_none_is_made(tmp_path: Path) -> None:
    here = workspace(tmp_path)

    assert salt_name(here) == ""
    assert not here.salt.exists()
    with pytest.raises(CorruptArtifact, match="64 hex digits"):
        read_salt(here)


def test_a_damaged_salt_is_refused_and_not_shown(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    here.salt.write_text("c0ffee")

    with pytest.raises(CorruptArtifact, match="begun anew") as caught:
        make_salt(here)
    assert "c0ffee" not in str(caught.value)
