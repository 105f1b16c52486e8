"""How many threads one operation takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
