"""A pattern keeps the shape of texts, and nothing that too few of them hold."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_ops.mint.pattern import Pattern


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def minted(values: Sequence[str | None], n: int = 200, *, rare_below: int = 10) -> list[str]:
    return Pattern.fit(pa.chunked_array([pa.array(values, pa.string())]), rare_below=rare_below).mint(n, rng())


def shapes(texts: list[str]) -> set[str]:
    return {re.sub("[0-9]", "0", re.sub("[A-Z]", "A", re.sub("[a-z]", "a", text))) for text in texts}


def test_tail_numbers_keep_their_letter_and_length() -> None:
    values = [f"N{100 + i}{'ABC'[i % 3]}{'XYZ'[i % 3]}" for i in range(300)]

    assert all(re.fullmatch(r"N\d{3}[A-C][X-Z]", text) for text in minted(values))


def test_hexadecimal_identifiers_stay_hexadecimal() -> None:
    values = [hashlib.sha256(str(i).encode()).hexdigest()[:24] for i in range(500)]

    assert all(re.fullmatch("[0-9a-f]{24}", text) for text in minted(values))


def test_names_keep_their_words_of_several_but_no_word_of_one() -> None:
    letters = str.maketrans("0123456789", "ghijklmnop")
    values = [hashlib.sha256(str(i).encode()).hexdigest()[:6].translate(letters).title() for i in range(200)]
    places = [f"{value} Airport" for value in values]

    made = minted(places)

    assert all(text.endswith(" Airport") for text in made)
    assert not {text.split()[0] for text in made} & set(values)


def test_rare_shapes_leave_no_literal() -> None:
    made = minted([f"AB-{i:03d}" for i in range(100)] + ["secret@example.org"] * 3, n=2000)

    assert shapes([text for text in made if "-" in text]) == {"AA-000"}
    assert not any("@" in text for text in made)


def test_fewer_values_than_the_threshold_give_a_neutral_shape() -> None:
    made = minted(["AB-12#x"] * 3 + ["CD-34#y"])

    assert not any(re.search(r"[^A-Za-z0-9]", text) for text in made)


def test_empty_texts_keep_their_share() -> None:
    made = minted([""] * 50 + [f"K{i:02d}" for i in range(50)], n=1000)

    assert made.count("") == pytest.approx(500, abs=60)


def test_prose_becomes_prose_of_like_length() -> None:
    values = [" ".join(["something"] * (10 + i % 10)) + f" {i}" for i in range(200)]

    made = minted(values)

    assert np.mean([len(t) for t in made]) == pytest.approx(np.mean([len(t) for t in values]), rel=0.15)
    assert not any("something" in text for text in made)


@pytest.mark.parametrize(
    "values", [[], [None], [""], ["🎉"], ["a"], ["\x00"], ["日本"], ["x" * 5000], [" "], ["e\u0301"]]
)
@pytest.mark.parametrize("copies", [1, 30])
def test_odd_values_work(values: list[str | None], copies: int) -> None:
    assert len(minted(values * copies, n=5)) == 5


def test_capacity_counts_what_can_come_out() -> None:
    assert Pattern.fit(pa.array([f"A{i:02d}" for i in range(100)] * 2), rare_below=5).capacity() == 100


def test_a_pattern_is_json() -> None:
    pattern = Pattern.fit(pa.array([f"A{i:02d}-{'xyz'[i % 3]}" for i in range(100)]), rare_below=10)

    assert Pattern.from_json(pattern.to_json()) == pattern


def test_a_pattern_holds_no_value() -> None:
    values = [hashlib.sha256(str(i).encode()).hexdigest()[:10] for i in range(300)]
    text = str(Pattern.fit(pa.array(values), rare_below=10).to_json())

    assert not any(value in text for value in values)


def test_the_same_seed_gives_the_same_texts() -> None:
    values: list[str | None] = [f"A{i:02d}" for i in range(100)]

    assert minted(values) == minted(values)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.from_regex(r"[A-Z]{2}-[0-9]{1,3}", fullmatch=True), min_size=40, max_size=80, unique=True))
def test_common_shapes_are_preserved(values: list[str]) -> None:
    made = minted(list(values), n=50, rare_below=1)

    assert shapes(made) <= shapes(values)


def test_as_many_values_are_drawn_as_were_seen() -> None:
    values = pa.array([f"INV-{i:07d}/{'ABCD'[i % 4]}" for i in range(20_000)])

    made = Pattern.fit(values, rare_below=10).draw(20_000, rng())

    assert len(made) == 20_000
