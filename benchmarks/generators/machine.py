"""The machine, in words."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil


def describe() -> str:
    """Name cores, processor, memory, and a GPU if there is one.

    Threads are named where the environment limits them, for then not all cores work.
    """
    threads = os.environ.get("OMP_NUM_THREADS")
    words = [
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}",
        f"OMP_NUM_THREADS={threads}" if threads else "",
        f"{psutil.virtual_memory().total / 1e9:.0f} GB of memory",
        _gpu(),
    ]
    return ", ".join(w for w in words if w)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ""
    query = [command, "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip().replace("\n", ", ")
