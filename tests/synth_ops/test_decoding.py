import numpy as np
import pyarrow as pa

from synth_ops.decoding import PrivateTexts, redrawn
from synth_ops.mint.pattern import Pattern


def test_a_made_up_text_is_no_real_one() -> None:
    """Of four letters in short codes, chance alone would soon draw one that a single real row holds."""
    real = pa.array([f"{a}{b}" for a in "abcd" for b in "abcd"][:12])
    pattern = Pattern.fit(real, rare_below=1)
    values = pa.chunked_array([["aa", "keep", None, "ab"]])

    texts = redrawn(values, real, pattern, 2, np.random.default_rng(0)).to_pylist()

    assert texts[1:3] == ["keep", None]
    assert not {texts[0], texts[3]} & {None, *real.to_pylist()}


def test_private_texts_are_the_different_real_ones_that_are_not_kept() -> None:
    private = PrivateTexts(lambda _column: pa.chunked_array([["x", "y"], ["x", None, "z"]]))

    assert private.of("name", ("y",)).to_pylist() == ["x", "z"]
