import numpy as np
import pytest
import torch

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model import Neural, Synthesizer, carries_over, fit_synthesizer
from tests.synth_ops.model.toys import DAYS, LAYOUT, N_DAYS, SMALL, SMOOTH, days, rows, smooth_rows

LEARNED = SMALL.model_copy(update={"n_epochs": 40, "patience": 20, "conditioning": 0.0})
GLANCE = SMALL.model_copy(update={"n_epochs": 1, "learning_rate": 1e-9, "conditioning": 0.0})


@pytest.fixture(scope="module")
def parent() -> Synthesizer:
    return fit_synthesizer("vae", rows(4_000), LAYOUT, 0, LEARNED)[0]


def same_codes(layout: Layout) -> dict[tuple[str, str], np.ndarray]:
    return {(s.column, s.part): np.arange(s.size) for s in layout.sub_columns}


def nats(model: Synthesizer, codes: np.ndarray) -> float:
    return -float(model.log_likelihood(codes, seed=0).mean())


def test_nothing_changed_means_the_same_likelihoods(parent: Synthesizer) -> None:
    warm, _ = fit_synthesizer("vae", rows(4_000), LAYOUT, 0, GLANCE, start_from=parent, codes_before=same_codes(LAYOUT))

    assert abs(nats(warm, rows(1_000, 9)) - nats(parent, rows(1_000, 9))) < 1e-3


def test_a_new_column_leaves_what_was_known(parent: Synthesizer) -> None:
    extra = SubColumn(column="new", part="value", size=2)
    layout = Layout(
        sub_columns=(extra, *(s.model_copy(update={"within": 2} if s.within else {}) for s in LAYOUT.sub_columns))
    )
    codes = np.insert(rows(4_000), 0, rows(4_000)[:, 3], axis=1)
    warm, _ = fit_synthesizer("vae", codes, layout, 0, GLANCE, start_from=parent, codes_before=same_codes(LAYOUT))

    assert isinstance(warm, Neural)
    assert warm.order[-1] == 0
    assert abs(nats(warm, codes[:1_000]) - nats(parent, rows(4_000)[:1_000]) - np.log(2)) < 0.05
    learned, _ = fit_synthesizer("vae", codes, layout, 0, LEARNED, start_from=parent, codes_before=same_codes(LAYOUT))
    sampled = learned.sample(1_000, context=None, seed=0)
    assert np.mean(sampled[:, 0] == sampled[:, 4]) > 0.95


def test_a_dropped_column_leaves_the_joint_of_the_others(parent: Synthesizer) -> None:
    kept = [1, 2, 3]
    layout = Layout(
        sub_columns=tuple(LAYOUT.sub_columns[i].model_copy(update={"within": 0} if i == 2 else {}) for i in kept)
    )
    warm, _ = fit_synthesizer(
        "vae", rows(4_000)[:, kept], layout, 0, GLANCE, start_from=parent, codes_before=same_codes(LAYOUT)
    )

    b, fine, _ = warm.sample(2_000, context=None, seed=0).T

    assert np.mean(fine < np.maximum(b, 1)) > 0.95


def test_codes_are_known_again_by_their_map(parent: Synthesizer) -> None:
    """The two values of `a` change places, as where one overtakes the other in frequency, and a third is new."""
    sub_columns = (LAYOUT.sub_columns[0].model_copy(update={"size": 4}), *LAYOUT.sub_columns[1:])
    layout = Layout(sub_columns=sub_columns)
    codes = rows(4_000)
    codes[:, 0] = np.array([0, 2, 1])[codes[:, 0]]
    codes[:40, 0] = 3
    maps = same_codes(LAYOUT) | {("a", "value"): np.array([0, 2, 1, -1])}

    known, _ = fit_synthesizer("vae", codes, layout, 0, GLANCE, start_from=parent, codes_before=maps)
    mistaken = maps | {("a", "value"): np.array([0, 1, 2, -1])}
    unknown, _ = fit_synthesizer("vae", codes, layout, 0, GLANCE, start_from=parent, codes_before=mistaken)

    assert nats(known, codes[40:]) < nats(parent, rows(4_000)[40:]) + 0.1
    assert nats(known, codes[40:]) < nats(unknown, codes[40:]) - 0.3
    assert np.isfinite(nats(known, codes[:40]))


def test_an_ordered_column_whose_range_moved_is_known_by_rank() -> None:
    codes = smooth_rows(4_000)
    parent, _ = fit_synthesizer("vae", codes, SMOOTH, 0, LEARNED)
    sub_columns = tuple(s.model_copy(update={"size": 501}) if s.ordinal else s for s in SMOOTH.sub_columns)
    moved = codes + np.array([0, 1, 1]) * np.where(codes > 0, 100, 0)
    maps = same_codes(SMOOTH)
    for name in ("x", "y"):
        maps[name, "value"] = np.append(0, np.maximum(np.arange(1, 501) - 100, 1))

    warm, _ = fit_synthesizer(
        "vae", moved, Layout(sub_columns=sub_columns), 0, GLANCE, start_from=parent, codes_before=maps
    )

    assert nats(warm, moved) < nats(parent, codes) + 0.2


def test_days_are_known_again_by_their_map() -> None:
    """A day has gone since, and another has come."""
    parent, _ = fit_synthesizer("vae", days(6_000), DAYS, 1, LEARNED)
    codes = days(6_000, 1)
    before = codes.copy()
    codes[:, 0] = np.where(codes[:, 0] > 1, codes[:, 0] - 1, N_DAYS)
    maps = same_codes(DAYS) | {("when", "day"): np.array([0, *range(2, N_DAYS + 1), -1])}

    known, _ = fit_synthesizer("vae", codes, DAYS, 1, GLANCE, start_from=parent, codes_before=maps)
    mistaken, _ = fit_synthesizer("vae", codes, DAYS, 1, GLANCE, start_from=parent, codes_before=same_codes(DAYS))

    stayed = before[:, 0] > 1
    assert nats(known, codes[stayed]) < nats(parent, before[stayed]) + 0.1
    assert nats(known, codes[stayed]) < nats(mistaken, codes[stayed]) - 0.2


def test_a_table_of_mostly_new_columns_is_learned_from_nothing(parent: Synthesizer) -> None:
    assert isinstance(parent, Neural)
    renamed = Layout(sub_columns=tuple(s.model_copy(update={"column": s.column + "_"}) for s in LAYOUT.sub_columns))

    warm, _ = fit_synthesizer("vae", rows(500), renamed, 0, GLANCE, start_from=parent, codes_before={})
    cold, _ = fit_synthesizer("vae", rows(500), renamed, 0, GLANCE)

    assert not carries_over(parent, "vae", renamed, 0)
    assert isinstance(warm, Neural)
    assert isinstance(cold, Neural)
    for name, value in cold.network.state_dict().items():
        assert torch.equal(value, warm.network.state_dict()[name])


def test_only_a_model_of_the_same_family_carries_over(parent: Synthesizer) -> None:
    assert carries_over(parent, "vae", LAYOUT, 0)
    assert not carries_over(parent, "gan", LAYOUT, 0)
