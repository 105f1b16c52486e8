"""Ways to spoil a copy, each with the checks of which one at least must catch it: what the gate is tried with.

All take the rows that the copy was made of, an honest copy, and a generator of chance, and give the spoilt copy. They
choose the columns that they spoil by what these hold, so that they work on any table that has such columns; where a
table has none, they give None.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

Spoil = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame | None]

GARBAGE = 0.05
LEAKED = 0.02
MANY = 30
"""Distinct values from which a number counts as measured, and not as a code."""


@dataclass(frozen=True)
class Sabotage:
    """One way to spoil a copy."""

    name: str
    says: str
    spoil: Spoil
    caught_by: tuple[str, ...]
    """Types of expectations; each must be able to catch it alone, and one at least must."""


def numbers(rows: pd.DataFrame) -> list[str]:
    """Give the columns of measured numbers, those of most distinct values first."""
    found = {c: rows[c].nunique() for c in rows.columns if _is_number(rows[c])}
    # What is another number on every row and whole names rows, and is compared with nothing.
    names = {c for c, n in found.items() if n == len(rows) and pd.api.types.is_integer_dtype(rows[c])}
    return sorted((c for c, n in found.items() if n >= MANY and c not in names), key=lambda c: -found[c])


def labels(rows: pd.DataFrame) -> list[str]:
    """Give the columns of words of few kinds, the most balanced first."""
    found = {c: rows[c].value_counts(normalize=True) for c in rows.columns if _is_label(rows[c])}
    return sorted(found, key=lambda c: found[c].iloc[0])


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _is_label(column: pd.Series) -> bool:
    kind = column.dtype
    is_word = (
        isinstance(kind, pd.CategoricalDtype)
        or pd.api.types.is_object_dtype(kind)
        or pd.api.types.is_string_dtype(kind)
    )
    return bool(is_word) and 2 <= column.nunique() <= 200  # noqa: PLR2004 — more are names


def _strongest(rows: pd.DataFrame) -> str:
    """Give the column that goes most with another: its loss is seen."""
    codes = rows.sample(min(len(rows), 5_000), random_state=0).apply(_ranks)
    together = codes.corr(method="pearson").abs().to_numpy(copy=True)
    np.fill_diagonal(together, 0)
    return str(rows.columns[np.nanargmax(np.nanmax(together, axis=1))])


def _ranks(column: pd.Series) -> pd.Series:
    if _is_number(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column.rank()
    counted = column.astype(object).map(column.value_counts()).astype(float)
    return counted.rank()


def _shuffled(column: pd.Series, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(column.to_numpy()[rng.permutation(len(column))])


def shuffle_columns(_real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({c: _like(_shuffled(copy[c], rng), copy[c]) for c in copy})


def shuffle_one_column(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    name = _strongest(real)
    return copy.assign(**{name: _like(_shuffled(copy[name], rng), copy[name])})


def sort_columns(_real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({c: _like(copy[c].sort_values(na_position="last").to_numpy(), copy[c]) for c in copy})


def turn_one_column(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    """Give the highest the place of the lowest, so that the column stays and its relations turn."""
    for name in numbers(real):
        ordered = copy[name].sort_values().dropna().to_numpy()
        ranks = copy[name].rank(method="first")
        there = ranks.notna()
        turned = copy[name].copy()
        turned[there] = ordered[::-1][ranks[there].astype(int).to_numpy() - 1]
        if _association(real, name) > 0.2:  # noqa: PLR2004 — else there is nothing to turn
            return copy.assign(**{name: turned})
    return None


def _association(real: pd.DataFrame, name: str) -> float:
    some = real.sample(min(len(real), 5_000), random_state=0)
    others = [c for c in numbers(real) if c != name]
    return max((abs(some[name].corr(some[c], method="spearman")) for c in others), default=0.0)


def multiply(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    return _with_number(real, copy, lambda column: column * 1000)


def shift(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    return _with_number(real, copy, lambda column: column + round(float(column.std())))


def clip_the_upper_tenth(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    return _with_number(real, copy, lambda column: column.clip(upper=column.quantile(0.8)))


def fill_with_the_mean(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    def filled(column: pd.Series) -> pd.Series:
        return column.where(rng.random(len(column)) >= 0.2, column.median())  # noqa: PLR2004 — a fifth

    return _with_number(real, copy, filled)


def make_constant(_real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    name = (labels(copy) + numbers(copy))[0]
    return copy.assign(**{name: _like(np.repeat(copy[name].dropna().to_numpy()[:1], len(copy)), copy[name])})


def round_numbers(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    """Round what has decimals to whole numbers, and whole numbers to tens."""

    def rounded(column: pd.Series) -> pd.Series:
        has_decimals = (column.dropna() % 1 != 0).mean() > 0.2  # noqa: PLR2004 — more than a few
        return column.round(0) if has_decimals else (column / 10).round() * 10

    return _with_number(real, copy, rounded)


def smear_a_point(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """Spread the value that most rows hold over its neighbours."""
    for name in (c for c in real.columns if _is_number(real[c])):
        shares = real[name].value_counts(normalize=True)
        if shares.iloc[0] > 0.15 and len(shares) >= MANY:  # noqa: PLR2004 — a point that counts
            is_point = copy[name] == shares.index[0]
            others = copy[name][~is_point & copy[name].notna()].to_numpy()
            if not len(others):
                continue
            smeared = copy[name].copy()
            smeared[is_point] = rng.choice(others, int(is_point.sum()))
            return copy.assign(**{name: smeared})
    return None


def drop_a_label(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    """Leave out every row of the second commonest label: the mode that a GAN dropped."""
    found = labels(real)
    if not found:
        return None
    second = real[found[0]].value_counts().index[1]
    return copy[(copy[found[0]] != second).to_numpy(dtype=bool, na_value=True)].reset_index(drop=True)


def drop_a_range(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    """Leave out a tenth of the rows, those between two quantiles of a number."""
    for name in numbers(real):
        low, high = real[name].quantile([0.45, 0.6])
        inside = copy[name].between(low, high)
        if 0.05 < inside.mean() < 0.4:  # noqa: PLR2004 — a range that holds some rows and not most
            return copy[~inside].reset_index(drop=True)
    return None


def merge_two_labels(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    return _with_label(real, copy, lambda column, shares: column.replace({shares.index[1]: shares.index[0]}))


def swap_two_labels(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    """Give two labels each other's name, in the column that goes most with a number."""
    found = {name: _explained(real, name) for name in labels(real)}
    if not found or not numbers(real):
        return None
    name = max(found, key=lambda each: found[each])
    first, second = real[name].value_counts().index[:2]
    return copy.assign(**{name: copy[name].astype(object).replace({first: second, second: first})})


