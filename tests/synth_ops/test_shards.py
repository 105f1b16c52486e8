import threading

import pytest

from synth_ops.shards import CHUNK, chunks_of, in_order

CHUNKS = chunks_of(20 * CHUNK + 5)


@pytest.mark.parametrize("n_rows", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_chunks_hold_every_row_once(n_rows: int) -> None:
    assert [i for rows in chunks_of(n_rows) for i in rows] == list(range(n_rows))


@pytest.mark.parametrize("n_shards", [1, 2, 3, 50])
def test_chunks_come_in_order_whatever_the_shards(n_shards: int) -> None:
    made = list(in_order(lambda rows: rows.start, CHUNKS, n_shards))

    assert made == [(rows.start, rows) for rows in CHUNKS]


def test_few_chunks_wait_to_be_taken() -> None:
    """Or a slow disk would fill the memory."""
    begun: list[int] = []
    taking = in_order(lambda rows: begun.append(rows.start), CHUNKS, 2)

    next(taking)

    assert len(begun) <= 4


@pytest.mark.parametrize("n_shards", [1, 3])
def test_an_error_in_a_chunk_ends_the_work(n_shards: int) -> None:
    def make(rows: range) -> int:
        if rows.start == CHUNKS[3].start:
            raise ValueError(rows.start)
        return rows.start

    with pytest.raises(ValueError, match=str(3 * CHUNK)):
        list(in_order(make, CHUNKS, n_shards))
    assert not [t for t in threading.enumerate() if t.name.startswith("shard")]
