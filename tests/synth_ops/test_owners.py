import numpy as np
import pytest

from synth_ops.owners import Owners


def test_an_entity_counts_once_in_each_group() -> None:
    owners = Owners.of(np.array([7, 7, 7, 9, 9], np.uint64))

    assert owners.n == 2
    assert owners.count(np.array([0, 0, 1, 1, 2]), 4).tolist() == [1, 2, 1, 0]


def test_rows_that_are_each_their_own_are_counted_as_rows() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 5, 200)
    each, same = Owners.each(200), Owners.of(rng.permutation(200))

    assert each.are_distinct
    assert same.are_distinct
    assert each.count(groups, 5).tolist() == same.count(groups, 5).tolist() == np.bincount(groups).tolist()
    assert each.ends(groups, 3) == same.ends(groups, 3)


def test_only_groups_of_enough_rows_are_counted_by_entities() -> None:
    owners, groups = Owners.of(np.array([1, 1, 1, 1, 2, 2, 3])), np.array([0, 0, 0, 1, 1, 1, 2])

    assert owners.count_large(groups, np.array([3, 3, 1]), 3).tolist() == [1, 2, 1]
    assert owners.count_large(groups, np.array([3, 3, 1]), 9).tolist() == [3, 3, 1]


def test_the_ends_are_those_of_the_kth_entity_and_not_of_the_kth_row() -> None:
    """One customer holds the ten smallest and the ten largest values."""
    places = np.concatenate([np.arange(10), np.arange(90, 100), np.arange(10, 90)])
    ids = np.concatenate([np.zeros(20, int), np.arange(1, 81)])

    assert Owners.of(ids).ends(places, 2) == (10, 89)
    assert Owners.each(100).ends(places, 2) == (1, 98)


def test_owners_of_some_rows_are_counted_anew() -> None:
    owners = Owners.of(np.array([5, 6, 5, 7]))

    assert owners.where(np.array([True, False, True, False])).n == 1
    assert owners.where(np.zeros(4, bool)).n == 0


def test_one_row_of_each_entity_is_its_first() -> None:
    assert Owners.of(np.array([5, 6, 5, 7, 6])).firsts().tolist() == [0, 1, 3]
    assert Owners.each(3).firsts().tolist() == [0, 1, 2]


@pytest.mark.parametrize("n_owners", [1, 7, 60, 400])
def test_counts_equal_those_of_a_slow_count(n_owners: int) -> None:
    rng = np.random.default_rng(n_owners)
    ids, groups = rng.integers(0, n_owners, 400), rng.integers(0, 9, 400)

    found = Owners.of(ids).count(groups, 9)

    assert found.tolist() == [len(set(ids[groups == g].tolist())) for g in range(9)]
