"""Work in chunks of rows, several at a time, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

CHUNK = 16_384
"""Rows of a chunk, which has seeds of its own: what a row holds depends on its number, and on no other chunk."""

R = TypeVar("R")


def chunks_of(n_rows: int) -> list[range]:
    """Cut rows in chunks; no rows are one chunk of none.

    >>> chunks_of(20_000)
    [range(0, 16384), range(16384, 20000)]
    """
    return [range(a, min(a + CHUNK, n_rows)) for a in range(0, max(n_rows, 1), CHUNK)]


def in_order(make: Callable[[range], R], chunks: list[range], n_shards: int) -> Iterator[tuple[R, range]]:
    """Make chunks, `n_shards` at a time in as many threads, and give them in order; few wait to be taken.

    Threads, since what takes the time lets go of Python's lock, and what a chunk needs of other tables is shared.
    """
    if n_shards <= 1:
        yield from ((make(rows), rows) for rows in chunks)
        return
    waiting: deque[tuple[Future[R], range]] = deque()
    with ThreadPoolExecutor(n_shards, thread_name_prefix="shard") as pool:
        try:
            for rows in chunks:
                waiting.append((pool.submit(make, rows), rows))
                if len(waiting) > n_shards:
                    future, made = waiting.popleft()
                    yield future.result(), made
            while waiting:
                future, made = waiting.popleft()
                yield future.result(), made
        finally:
            pool.shutdown(cancel_futures=True)
