"""Every attack on generators that are honest, that copy, and that learn by heart; and on tables of odd shapes."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from gate.toys import Rows, draw, jittered, join, stack

from synth_ops.measure.privacy import (
    LIMITS,
    list_attacks,
    measure_delta,
    measure_inference,
    measure_linkability,
    measure_membership,
    measure_singling_out,
    refused,
)
from synth_ops.measure.privacy.attacks import thin
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Measuring = Callable[[str, Stack, np.random.Generator], Iterator[Measure]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def all_of(rows: Stack, seed: int = 0) -> list[Measure]:
    return [figure for _, attack in list_attacks("t", rows, rng(seed)) for figure in attack()]


def tables(n: int, n_holdout: int, seed: int = 0) -> tuple[Rows, Rows, Rows]:
    """Give training and held-out rows, and rows of the same law."""
    draws = rng(seed)
    return draw(n, draws), draw(n_holdout, draws), draw(n, draws)


def learned_by_heart(rows: Rows) -> Rows:
    return jittered(rows, rng(9), 0.02)


def test_an_honest_copy_passes_every_attack() -> None:
    figures = all_of(stack(*tables(5000, 2500)))

    assert {f.name for f in figures} == set(LIMITS) - {"delta_membership_auc"}
    assert [f.name for f in figures if f.error] == []
    assert [f.name for f in figures if refused(f)] == []
    assert all(f.low is not None and f.high is not None and f.low <= f.high for f in figures)


def test_the_same_seed_gives_the_same_figures() -> None:
    rows = stack(*tables(1500, 1300))

    assert all_of(rows) == all_of(rows)


def test_a_large_stack_is_sampled_side_by_side() -> None:
    rows = stack(*tables(400, 100))
    few = thin(rows, rng(), 150)

    assert [len(few.training), len(few.holdout), len(few.synthetic)] == [150, 100, 150]
    assert few.numbers["x"][few.holdout].tolist() == rows.numbers["x"][rows.holdout].tolist()
    assert set(few.numbers["x"][few.synthetic]) < set(rows.numbers["x"][rows.synthetic])
    assert thin(few, rng(), 150) is few


def test_an_attack_does_not_depend_on_which_ran_before() -> None:
    rows = stack(*tables(1500, 1300))
    alone = dict(list_attacks("t", rows, rng()))["linkability"]

    assert list(alone()) == [f for f in all_of(rows) if f.name == "linkability"]


@pytest.mark.parametrize("measure", [measure_membership, measure_linkability])
def test_rows_learned_by_heart_are_refused(measure: Measuring) -> None:
    training, holdout, _ = tables(3000, 2500)
    (figure,) = measure("t", stack(training, holdout, learned_by_heart(training)), rng())

    assert refused(figure)
    assert figure.low is not None
    assert figure.floor is not None
    assert figure.low > figure.floor


def test_statements_read_off_a_copied_row_single_out_its_original() -> None:
    training, holdout, _ = tables(2500, 2500)
    (figure,) = measure_singling_out("t", stack(training, holdout, training), rng())

    assert refused(figure)
    assert figure.observed is not None
    assert figure.observed > 0.5


def test_a_copied_row_gives_its_secrets_away() -> None:
    training, holdout, _ = tables(3000, 2500)
    label, number = measure_inference("t", stack(training, holdout, training), rng(), ("place", "z"))

    assert (label.column, number.column) == ("place", "z")
    assert refused(label)
    assert refused(number)
    assert label.observed == pytest.approx(1, abs=0.05)


def test_a_secret_whose_values_are_not_compared_is_an_error() -> None:
    lost, kept = measure_inference("t", stack(*tables(400, 400)), rng(), ("flag", "e_mail"))

    assert (lost.column, kept.column) == ("e_mail", "flag")
    assert "not compared" in (lost.error or "")


def test_a_secret_that_the_other_columns_give_away_takes_more_rows_than_there_are() -> None:
    """Hardly a guess is wrong, copy or no copy: few rows are left to tell a gain by."""
    parts = [replace(part, labels={"sign": (part.numbers["x"] > 0).astype(int)}) for part in tables(3000, 2500)]
    (figure,) = measure_inference("t", stack(*parts), rng(), ("sign",))

    assert "are needed" in (figure.error or "")
    assert not refused(figure)


def test_guesses_are_no_better_than_by_rote_where_columns_are_independent() -> None:
    parts = [
        Rows({"x": r.normal(size=n)}, {"coin": r.choice(2, n, p=[0.7, 0.3])})
        for r, n in zip(map(rng, range(3)), (10_000, 10_000, 5000), strict=True)
    ]
    (figure,) = measure_inference("t", stack(*parts), rng(), ("x",))

    assert figure.independent == pytest.approx(0.1, abs=0.01)
    assert figure.observed == pytest.approx(0, abs=0.02)


def test_few_rows_say_how_many_are_needed() -> None:
    figures = all_of(stack(*tables(400, 120)))
    errors = {f.name: f.error for f in figures}

    assert "1052" in (errors["membership_auc"] or "")
    assert "1200" in (errors["outlier_copies"] or "")
    assert "300" in (errors["near_copies"] or "")
    assert "0.05" in (errors["attribute_inference"] or "")
    assert all(f.observed is None for f in figures if f.error)


def test_two_nights_tell_which_rows_came_between() -> None:
    training, holdout, _ = tables(3000, 600)
    added = np.arange(300)
    rest = training.take(np.arange(300, 3000))
    tonight = learned_by_heart(join(training.take(added), rest))
    rows = stack(training, holdout, tonight, learned_by_heart(rest))
    yesterday = np.arange(3000 + 600 + 3000, 3000 + 600 + 3000 + 2700)
    (figure,) = measure_delta("t", rows, added, rows.holdout, yesterday, rng())

    assert refused(figure)
    assert figure.low is not None
    assert figure.low > 0.6


def test_two_honest_nights_tell_nothing() -> None:
    training, holdout, fresh = tables(3000, 1500)
    rows = stack(training, holdout, fresh, draw(3000, rng(8)))
    yesterday = np.arange(7500, 10_500)
    (figure,) = measure_delta("t", rows, np.arange(1000), rows.holdout, yesterday, rng())

    assert not refused(figure)
    assert figure.observed == pytest.approx(0.5, abs=0.05)


def test_few_rows_between_two_nights_are_no_measure() -> None:
    rows = stack(*tables(500, 500))
    (figure,) = measure_delta("t", rows, np.arange(299), rows.holdout, rows.synthetic, rng())

    assert "299" in (figure.waived or "")
    assert "300" in (figure.waived or "")


SHAPES = {
    "one number": lambda rows: Rows({"x": rows.numbers["x"]}, {}),
    "one label": lambda rows: Rows({}, {"flag": rows.labels["flag"]}),
    "constant columns": lambda rows: Rows(
        {"x": rows.numbers["x"], "same": np.ones(rows.n)}, {"one": np.zeros(rows.n, dtype=np.int64)}
    ),
    "columns of nulls": lambda rows: Rows(
        {"x": rows.numbers["x"], "none": np.full(rows.n, np.nan)}, {"empty": np.full(rows.n, -1)}
    ),
    "nulls alone": lambda rows: Rows({"none": np.full(rows.n, np.nan)}, {"empty": np.full(rows.n, -1)}),
    "ties everywhere": lambda rows: Rows({"count": rows.numbers["count"]}, {"flag": rows.labels["flag"]}),
    "fifty columns": lambda rows: Rows(
        {f"n{i}": rows.numbers["x"] * (i % 5) + rows.numbers["y"] for i in range(25)},
        {f"l{i}": (rows.labels["place"] + i) % (i + 2) for i in range(25)},
    ),
    "infinite numbers": lambda rows: Rows(
        {"x": np.where(rows.numbers["y"] > 3, np.inf, rows.numbers["x"]), "y": rows.numbers["y"]}, {}
    ),
    "large whole numbers": lambda rows: Rows({"at": np.round(1.7e18 + 1e15 * rows.numbers["x"])}, rows.labels),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_honest_copy_of_any_shape_is_never_refused(shape: str) -> None:
    figures = all_of(stack(*map(SHAPES[shape], tables(1500, 1300))))

    assert [f.name for f in figures if refused(f)] == []
    assert all(f.error or np.isfinite([f.observed, f.low, f.high]).all() for f in figures)  # type: ignore[arg-type] # error or figures


def test_no_synthetic_rows_are_errors() -> None:
    training, holdout, fresh = tables(1500, 1300)

    assert all(f.error for f in all_of(stack(training, holdout, fresh.take(np.arange(0)))))


def test_names_of_labels_do_not_matter() -> None:
    """Words with apostrophes and numbers below zero are as telling as others."""
    training, holdout, _ = tables(1500, 1300)
    turned = [replace(part, numbers={k: -v for k, v in part.numbers.items()}) for part in (training, holdout, training)]
    plain = stack(training, holdout, training)
    quoted = replace(stack(*turned), words={name: ("O'Brien",) * len(w) for name, w in plain.words.items()})

    for name in ("membership_auc", "singling_out", "linkability"):
        one, other = (
            next(iter(dict(list_attacks("t", rows, rng()))[name]())).observed or 0 for rows in (plain, quoted)
        )
        assert one == pytest.approx(other, abs=0.05)
        assert other > 0.15
