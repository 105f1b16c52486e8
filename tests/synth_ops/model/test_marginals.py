import torch

from synth_ops.encode.layout import SubColumn
from synth_ops.model.marginals import Marginal


def marginal(counts: torch.Tensor, *, ordinal: bool = True, n_special: int = 1) -> Marginal:
    sub_column = SubColumn(column="c", part="value", size=len(counts), ordinal=ordinal, n_special=n_special)
    return Marginal(sub_column, counts.float())


def even(n: int, each: int = 100) -> torch.Tensor:
    """Give counts that scatter as chance has it."""
    return torch.poisson(torch.full((n,), float(each)), generator=torch.Generator().manual_seed(0))


def test_categories_and_few_ordered_codes_are_outcomes_of_their_own() -> None:
    assert not marginal(even(500), ordinal=False).is_mixed
    assert not marginal(even(97)).is_mixed


def test_a_smooth_column_keeps_only_its_special_codes_alone() -> None:
    assert marginal(even(500)).alone.tolist() == [0]


def test_a_spike_is_an_outcome_of_its_own() -> None:
    counts = even(500)
    counts[250] = 5_000

    assert marginal(counts).alone.tolist() == [0, 250]


def test_a_ragged_column_keeps_its_common_codes_alone() -> None:
    """Prices, say: every tenth is popular, the rest are rare."""
    counts = even(400, 12)
    counts[5::10] = 900

    alone = marginal(counts).alone.tolist()

    assert alone[1:] == list(range(5, 400, 10))


def test_each_code_is_one_outcome_or_one_cell() -> None:
    counts = even(500)
    counts[[100, 250]] = 5_000
    of = marginal(counts)

    assert sorted(of.alone.tolist() + of.between.tolist()) == list(range(500))
    assert of.outcomes[of.alone].tolist() == [0, 1, 2]
    assert (of.outcomes[of.between] == 3).all()
    assert of.cells[of.between].tolist() == list(range(497))
    assert of.outcome_counts.sum() == of.counts.sum()


def test_a_standard_logistic_over_the_edges_is_the_marginal() -> None:
    of = marginal(even(500))

    mass = torch.sigmoid(of.edges.double()).diff()

    expected = (of.counts[1:] + 0.5) / (of.counts[1:] + 0.5).sum()
    torch.testing.assert_close(mass.float(), expected, atol=1e-6, rtol=1e-3)
