"""What guesses hit, and what no guess could."""

from dataclasses import replace

import numpy as np
import pytest

from synth_ops.measure.privacy.guesses import by_rote, guess_by_neighbour, guess_by_trees, secrets_of
from synth_ops.measure.privacy.space import lay_out
from synth_ops.measure.stack import Stack

N = 600


def stack() -> Stack:
    """Every third row is held out; nothing is synthetic. `double` follows from `x`, `word` is one of ten or null."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    return Stack(
        numbers={"x": x, "double": np.where(np.arange(N) % 10 == 0, np.nan, 2 * x), "coin": rng.normal(size=N)},
        labels={"sign": (x > 0).astype(np.int64), "word": rng.integers(-1, 10, N)},
        words={},
        training=np.flatnonzero(np.arange(N) % 3 != 0),
        holdout=np.flatnonzero(np.arange(N) % 3 == 0),
        synthetic=np.arange(0),
        ids=np.arange(N, dtype=np.uint64),
    )


def test_a_column_is_no_evidence_of_itself() -> None:
    (secret,) = secrets_of(stack(), ("sign",))

    assert secret.evidence(np.arange(7)).shape == (7, 4)
    assert not np.array_equal(secret.evidence(np.arange(N))[:, 3], stack().labels["sign"])


@pytest.mark.parametrize("name", ["double", "sign"])
def test_what_follows_from_other_columns_is_hit(name: str) -> None:
    rows = stack()
    (secret,) = secrets_of(rows, (name,))
    targets = secret.among(rows.holdout)
    hits, near = guess_by_trees(secret, rows.training, targets, seed=0)

    assert hits.mean() > 0.9
    assert near[hits].mean() > 0.5
    space = lay_out(rows, tuple(other for other in rows.names if other != name))
    assert guess_by_neighbour(secret, space, rows.training, targets).mean() > by_rote(secret, targets)


def test_what_follows_from_nothing_is_hit_as_by_rote() -> None:
    rows = stack()
    (secret,) = secrets_of(rows, ("coin",))

    assert guess_by_trees(secret, rows.training, rows.holdout, seed=0)[0].mean() == pytest.approx(0.1, abs=0.07)
    assert by_rote(secret, rows.holdout) == pytest.approx(0.1, abs=0.06)


def test_nulls_of_numbers_and_uncommon_labels_are_no_targets() -> None:
    """A null label is one like others, for it can be guessed."""
    number, label = secrets_of(stack(), ("double", "word"))

    assert not number.guessable[0]
    assert number.guessable[1]
    assert 0.5 < label.guessable.mean() < 1
    assert label.guessable[stack().labels["word"] == -1].all()


def test_one_class_is_always_guessed() -> None:
    rows = stack()
    same = replace(rows, labels={"same": np.zeros(N, dtype=np.int64)})
    (secret,) = secrets_of(same, ("same",))

    assert guess_by_trees(secret, rows.training, rows.holdout, seed=0)[0].all()
    assert by_rote(secret, rows.holdout) == 1
