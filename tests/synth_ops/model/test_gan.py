from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from synth_ops.model import Given, Synthesizer, fit_synthesizer, load_synthesizer
from tests.synth_ops.model.toys import LAYOUT, SMALL, SMOOTH, rows, smooth_rows

NETWORK = SMALL.network.model_copy(update={"d_hidden": 96, "d_embedding": 8})
LONGER = SMALL.model_copy(update={"n_epochs": 40, "patience": 40, "learning_rate": 1e-2, "network": NETWORK})


@pytest.fixture(scope="module")
def taught() -> Synthesizer:
    return fit_synthesizer("gan", rows(4_000), LAYOUT, 0, LONGER)[0]


def test_learns_a_joint_that_no_pair_of_columns_shows(taught: Synthesizer) -> None:
    a, b, fine, c = taught.sample(4_000, context=None, seed=1).T

    assert np.mean((a % 2 == b % 2) == c) > 0.95
    assert np.mean(fine < np.maximum(b, 1)) > 0.98
    assert abs(np.mean(a == 1) - 0.5) < 0.04


@pytest.mark.parametrize("columns", [(3,), (0, 3)])
def test_columns_can_be_given_and_the_joint_holds(taught: Synthesizer, columns: tuple[int, ...]) -> None:
    asked = rows(2_000, seed=9)
    is_given = np.zeros(asked.shape, np.bool_)
    is_given[:, columns] = True

    sampled = taught.sample(2_000, context=None, seed=1, given=Given(asked, is_given))

    np.testing.assert_array_equal(sampled[:, columns], asked[:, columns])
    assert np.mean((sampled[:, 0] % 2 == sampled[:, 1] % 2) == sampled[:, 3]) > 0.93


def test_likelihood_is_higher_for_rows_that_can_be(taught: Synthesizer) -> None:
    possible, impossible = rows(500, seed=9), rows(500, seed=9)
    impossible[:, 3] = 1 - impossible[:, 3]

    gap = taught.log_likelihood(possible, seed=0) - taught.log_likelihood(impossible, seed=0)

    assert np.mean(gap) > 2


@pytest.fixture(scope="module")
def ordered() -> Synthesizer:
    return fit_synthesizer("gan", smooth_rows(4_000), SMOOTH, 0, LONGER.model_copy(update={"n_epochs": 25}))[0]


def test_an_ordered_column_follows_a_later_one_that_is_given(ordered: Synthesizer) -> None:
    asked = smooth_rows(2_000, seed=9)
    asked[:, 2] = np.where(asked[:, 2] == 200, 350, asked[:, 2])
    is_given = np.zeros(asked.shape, np.bool_)
    is_given[:, 2] = True

    sampled = ordered.sample(2_000, context=None, seed=1, given=Given(asked, is_given))

    known = sampled[:, 1] > 0
    assert abs(known.mean() - 0.9) < 0.05
    assert np.median(np.abs(sampled[known, 1] - asked[known, 2])) < 20
    assert np.mean((asked[known, 2] > 200) == sampled[known, 0]) > 0.9


def test_learns_how_ordered_columns_go_together(ordered: Synthesizer) -> None:
    half, x, y = ordered.sample(4_000, context=None, seed=1).T

    assert abs(np.mean(x == 0) - 0.1) < 0.03
    assert abs(np.mean(y == 200) - 0.2) < 0.05
    both = (x > 0) & (y != 200)
    assert np.median(np.abs(x - y)[both]) < 20
    assert np.mean((x > 200)[both] == half[both]) > 0.9


def test_context_is_kept_and_conditions_the_rest() -> None:
    synthesizer, _ = fit_synthesizer("gan", rows(4_000), LAYOUT, 3, LONGER.model_copy(update={"n_epochs": 15}))
    context = rows(500, seed=9)[:, :3]

    sampled = synthesizer.sample(500, context=context, seed=1)

    np.testing.assert_array_equal(sampled[:, :3], context)
    assert np.mean((context[:, 0] % 2 == context[:, 1] % 2) == sampled[:, 3]) > 0.95


def test_a_saved_model_samples_the_same_rows_and_holds_no_critic(tmp_path: Path) -> None:
    synthesizer, _ = fit_synthesizer("gan", rows(1_500), LAYOUT, 0, SMALL.model_copy(update={"n_epochs": 2}))
    synthesizer.save(tmp_path)

    again = load_synthesizer(tmp_path)

    np.testing.assert_array_equal(
        synthesizer.sample(100, context=None, seed=5), again.sample(100, context=None, seed=5)
    )
    np.testing.assert_array_equal(synthesizer.log_likelihood(rows(10), seed=0), again.log_likelihood(rows(10), seed=0))
    assert not any("critic" in name for name in load_file(tmp_path / "model.safetensors"))


def test_same_seed_gives_same_rows() -> None:
    config = SMALL.model_copy(update={"n_epochs": 2})
    first, second = (fit_synthesizer("gan", rows(1_500), LAYOUT, 0, config)[0] for _ in range(2))

    np.testing.assert_array_equal(first.sample(100, context=None, seed=3), second.sample(100, context=None, seed=3))


@pytest.mark.parametrize("n_rows", [1, 2, 20, 99])
def test_too_few_rows_keep_no_joint(n_rows: int) -> None:
    synthesizer, ended = fit_synthesizer("gan", rows(n_rows), LAYOUT, 0, SMALL)

    a, b, _, c = synthesizer.sample(2_000, context=None, seed=0).T

    assert ended.n_steps == 0
    if n_rows >= 20:
        assert np.mean((a % 2 == b % 2) == c) < 0.7
