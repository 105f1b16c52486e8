"""The deployment's page names every file, and no other."""

import re
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = (DEPLOY / "README.md").read_text()


def test_table_lists_every_file() -> None:
    listed = re.findall(r"^\| `(\S+/\S+)` \|", PAGE, re.MULTILINE)
    files = [str(p.relative_to(DEPLOY)) for p in DEPLOY.glob("*/*") if p.is_file() and p.name != ".env"]

    assert sorted(listed) == sorted(files)


def test_files_of_commands_are_there() -> None:
    """Those of deploy/ by their path from the root, those of compose/ by their name after `cd`."""
    commands = "\n".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    paths = [DEPLOY.parent / p for p in re.findall(r"deploy/[\w./-]+\.\w+", commands)]
    composed = [DEPLOY / "compose" / p for p in re.findall(r"-f (compose[\w.]*\.yaml)", commands)]

    assert paths
    assert composed
    assert [p for p in (*paths, *composed) if not p.is_file()] == []
