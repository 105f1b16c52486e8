"""The images: their Dockerfiles are sound, and take the versions that the package takes."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "deploy" / "images"
DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("needs the extra dev: pip install 'synth-ops[dev]'")
    done = subprocess.run([hadolint, "--no-color", str(path)], capture_output=True, text=True, check=False)

    assert not done.stdout, done.stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_what_is_copied_is_there(path: Path) -> None:
    lines = re.findall(r"^COPY (?:--from=project )?(.+) \S+$", path.read_text(), re.MULTILINE)
    sources = [source for line in lines for source in line.split()]

    assert sources
    assert [s for s in sources if not (ROOT / s).exists()] == []


def test_both_images_have_one_user() -> None:
    """A night's private folder has mode 0700: who did not make it cannot read it."""
    users = [re.findall(r"--uid (\d+)|^USER ([1-9]\d*)", p.read_text(), re.MULTILINE) for p in DOCKERFILES]

    assert {number for found in users for pair in found for number in pair if number} == {"10001"}


def test_orchestrator_takes_the_ranges_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    ranges = {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}

    assert {r.name: r.specifier for r in _requirements() if r.specifier != ranges.get(canonicalize_name(r.name))} == {}


def test_versions_of_the_orchestrator_are_pinned() -> None:
    pins = [Requirement(line).name for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]

    assert {canonicalize_name(r.name) for r in _requirements()} <= set(map(canonicalize_name, pins))


def _requirements() -> list[Requirement]:
    lines = (IMAGES / "orchestrator-requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]
