"""Work in parts, several at a time, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

CHUNK = 16_384
"""Rows of a chunk, which has seeds of its own: what a row holds depends on its number, and on no other chunk."""

T = TypeVar("T")
R = TypeVar("R")


def chunks_of(n_rows: int) -> list[range]:
    """Cut rows in chunks; no rows are one chunk of none.

    >>> chunks_of(20_000)
    [range(0, 16384), range(16384, 20000)]
    """
    return [range(a, min(a + CHUNK, n_rows)) for a in range(0, max(n_rows, 1), CHUNK)]


def in_order(make: Callable[[T], R], parts: Iterable[T], n_shards: int) -> Iterator[tuple[R, T]]:
    """Make of each part, `n_shards` at a time in as many threads, and give all in order; few wait to be taken.

    Threads, since what takes the time lets go of Python's lock, and what a part needs of others is shared.
    """
    if n_shards <= 1:
        yield from ((make(part), part) for part in parts)
        return
    waiting: deque[tuple[Future[R], T]] = deque()
    with ThreadPoolExecutor(n_shards, thread_name_prefix="shard") as pool:
        try:
            for part in parts:
                waiting.append((pool.submit(make, part), part))
                if len(waiting) > n_shards:
                    future, made = waiting.popleft()
                    yield future.result(), made
            while waiting:
                future, made = waiting.popleft()
                yield future.result(), made
        finally:
            pool.shutdown(cancel_futures=True)
