"""A process that has imported heavy libraries, and forks for each command that a client asks for."""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

LIGHT = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.compute",
    "pyarrow.dataset",
    "pydantic",
    "typer",
    "rich.live",
    "yaml",
    "duckdb",
    "filelock",
    "fsspec",
)
HEAVY = (
    "torch",
    "safetensors.torch",
    "great_expectations",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "scipy.stats",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "jinja2",
    "faker",
    "sqlalchemy",
)
"""For workers. What is missing here takes longer, and nothing else."""


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    words: list[str]
    is_safe: bool
    cwd: str
    environment: dict[str, str]


def serve(path: str) -> Request:
    """Fork for each client until stdin ends; the fork returns, with what it is to do."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    clients: dict[int, tuple[int, socket.socket]] = {}
    while True:
        waited: list[int | socket.socket] = [listener, 0, awake, *clients]
        ready = select.select(waited, [], [])[0]
        if 0 in ready:
            os._exit(0)
        if awake in ready:
            os.read(awake, 4096)
            _answer(clients)
        for descriptor in (d for d in ready if d in clients):
            _kill(clients[descriptor][0])
            clients.pop(descriptor)[1].close()
        if listener in ready:
            client = listener.accept()[0]
            descriptors, request = _read(client)
            _import(request)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for each in (listener, client, *(c for _, c in clients.values())):
                    each.close()
                _become(request, descriptors)
                return request
            for descriptor in descriptors:
                os.close(descriptor)
            with suppress(OSError):
                os.setpgid(pid, pid)  # the fork does so too: whoever is first
            clients[client.fileno()] = pid, client
            with suppress(OSError):
                client.sendall(struct.pack("I", pid))


def _answer(clients: dict[int, tuple[int, socket.socket]]) -> None:
    """Tell those whose fork has ended how it did."""
    ended = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    for descriptor, (pid, client) in list(clients.items()):
        if pid in ended:
            _kill(pid)
            with suppress(OSError):
                client.sendall(struct.pack("I", ended[pid]))
            client.close()
            del clients[descriptor]


def _kill(pid: int) -> None:
    """End a fork and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _read(client: socket.socket) -> tuple[list[int], Request]:
    head, descriptors, _, _ = socket.recv_fds(client, 4, 3)
    (size,) = struct.unpack("I", head)
    data = b""
    while len(data) < size:
        data += client.recv(size - len(data))
    return descriptors, Request(*json.loads(data))


def _import(request: Request) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIGHT + (HEAVY if request.words[:1] == ["worker"] else ()):
            if name not in sys.modules:
                import_module(name)
    gc.freeze()  # what the libraries hold is not looked through again in every fork


def _become(request: Request, descriptors: list[int]) -> None:
    """Take over what a process of the client's would have."""
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.setpgid(0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    here = [] if request.is_safe else [request.cwd]
    named = [p for p in request.environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:] = [*here, *named, *sys.path[1:]]
    sys.executable = request.environment["SYNTH_OPS_TEST_SERVERS"] + "/bin/python"
    sys.dont_write_bytecode = bool(request.environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = ["", *request.words]
    sys.modules["numpy"].random.seed()
    for custom in (c for c in (Path(p) / "sitecustomize.py" for p in named) if c.exists()):
        runpy.run_path(str(custom))


def _do() -> int:
    """Do what `python -m synth_ops` does, and give the exit code."""
    try:
        runpy.run_module("synth_ops", run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        if not isinstance(exc.code, str):
            return int(exc.code or 0)
        print(exc.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 — as Python itself does
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End without taking the libraries down, object by object: that takes as long as to import them."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python itself does
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
    _leave(_do())