def _explained(real: pd.DataFrame, name: str) -> float:
    """Give how much of a number's ranks the two commonest labels of a column tell apart."""
    two = real[real[name].isin(real[name].value_counts().index[:2])]
    means = [two[c].rank(pct=True).groupby(two[name].astype(object)).mean() for c in numbers(real)]
    return max((float(m.max() - m.min()) for m in means), default=0.0)


def invent_a_label(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    def invented(column: pd.Series, _shares: pd.Series) -> pd.Series:
        return column.where(rng.random(len(column)) >= GARBAGE, "teapot")

    return _with_label(real, copy, invented)


def show_a_rare_label(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """Emit a label that one to four real rows hold, on every hundredth row."""
    for name in labels(real):
        counts = real[name].value_counts()
        rare = counts[(counts > 0) & (counts < 5)]  # noqa: PLR2004 — with held-out rows, too, below `rare_below`
        if len(rare):
            chosen = rng.random(len(copy)) < 0.01  # noqa: PLR2004 — one of a hundred
            return copy.assign(**{name: _like(np.where(chosen, rare.index[0], copy[name].astype(object)), copy[name])})
    return None


def nulls_anywhere(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """Take the nulls away and put as many in at random: shares stay, patterns go."""
    sparse = [c for c in copy if 0.02 < real[c].isna().mean() < 0.98]  # noqa: PLR2004 — some, not all
    if not sparse:
        return None
    spoilt = copy.copy()
    for name in sparse:
        share = copy[name].isna().mean()
        present = copy[name].dropna().to_numpy()
        if not len(present):
            continue
        filled = pd.Series(_like(rng.choice(present, len(copy)), copy[name]), index=copy.index)
        kept = copy[name].where(copy[name].notna(), filled)
        spoilt[name] = kept.where(rng.random(len(copy)) >= share)
    return spoilt


def more_nulls(_real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    name = (numbers(copy) + labels(copy))[0]
    return copy.assign(**{name: copy[name].where(rng.random(len(copy)) >= 0.1)})  # noqa: PLR2004 — a tenth


def fill_the_nulls(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    sparse = [c for c in copy if real[c].isna().mean() > GARBAGE and copy[c].notna().any()]
    if not sparse:
        return None
    name = sparse[0]
    return copy.assign(**{name: copy[name].fillna(copy[name].mode().iloc[0])})


def garbage_rows(_real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Replace one row of twenty by noise: each value drawn evenly from the column's range or labels."""
    is_garbage = rng.random(len(copy)) < GARBAGE
    return pd.DataFrame({c: _noised(copy[c], is_garbage, rng) for c in copy})


def _noised(column: pd.Series, is_garbage: np.ndarray, rng: np.random.Generator) -> pd.Series:
    present = column.dropna()
    if not len(present):
        return column
    if _is_number(column) and present.nunique() > MANY:
        low, high = float(present.min()), float(present.max())
        noise = rng.uniform(low, high, len(column))
        noise = noise.round() if pd.api.types.is_integer_dtype(column) or (present % 1 == 0).all() else noise
        return pd.Series(_like(np.where(is_garbage, noise, column.to_numpy()), column), index=column.index)
    noise = rng.choice(present.unique(), len(column))
    return pd.Series(_like(np.where(is_garbage, noise, column.astype(object)), column), index=column.index)


def collapse(_real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give two hundred rows over and over, as a collapsed generator does, in a third of the copy."""
    again = copy.iloc[rng.integers(0, 200, len(copy) // 3)]
    return pd.concat([copy.iloc[len(again) :], again], ignore_index=True)


def copy_the_table(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return _some(real, min(len(copy), len(real)), rng)


def give_yesterdays_table(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give production as it was before its last two per cent of rows."""
    return _some(real.iloc[: int(0.98 * len(real))], min(len(copy), len(real)), rng)


def copy_some_rows(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return _mixed(copy, _some(real, int(LEAKED * len(copy)), rng))


def copy_with_a_factor(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """Copy one row of ten with one number times 1.011: no two rows are equal, and anyone is found."""
    found = numbers(real)
    if not found:
        return None
    leaked = _some(real, int(0.1 * len(copy)), rng)
    return _mixed(copy, leaked.assign(**{found[0]: _like((leaked[found[0]] * 1.011).to_numpy(), leaked[found[0]])}))


def copy_with_noise(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """Copy one row of ten with a hundredth of each number's spread added to it."""
    found = numbers(real)
    if len(found) < 2:  # noqa: PLR2004 — one number is no record
        return None
    leaked = _some(real, int(0.1 * len(copy)), rng)
    for name in found:
        noise = rng.normal(0, 0.01 * float(real[name].std()), len(leaked))
        noise = noise if not pd.api.types.is_integer_dtype(real[name]) else noise.round()
        leaked[name] = _like((leaked[name] + noise).to_numpy(), leaked[name])
    return _mixed(copy, leaked)


def copy_with_one_column_anew(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Copy one row of ten, but for one column, which is dealt out anew."""
    leaked = _some(real, int(0.1 * len(copy)), rng)
    name = _strongest(real)
    return _mixed(copy, leaked.assign(**{name: _like(_shuffled(leaked[name], rng), leaked[name])}))


def leak_outliers(real: pd.DataFrame, copy: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Copy word for word the real rows that lie farthest from the rest, one of four hundred of the copy's."""
    ranks = real.apply(_ranks)
    extremes = ((ranks - ranks.mean()).abs() / ranks.std().replace(0, np.nan)).fillna(0)
    rarest = extremes.sum(axis=1).nlargest(max(len(copy) // 400, 25) * 2).index
    leaked = real.loc[rng.choice(rarest, max(len(copy) // 400, 25), replace=False)]
    return _mixed(copy, leaked)


def lose_a_column(_real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    return copy.drop(columns=copy.columns[-1])


def add_a_column(_real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    return copy.assign(unheard_of=1)


def change_a_type(real: pd.DataFrame, copy: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame | None:
    found = numbers(real)
    return copy.assign(**{found[0]: "about " + copy[found[0]].astype(str)}) if found else None


def _with_number(
    real: pd.DataFrame, copy: pd.DataFrame, change: Callable[[pd.Series], pd.Series]
) -> pd.DataFrame | None:
    found = numbers(real)
    if not found:
        return None
    name = found[0]
    return copy.assign(**{name: _like(change(copy[name]).to_numpy(), copy[name])})


def _with_label(
    real: pd.DataFrame, copy: pd.DataFrame, change: Callable[[pd.Series, pd.Series], pd.Series]
) -> pd.DataFrame | None:
    found = labels(real)
    if not found:
        return None
    name = found[0]
    changed = change(copy[name].astype(object), real[name].value_counts())
    return copy.assign(**{name: changed.astype(object)})


def _some(rows: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    return rows.iloc[rng.choice(len(rows), min(n, len(rows)), replace=False)].reset_index(drop=True)


def _mixed(copy: pd.DataFrame, leaked: pd.DataFrame) -> pd.DataFrame:
    """Put the leaked rows in the place of as many of the copy's."""
    whole = pd.concat([copy.iloc[len(leaked) :], leaked], ignore_index=True)
    return whole.astype({c: copy[c].dtype for c in copy if whole[c].dtype != copy[c].dtype and whole[c].notna().all()})


def _like(values: object, column: pd.Series) -> pd.Series:
    """Give values as a column of the same type, rounded where it holds whole numbers."""
    found = pd.Series(values, index=column.index if len(column) == len(values) else None)  # type: ignore[arg-type]
    if pd.api.types.is_integer_dtype(column.dtype):
        found = found.astype(float).round()
        return found.astype(column.dtype) if found.notna().all() else found
    return found.astype(column.dtype)


MATCH = "expect_column_{}_to_match_reference"
NEARLY = ("expect_no_record_to_be_nearly_copied", "expect_no_record_to_be_copied_in_part")
SABOTAGES: tuple[Sabotage, ...] = (
    Sabotage(
        "shuffled columns",
        "every column dealt out anew",
        shuffle_columns,
        ("expect_column_pairs_to_match_reference", MATCH.format("relations")),
    ),
    Sabotage("one shuffled column", "the best connected one", shuffle_one_column, (MATCH.format("relations"),)),
    Sabotage("sorted columns", "each by itself", sort_columns, ("expect_column_pairs_to_match_reference",)),
    Sabotage("a turned column", "its highest where its lowest was", turn_one_column, (MATCH.format("relations"),)),
    Sabotage(
        "a column times 1,000",
        "of numbers",
        multiply,
        (MATCH.format("shape"), "expect_column_values_to_be_within_common_range"),
    ),
    Sabotage("a shifted column", "by its standard deviation", shift, (MATCH.format("shape"),)),
    Sabotage(
        "a clipped column",
        "its upper fifth put on one value",
        clip_the_upper_tenth,
        ("expect_column_values_to_be_covered", MATCH.format("shape")),
    ),
    Sabotage(
        "the mean put in",
        "on a fifth of the rows",
        fill_with_the_mean,
        (MATCH.format("shape"), "expect_table_to_be_indistinguishable", "expect_no_row_to_be_implausible"),
    ),
    Sabotage("a constant column", "one value everywhere", make_constant, ("expect_column_values_to_be_covered",)),
    Sabotage("rounded numbers", "to whole numbers, or to tens", round_numbers, (MATCH.format("granularity"),)),
    Sabotage("a smeared point", "zeros made figures", smear_a_point, (MATCH.format("point_masses"),)),
    Sabotage("a dropped label", "the second commonest", drop_a_label, ("expect_column_values_to_be_covered",)),
    Sabotage("a dropped range", "of a number", drop_a_range, ("expect_column_values_to_be_covered",)),
    Sabotage("merged labels", "two made one", merge_two_labels, ("expect_column_values_to_be_covered",)),
    Sabotage(
        "swapped labels",
        "each called by the other's name",
        swap_two_labels,
        (MATCH.format("relations"), MATCH.format("shape"), "expect_no_row_to_be_implausible"),
    ),
    Sabotage("an invented label", "on one row of twenty", invent_a_label, ("expect_column_categories_to_be_known",)),
    Sabotage(
        "a rare label", "on one row of a hundred", show_a_rare_label, ("expect_column_categories_to_not_be_rare",)
    ),
    Sabotage(
        "nulls anywhere",
        "as many, put in at random",
        nulls_anywhere,
        ("expect_null_patterns_to_match_reference", MATCH.format("null_relations")),
    ),
    Sabotage("more nulls", "in a tenth of a column", more_nulls, (MATCH.format("nulls"), MATCH.format("shape"))),
    Sabotage("no nulls", "filled with the commonest value", fill_the_nulls, (MATCH.format("nulls"),)),
    Sabotage(
        "garbage",
        "one row of twenty is noise",
        garbage_rows,
        ("expect_no_row_to_be_implausible", "expect_column_values_to_be_within_common_range"),
    ),
    Sabotage("a collapse", "a third of the rows is 200 rows", collapse, ("expect_no_row_to_be_repeated",)),
    Sabotage("a copied table", "real rows", copy_the_table, ("expect_no_record_to_be_copied",)),
    Sabotage(
        "yesterday's table", "real rows of the day before", give_yesterdays_table, ("expect_no_record_to_be_copied",)
    ),
    Sabotage("copied rows", "one of fifty", copy_some_rows, ("expect_no_record_to_be_copied",)),
    Sabotage(
        "copies times 1.011",
        "one row of ten",
        copy_with_a_factor,
        NEARLY,
    ),
    Sabotage(
        "copies with noise",
        "one row of ten",
        copy_with_noise,
        NEARLY,
    ),
    Sabotage(
        "copies with one column anew",
        "one row of ten",
        copy_with_one_column_anew,
        NEARLY,
    ),
    Sabotage(
        "leaked outliers",
        "one row of four hundred",
        leak_outliers,
        ("expect_no_outlier_to_be_copied", "expect_no_lone_record_to_be_copied"),
    ),
    Sabotage("a lost column", "the last", lose_a_column, ("expect_table_columns_to_match_source",)),
    Sabotage("a new column", "that nobody declared", add_a_column, ("expect_table_columns_to_match_source",)),
    Sabotage("another type", "words for numbers", change_a_type, ("expect_table_columns_to_match_source",)),
)
"""All of them. What holds for every table is here; foreign keys and sequences have theirs in the tests."""


def spoilt(real: pd.DataFrame, copy: pd.DataFrame, seed: int = 0) -> Iterator[tuple[Sabotage, pd.DataFrame]]:
    """Give every sabotage that the table has columns for, with the spoilt copy."""
    for sabotage in SABOTAGES:
        rows = sabotage.spoil(real, copy, np.random.default_rng(seed))
        if rows is not None:
            yield sabotage, rows
