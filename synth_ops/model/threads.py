"""How many threads one operation takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FEW = 2
"""Threads of which the second gains a training a fifth on idle cores, and costs it a factor of seven on busy ones."""


@contextmanager
def steady_threads(device: torch.device) -> Iterator[None]:
    """Train with one thread where there are few: a step is short, and at each product its threads await each other."""
    if device.type != "cpu" or torch.get_num_threads() > FEW:
        yield
        return
    with one_thread():
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let each operation of the calling thread take one thread.

    Sums in another order would give other codes, and threads that each sample their own rows need no others beneath.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
