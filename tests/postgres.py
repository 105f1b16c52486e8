"""A private PostgreSQL for the tests: a cluster of its own on a loopback port, gone when they end."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_FOLDERS = ("/usr/local/bin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
PASSWORD = "s3cret-Of-The-Test"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Give ``host:port`` of a running server whose user ``app`` needs the password."""
    initdb, server = _binary("initdb"), _binary("postgres")
    folder = Path(tempfile.mkdtemp(prefix="synth-ops-postgres-"))
    runner = _as_other_user(folder)
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    cluster = folder / "cluster"
    subprocess.run(
        [
            *runner,
            initdb,
            "-D",
            cluster,
            "-U",
            "app",
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    port = _free_port()
    process = subprocess.Popen(
        [*runner, server, "-D", cluster, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        _await(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of an empty database, dropped when the test ends."""
    import psycopg2

    name = f"test_{abs(hash(request.node.nodeid)) % 10**12}"
    admin = psycopg2.connect(f"postgresql://app:{PASSWORD}@{postgres_server}/postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield f"postgresql://app:{PASSWORD}@{postgres_server}/{name}"
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


def _binary(name: str) -> str:
    for folder in _FOLDERS:
        if os.access(Path(folder) / name, os.X_OK):
            return str(Path(folder) / name)
    pytest.skip(f"no {name} binary; on Debian: apt-get install postgresql")


def _as_other_user(folder: Path) -> list[str]:
    """Give the command that runs what PostgreSQL refuses to run as root, and the folder to that user."""
    if os.getuid() != 0:
        return []
    user = "postgres"
    shutil.chown(folder, user)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, process: "subprocess.Popen[bytes]", seconds: float = 30) -> None:
    """Wait until the server accepts a connection."""
    import time

    import psycopg2

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg2.connect(f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/postgres").close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the test's PostgreSQL did not start")
