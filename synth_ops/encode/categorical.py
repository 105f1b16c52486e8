"""Categories that enough entities hold; the others are pooled in one code, and come back made up."""

import base64
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.encode.codec import NULL, Codec, Codes, spread, valid_rows
from synth_ops.encode.hierarchy import Hierarchy
from synth_ops.encode.layout import SubColumn
from synth_ops.encode.numbers import is_countable, read_numbers, write_numbers
from synth_ops.encode.numeric import masked
from synth_ops.encode.rules import FitRules
from synth_ops.mint.pattern import Pattern
from synth_ops.owners import Owners, enough_to_stay

FLAT, _GROUPS = 512, 512
"""Categories up to which they stand in one sub-column, and groups at most of more."""
_GROUPS_PER_ROOT = 4
RARE = 1


class CategoricalCodec(Codec):
    """Codes: null, rare where there are such, then categories.

    Up to 512 categories stand in one sub-column by descending frequency. More are grouped: neighbours in the order of
    their names, for names that begin alike are often of one sort, and the frequent ones alone.
    """

    names: tuple[str, ...]
    """What is kept, written as text."""
    shares: tuple[float, ...]
    """Frequency of each, rounded."""
    hierarchy: Hierarchy
    rare: Pattern | None = None
    """The shape of what is pooled, of texts."""

    @classmethod
    def fit(cls, values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> "CategoricalCodec":
        """Keep what enough owners hold."""
        found, counts, kept = find_categories(values, rules, owners, before)
        names = np.array(write_names(found.filter(pa.array(kept))), object)
        kept_counts = counts[kept]
        order = np.lexsort((names.astype(str), -kept_counts)) if len(names) else np.zeros(0, np.int64)
        if len(names) > FLAT:
            order = _by_name(names, kept_counts)
        has_rare = not kept.all()
        mass = kept_counts[order]
        n_groups = min(_GROUPS, int(_GROUPS_PER_ROOT * len(names) ** 0.5))
        hierarchy = Hierarchy.fit(mass, n_special=1 + has_rare, n_flat=FLAT, n_groups=n_groups)
        shares = np.round(mass / max(1, mass.sum()), 6)
        rare = None
        if has_rare and is_text(values.type):
            rare = Pattern.fit(_told_once(values, found.filter(pa.array(kept)), owners), rare_below=rules.rare_below)
        return cls(names=tuple(names[order]), shares=tuple(shares.tolist()), hierarchy=hierarchy, rare=rare)

    def sub_columns(self, column: str, at: int) -> tuple[SubColumn, ...]:
        """Describe ``value``, or ``coarse`` and ``fine``."""
        return self.hierarchy.sub_columns(column, at)

    def encode(self, values: pa.Array) -> Codes:
        """Give the codes; a category never seen before is rare if there is such a code, else the most frequent."""
        coded = values.drop_null().dictionary_encode()
        known = self._code_of
        unseen = RARE if self.hierarchy.n_special > RARE else self._heaviest
        table = np.array([known.get(name, unseen) for name in write_names(coded.dictionary)], np.int64)
        flat = table[coded.indices.to_numpy(zero_copy_only=False)] if len(coded) else np.zeros(0, np.int64)
        return self.hierarchy.split(spread(flat, valid_rows(values)))

    def decode(self, codes: Codes, field: pa.Field, rng: np.random.Generator) -> pa.Array:
        """Give categories; a rare text is made up, a rare value of another type is drawn among those kept."""
        flat = self.hierarchy.join(codes)
        if not field.nullable:
            flat = np.where(flat == NULL, self._heaviest, flat)
        n_special = self.hierarchy.n_special
        is_rare = (flat == RARE) & (n_special > RARE)
        place = np.maximum(flat - n_special, 0)
        made = self._make_rare(int(is_rare.sum()), field.type, rng)
        if self.rare is None:
            place[is_rare] = self._draw_kept(int(is_rare.sum()), rng)
            is_rare = np.zeros_like(is_rare)
        kept = read_names(self.names, field.type)
        place[is_rare] = len(kept) + np.arange(int(is_rare.sum()))
        return masked(pa.concat_arrays([kept, made]).take(pa.array(place)), flat == NULL)

    def _make_rare(self, n: int, dtype: pa.DataType, rng: np.random.Generator) -> pa.Array:
        return pa.array([], dtype) if self.rare is None else self.rare.draw(n, rng).cast(dtype)

    def _draw_kept(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        shares = np.array(self.shares) + 1e-12
        return rng.choice(len(shares), size=n, p=shares / shares.sum())

    @cached_property
    def _code_of(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.names, start=self.hierarchy.n_special)}

    @cached_property
    def _heaviest(self) -> int:
        return self.hierarchy.n_special + int(np.argmax(self.shares))


def is_text(dtype: pa.DataType) -> bool:
    """Tell texts."""
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


class Categories(NamedTuple):
    """The distinct values of a column, nulls left out."""

    found: pa.Array
    counts: NDArray[np.int64]
    """Rows of each."""
    kept: NDArray[np.bool_]
    """Those that enough owners hold."""


def find_categories(values: pa.Array, rules: FitRules, owners: Owners, before: Codec | None = None) -> Categories:
    """Give the distinct values, and say which are kept: fewer owners must hold those that the codec before kept."""
    coded = values.drop_null().dictionary_encode()
    found, codes = coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes, minlength=len(found))
    holders = owners.where(valid_rows(values)).count(codes, len(found))
    kept = holders >= rules.rare_below
    if isinstance(before, CategoricalCodec):
        may_stay = np.flatnonzero(~kept & (holders >= enough_to_stay(rules.rare_below)))
        known = set(before.names)
        kept[may_stay] = [name in known for name in write_names(found.take(pa.array(may_stay)))]
    return Categories(found, counts, kept)


def _told_once(values: pa.Array, kept: pa.Array, owners: Owners) -> pa.Array:
    """Give of each owner one value that is not kept: what many of these share, many owners then do."""
    is_rare = valid_rows(values) & ~valid_rows(pc.index_in(values, value_set=kept))
    return values.filter(pa.array(is_rare)).take(pa.array(owners.where(is_rare).firsts()))


def _by_name(names: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order the frequent by frequency, then the others by name."""
    frequent = counts >= 4 * counts.sum() / _GROUPS
    return np.lexsort((names.astype(str), np.where(frequent, -counts, 0)))


def write_names(values: pa.Array) -> list[str]:
    """Write each value as a text of its own; floats exactly."""
    if is_text(values.type):
        return list(values.to_pylist())
    if pa.types.is_boolean(values.type):
        return [str(int(v)) for v in values.to_pylist()]
    if is_countable(values.type):
        return [str(v) for v in read_numbers(values).tolist()]
    if pa.types.is_floating(values.type):
        return [repr(v) for v in read_numbers(values).tolist()]
    return [base64.b64encode(v).decode() for v in values.to_pylist()]


def read_names(names: tuple[str, ...], dtype: pa.DataType) -> pa.Array:
    """Give the values that `write_names` wrote."""
    if is_text(dtype):
        return pa.array(names, dtype)
    if pa.types.is_boolean(dtype):
        return pa.array([name == "1" for name in names], dtype)
    if is_countable(dtype):
        integers = [int(name) for name in names]
        fits = all(-(2**63) <= v < 2**63 for v in integers)
        return write_numbers(np.array(integers, np.int64 if fits else object), dtype)
    if pa.types.is_floating(dtype):
        return write_numbers(np.array([float(name) for name in names]), dtype)
    return pa.array([base64.b64decode(name) for name in names], dtype)
