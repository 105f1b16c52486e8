"""A virtual environment for each peer, made when it is first asked for."""

import hashlib
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from generators.contenders import HERE, Contender
from generators.errors import NotReady


def python_of(contender: Contender, environments: Path) -> Path:
    """Give the interpreter that runs a contender, its environment made if it is missing or of other requirements.

    Raises:
        NotReady: the peer could not be installed.
    """
    if contender.requirements is None:
        return Path(sys.executable)
    requirements = HERE / "requirements" / contender.requirements
    folder = environments.resolve() / requirements.stem
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256(b"".join(f.read_bytes() for f in files_of(requirements))).hexdigest()
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        _make(folder, requirements)
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin" / "python"


def _make(folder: Path, requirements: Path) -> None:
    print(f"making the environment {folder}", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    _pip(folder, "install", "--requirement", str(requirements))
    for unused in files_of(requirements)[1:]:
        _pip(folder, "uninstall", "--yes", "--requirement", str(unused))


def files_of(requirements: Path) -> Sequence[Path]:
    """Give the file of what is installed and, where there is one, the file of what is uninstalled after that."""
    unused = requirements.with_suffix(".unused.txt")
    return [requirements, unused] if unused.is_file() else [requirements]


def _pip(folder: Path, *words: str) -> None:
    command = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", *words]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        said = next((line for line in pip.stderr.splitlines() if line.startswith("ERROR")), "nothing")
        raise NotReady(
            f"The environment {folder} must be made by `{' '.join(command)}`, however pip ended with"
            f" {pip.returncode} and said: {said} Mend that, or leave its contenders out of --contenders."
        )
