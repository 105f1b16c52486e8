"""Seeds that derive from words: the same words give the same seed, on any machine."""

import hashlib


def seed_of(*parts: str) -> int:
    """Give a seed below 2**31 that only these words give.

    >>> seed_of("train", "orders") == seed_of("train", "orders"), seed_of("train", "orders") == seed_of("trainorders")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:4]) >> 1
