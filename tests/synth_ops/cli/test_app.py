import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synth_ops import __version__
from synth_ops.cli.app import PANELS
from synth_ops.cli.snapshots import list_all, show, verify

TERMINATED = """
import os, signal, sys
from synth_ops.cli.app import app, main

@app.command()
def wait(): os.kill(os.getpid(), signal.SIGTERM)

sys.argv = ["synth-ops", "wait"]
main()
"""


def run(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a person does."""
    command = [sys.executable, "-m", "synth_ops", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


@pytest.mark.parametrize("command", [c for commands in PANELS.values() for c in commands] + [list_all, show, verify])
def test_every_command_shows_an_example(command: object) -> None:
    assert "[bold]Example" in (command.__doc__ or "")
    assert "\n      synth-ops " in (command.__doc__ or "")


def test_version_is_printed() -> None:
    assert run("--version").stdout == f"synth-ops {__version__}\n"


def test_help_names_every_command_but_the_workers() -> None:
    shown = run("--help").stdout

    assert all(f" {c.__name__} " in shown for commands in PANELS.values() for c in commands)
    assert " worker " not in shown


def test_completion_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # a test's parent need not be a shell
    shown = run("--show-completion", "bash")

    assert "_SYNTH_OPS_COMPLETE" in shown.stdout


def test_wrong_usage_exits_2_and_prints_nothing_on_stdout() -> None:
    done = run("refresh", "--nights", "2026-01-31")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "--night" in done.stderr


def test_missing_plan_exits_2_without_a_traceback(tmp_path: Path) -> None:
    done = run("refresh", cwd=tmp_path)

    assert done.returncode == 2
    assert "synth.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in run("--debug", "refresh", cwd=tmp_path).stderr


def test_schema_of_the_plan_is_json() -> None:
    assert run("schema").stdout.startswith("{")


def test_sigterm_is_an_interruption() -> None:
    done = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, check=False)

    assert done.returncode == 128 + signal.SIGINT
    assert "resumable" in done.stderr
