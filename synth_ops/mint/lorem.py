"""Words that mean nothing, in the length of a text that did."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TEXT = (
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna"
    " aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis"
    " aute irure in reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat"
    " cupidatat non proident sunt culpa qui officia deserunt mollit anim id est laborum"
)
_WORDS = tuple(_TEXT.split())
_MEAN_LENGTH = sum(map(len, _WORDS)) / len(_WORDS) + 1
_MAX_CHARACTERS = 4000


def lorem(rng: np.random.Generator, n: int, lengths: Sequence[int]) -> pa.Array:
    """Write texts whose lengths in characters are spread as those quantiles are."""
    place = rng.random(n) * (len(lengths) - 1)
    wanted = np.interp(place, np.arange(len(lengths)), np.minimum(lengths, _MAX_CHARACTERS))
    n_words = np.maximum(1, np.round(wanted / _MEAN_LENGTH)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(n_words)]).astype(np.int32)
    words = pa.array(_WORDS, pa.string()).take(pa.array(rng.integers(len(_WORDS), size=int(offsets[-1]))))
    texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), words), " ")
    return pc.utf8_capitalize(texts)
