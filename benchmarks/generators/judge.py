"""Figures of a synthetic table by a script that is not ours."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from generators.errors import NotReady
from generators.tables import Split

Figures = Mapping[str, float]


def check_judge(judge: Path) -> None:
    """See that there is a judge.

    Raises:
        NotReady: there is none.
    """
    if not judge.is_file():
        raise NotReady(f"--judge must be a script, however there is none at {judge}. Correct the path.")


def judge_table(judge: Path, split: Split, synthetic: Path) -> tuple[Figures, Figures]:
    """Call ``JUDGE TRAIN HOLDOUT SYNTHETIC --json --target TARGET``; give its figures, and those of real rows.

    Raises:
        JudgeFailed: it ended with an error, such as for a column that the synthetic table lacks.
    """
    command = [sys.executable, str(judge), str(split.train), str(split.holdout), str(synthetic), "--json"]
    judged = subprocess.run([*command, "--target", split.target], capture_output=True, text=True, check=False)
    if judged.returncode:
        raise JudgeFailed(last_line(judged.stderr))
    figures = json.loads(judged.stdout)
    return figures["synthetic"], figures["floor"]


class JudgeFailed(Exception):
    """The judge gave no figures."""


def last_line(text: str) -> str:
    """Give the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing was said")
