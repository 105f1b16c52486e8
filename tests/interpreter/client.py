"""The small program: have a server run `-m synth_ops`, and pass on signals and the exit code; else be Python."""

import contextlib
import os
import random
import signal
import socket
import struct
import sys

FOLDER = "SYNTH_OPS_TEST_SERVERS"
HARMLESS = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
"""Variables that a fork can heed."""
AT_IMPORT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What libraries read when they are imported: the servers have these."""


def main() -> None:
    words = sys.argv[1:]
    is_safe = words[:1] == ["-P"]
    words = words[is_safe:]
    folder = os.environ.get(FOLDER)
    if folder and words[:2] == ["-m", "synth_ops"] and _is_plain(os.environ):
        sys.exit(_run(os.path.join(folder, f"{random.randrange(2)}.sock"), words[2:], is_safe))  # noqa: PTH118
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


def _is_plain(environment: "os._Environ[str]") -> bool:
    """Tell whether a fork would do as a fresh interpreter would; a worker on a lease is handed a descriptor more."""
    told = {name for name in environment if name.startswith("PYTHON")}
    threads = all(environment.get(name) == value for name, value in AT_IMPORT.items())
    return told <= HARMLESS and threads and "SYNTH_OPS_LEASE" not in environment


def _run(path: str, words: list[str], is_safe: bool) -> int:  # noqa: FBT001 — it is passed on
    import json

    request = json.dumps([words, is_safe, os.getcwd(), dict(os.environ)])  # noqa: PTH109
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    parent = os.getppid()
    socket.send_fds(server, [struct.pack("I", len(request))], [0, 1, 2])
    server.sendall(request.encode())
    child = _number(server, parent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: _pass_on(child, number))
    code = os.waitstatus_to_exitcode(_number(server, parent))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    return code


def _pass_on(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, number)


def _number(server: socket.socket, parent: int) -> int:
    """Receive a number; leave where the parent has died, as a worker does, and the server ends the fork."""
    server.settimeout(0.5)
    while True:
        try:
            data = server.recv(4)
        except TimeoutError:
            if os.getppid() != parent:
                os._exit(1)
            continue
        if not data:
            sys.exit("the server of the tests' interpreter is gone")
        return int(struct.unpack("I", data)[0])


if __name__ == "__main__":
    main()
