"""How many threads one operation takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from synth_ops.model.gradient import N_SHARDS


@contextmanager
def steady_threads(device: torch.device) -> Iterator[None]:
    """Share the cores among a batch's shards: threads that await each other at each product are no gain."""
    if device.type != "cpu":
        yield
        return
    with threads(max(1, torch.get_num_threads() // N_SHARDS)):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let each operation of the calling thread take one thread.

    Sums in another order would give other codes, and threads that each sample their own rows need no others beneath.
    """
    with threads(1):
        yield


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Let each operation take so many threads, here and in threads that begin here."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
