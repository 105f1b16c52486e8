from pathlib import Path

import numpy as np
import pytest

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.model import Constant, Neural, TrainingConfig, fit_synthesizer, load_synthesizer
from tests.synth_ops.model.toys import DAYS, LAYOUT, SMALL, days, is_wet, rows


def test_learns_a_joint_that_no_pair_of_columns_shows() -> None:
    config = SMALL.model_copy(update={"n_epochs": 60, "patience": 30})
    synthesizer, _ = fit_synthesizer("vae", rows(4_000), LAYOUT, 0, config)

    a, b, fine, c = synthesizer.sample(4_000, context=None, seed=1).T

    assert np.mean((a % 2 == b % 2) == c) > 0.95
    assert np.mean(fine < np.maximum(b, 1)) > 0.98
    assert abs(np.mean(a == 1) - 0.5) < 0.03


def test_context_is_kept_and_conditions_the_rest() -> None:
    config = SMALL.model_copy(update={"n_epochs": 60, "patience": 30})
    synthesizer, _ = fit_synthesizer("vae", rows(4_000), LAYOUT, 3, config)
    context = rows(500, seed=9)[:, :3]

    sampled = synthesizer.sample(500, context=context, seed=1)

    np.testing.assert_array_equal(sampled[:, :3], context)
    assert np.mean((context[:, 0] % 2 == context[:, 1] % 2) == sampled[:, 3]) > 0.95


def test_what_a_day_was_like_is_known_of_that_day() -> None:
    """Its neighbours say nothing of it."""
    config = SMALL.model_copy(update={"n_epochs": 60, "patience": 30})
    synthesizer, _ = fit_synthesizer("vae", days(6_000), DAYS, 1, config)

    when, wet = synthesizer.sample(4_000, context=days(4_000, seed=9)[:, :1], seed=1).T

    assert np.mean(wet == is_wet(when)) > 0.8


def test_a_saved_model_samples_the_same_rows(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"n_epochs": 2})
    synthesizer, _ = fit_synthesizer("vae", rows(500), LAYOUT, 0, config)
    synthesizer.save(tmp_path)

    again = load_synthesizer(tmp_path)

    np.testing.assert_array_equal(
        synthesizer.sample(100, context=None, seed=5), again.sample(100, context=None, seed=5)
    )
    assert again.log_likelihood(rows(10), seed=0).shape == (10,)


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_truncated_model_is_refused_by_name(tmp_path: Path, file: str) -> None:
    config = SMALL.model_copy(update={"n_epochs": 1})
    fit_synthesizer("vae", rows(200), LAYOUT, 0, config)[0].save(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:50])

    with pytest.raises(CorruptArtifact, match="trained anew"):
        load_synthesizer(tmp_path)


def test_an_unknown_family_is_refused_with_those_there_are() -> None:
    with pytest.raises(PlanError, match="vae"):
        fit_synthesizer("diffusion", rows(200), LAYOUT, 0, SMALL)


@pytest.mark.parametrize("n_rows", [1, 2, 20, 99])
def test_too_few_rows_keep_no_joint(n_rows: int) -> None:
    """A column that determines another in the training rows does not in the sample."""
    codes = rows(n_rows)
    synthesizer, ended = fit_synthesizer("vae", codes, LAYOUT, 0, SMALL)

    a, b, _, c = synthesizer.sample(2_000, context=None, seed=0).T

    assert ended.n_steps == 0
    if n_rows >= 20:
        assert np.mean((a % 2 == b % 2) == c) < 0.7


def test_no_rows_and_no_columns_make_a_constant_model(tmp_path: Path) -> None:
    empty, _ = fit_synthesizer("vae", rows(0), LAYOUT, 0, SMALL)
    keys_only, _ = fit_synthesizer("vae", np.zeros((7, 0), np.int32), Layout(sub_columns=()), 0, SMALL)
    keys_only.save(tmp_path)

    assert isinstance(empty, Constant)
    assert load_synthesizer(tmp_path).sample(4, context=None, seed=0).shape == (4, 0)


def test_warm_start_begins_where_the_parent_stood() -> None:
    codes = rows(2_000)
    parent, _ = fit_synthesizer("vae", codes, LAYOUT, 0, SMALL.model_copy(update={"n_epochs": 30}))
    one_epoch = SMALL.model_copy(update={"n_epochs": 1, "learning_rate": 1e-4})

    _, cold = fit_synthesizer("vae", codes, LAYOUT, 0, one_epoch)
    _, warm = fit_synthesizer("vae", codes, LAYOUT, 0, one_epoch, start_from=parent)

    assert warm.loss < cold.loss - 0.1


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_two_thousand_columns_of_few_rows_keep_their_shares(family: str) -> None:
    codes = (np.random.default_rng(0).random((300, 2_000)) < np.linspace(0.1, 0.9, 2_000)).astype(np.int32)
    layout = Layout(sub_columns=tuple(SubColumn(column=f"c{i}", part="value", size=2) for i in range(2_000)))

    synthesizer, _ = fit_synthesizer(family, codes, layout, 0, SMALL.model_copy(update={"n_epochs": 1}))
    drawn = synthesizer.sample(1_000, context=None, seed=1)

    assert np.abs(drawn.mean(0) - codes.mean(0)).mean() < 0.03


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_two_thousand_ordered_columns_take_no_square_of_memory(family: str) -> None:
    codes = np.random.default_rng(0).integers(0, 200, (200, 2_000)).astype(np.int32)
    layout = Layout(
        sub_columns=tuple(SubColumn(column=f"c{i}", part="value", size=200, ordinal=True) for i in range(2_000))
    )

    synthesizer, _ = fit_synthesizer(family, codes, layout, 0, SMALL.model_copy(update={"n_epochs": 1}))

    assert isinstance(synthesizer, Neural)
    assert sum(p.numel() for p in synthesizer.network.parameters()) < 2e7
    assert synthesizer.sample(50, context=None, seed=0).shape == (50, 2_000)


def test_a_hundred_thousand_categories_keep_what_goes_with_each() -> None:
    """Cities of fifty countries, in two sub-columns as their codec makes them: a city stays in its country."""
    rng = np.random.default_rng(0)
    n_groups, n_fine = 400, 250
    city = rng.integers(0, n_groups * n_fine, 200_000)
    country = city // n_fine % 50
    codes = np.stack([country, city // n_fine, city % n_fine], 1).astype(np.int32)
    layout = Layout(
        sub_columns=(
            SubColumn(column="country", part="value", size=50),
            SubColumn(column="city", part="coarse", size=n_groups),
            SubColumn(column="city", part="fine", size=n_fine, within=1),
        )
    )
    config = TrainingConfig(n_epochs=6, conditioning=0.0, network=SMALL.network.model_copy(update={"d_embedding": 12}))

    synthesizer, _ = fit_synthesizer("vae", codes, layout, 0, config)
    drawn = synthesizer.sample(20_000, context=None, seed=1)

    assert np.mean(drawn[:, 1] % 50 == drawn[:, 0]) > 0.9
    assert len(np.unique(drawn[:, 1] * n_fine + drawn[:, 2])) > 15_000
