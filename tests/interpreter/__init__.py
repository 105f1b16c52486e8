"""An interpreter for the commands and workers that tests start: of ours, each finds the heavy libraries imported.

To import torch and Great Expectations takes seconds, a night starts four processes that do, and the suite runs many
nights. So `sys.executable` is a small program here. Of `python -m synth_ops ...` it makes a fork of a server that has
imported third-party libraries, and none of ours; of all else, the interpreter itself. There are two servers, and one
of them is drawn each time, for processes that come of one server share the seed of their hashes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = "SYNTH_OPS_TEST_SERVERS"
"""Names the folder of the servers' sockets; without it, the interpreter is the plain one."""
COLD = {FOLDER: ""}
"""For a process that a test kills or interrupts, or whose children it looks at: a fork dies a moment later."""
N_SERVERS = 2


class Servers:
    """The servers of a test run, which end with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="synth-ops-python-"))
        _lay_out(self.folder / "bin")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), str(self.folder / f"{i}.sock")],
                stdin=subprocess.PIPE,
                env=environment | {"PYTHONUNBUFFERED": "1"},
                process_group=0,
            )
            for i in range(N_SERVERS)
        ]

    def end(self) -> None:
        """Let them go: each ends when its stdin does."""
        for process in self._processes:
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def begin() -> Servers | None:
    """Put the small program in the interpreter's place, and start the servers, unless this run has some."""
    if sys.platform != "linux":
        return None
    servers = None
    if not os.environ.get(FOLDER):
        servers = Servers()
        os.environ[FOLDER] = str(servers.folder)
    sys.executable = str(Path(os.environ[FOLDER]) / "bin" / "python")
    return servers


def _lay_out(folder: Path) -> None:
    """Write the program, and the command that it stands for, beside links to all else that the environment has."""
    folder.mkdir()
    programs = {
        "python": f"#!{sys.executable} -IS\n{(HERE / 'client.py').read_text()}",
        "synth-ops": f'#!/bin/sh\nexec {folder}/python -m synth_ops "$@"\n',
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for path in Path(sys.executable).parent.iterdir():
        if path.name not in programs:
            (folder / path.name).symlink_to(path)
