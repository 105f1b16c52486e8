from pathlib import Path

import pytest

from synth_ops.errors import PlanError
from synth_ops.privacy.noise import NoiseSource, noise_secret, secret_name
from synth_ops.workspace import Workspace


def workspace(folder: Path) -> Workspace:
    return Workspace(folder, "shop", "2026-01-01").prepare()


def test_secret_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    before, secret = secret_name(place), noise_secret(place)

    assert noise_secret(place) == secret
    assert (before, len(secret_name(place))) == ("", 8)
    assert (place.private / "noise.key").stat().st_mode & 0o077 == 0


def test_two_workspaces_draw_other_noise_for_the_same_charge(tmp_path: Path) -> None:
    secrets = [noise_secret(workspace(tmp_path / name)) for name in ("a", "b")]
    seeds = {NoiseSource(secret, "2026-01-01", "k").seed("gradients") for secret in secrets}

    assert len(seeds) == 2


def test_same_charge_draws_the_same_noise_and_another_draws_other() -> None:
    def draw(run: str, key: str, word: str) -> float:
        return float(NoiseSource(b"s" * 32, run, key).generator(word).normal())

    assert draw("2026-01-01", "k", "counts") == draw("2026-01-01", "k", "counts")
    drawn = {draw("2026-01-01", "k", "counts"), draw("2026-01-02", "k", "counts"), draw("2026-01-01", "l", "counts")}
    assert len(drawn | {draw("2026-01-01", "k", "weights")}) == 4


def test_secret_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    (place.private / "noise.key").write_bytes(b"short")

    with pytest.raises(PlanError, match=r"must have 32 bytes, however .*noise\.key has 5"):
        noise_secret(place)
