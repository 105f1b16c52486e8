import numpy as np

from synth_ops.relate.slots import cycle_rows, match_slots, plant_forest


def test_labels_are_met_as_far_as_slots_go() -> None:
    wanted = np.array(["a", "a", "b", "c"], dtype=object)
    offered = np.array(["b", "a", "a", "b"], dtype=object)

    chosen = match_slots(wanted, offered, np.random.default_rng(0))

    assert sorted(chosen) == [0, 1, 2, 3]
    assert list(offered[chosen][:3]) == ["a", "a", "b"]


def test_one_row_of_each_cycle_is_found() -> None:
    parent = np.array([1, 2, 0, 2, 4, -1, 7, 6])

    assert list(cycle_rows(parent)) == [0, 6]


def test_a_chain_of_single_children_is_planted_whole() -> None:
    n = 200
    degrees = np.array([1] * (n - 1) + [0])
    labels = np.full(n, "c0", dtype=object)

    parent = plant_forest(np.arange(n) == 0, degrees, labels, labels, np.random.default_rng(0))

    assert (np.bincount(parent[1:], minlength=n) == degrees).all()
    assert len(cycle_rows(parent)) == 0
