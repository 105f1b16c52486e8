"""The shape of a text column, without its values: what is minted looks like them and is none of them.

A pattern is a few templates; a template is a row of slots; a slot draws a word that at least `rare_below` different
values hold in that place, or letters and digits of a class. Shapes are looked for from the exact to the loose:

1. character by character (``A0000A`` for tail numbers),
2. letters and digits taken together, where lengths are fixed (hexadecimal identifiers),
3. runs of a class, of varying length (``Aa+ Aa+`` for names),
4. one neutral shape without any literal, for what is left.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.mint.lorem import lorem
from synth_ops.records import Record

Class = Literal["0", "a", "A", "ª", "w"]

_CLASSES: Mapping[str, str] = {
    "0": "0123456789",
    "a": "abcdefghijklmnopqrstuvwxyz",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ª": "あいうえおかきくけこさしすせそ",
    "w": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
"""Every symbol of a class, for where the original's own are too rare to be used."""
_SHAPING = ((r"\p{Nd}", "0"), (r"\p{Ll}", "a"), (r"\p{Lu}", "A"), (r"[\p{Lo}\p{Lm}\p{Lt}\p{M}]", "ª"))
_MAX_TEMPLATES = 200
_MAX_WORDS = 50
_MAX_SLOTS = 120
_SAMPLE = 100_000
"""Different values looked at, at most; more would not change the shapes."""
_PROSE_WORDS, _PROSE_LENGTH = 6, 60
_QUANTILES = 20
_SEVERAL = 2
_HUGE = 1e300

Alphabets = Mapping[str, Mapping[str, float]]


class Slot(Record):
    """One place of a template: a known word, or a run of symbols of a class."""

    words: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    """Share of values with each word; what is missing to 1 is the share of runs."""
    of: Class | None = None
    lengths: tuple[int, ...] = (1,)
    length_weights: tuple[float, ...] = (1.0,)

    @property
    def open_share(self) -> float:
        """Share of values that have a run here instead of a known word."""
        return 0.0 if self.of is None else max(0.0, 1.0 - sum(self.weights))


class Template(Record):
    """One shape, and how many of the values have it."""

    weight: float
    slots: tuple[Slot, ...]


class Pattern(Record):
    """A grammar of a text column's shape that holds no value of it."""

    templates: tuple[Template, ...]
    alphabets: Mapping[str, Mapping[str, float]]
    """Frequency of each symbol within its class, of symbols that enough values hold."""
    empty_share: float = 0.0
    """Share of empty texts."""
    prose: tuple[int, ...] = ()
    """Quantiles of the length in characters, where the column is free text."""

    @classmethod
    def fit(cls, values: pa.ChunkedArray | pa.Array, *, rare_below: int) -> "Pattern":
        """Learn the shapes that at least `rare_below` different values share."""
        texts = pc.cast(values, pa.string()).drop_null()
        different = pc.unique(texts)
        spoken = different.filter(pc.not_equal(different, ""))[:_SAMPLE]
        empty = _empty_share(texts, rare_below)
        if _is_prose(spoken):
            return cls(templates=(), alphabets={}, empty_share=empty, prose=_length_quantiles(spoken, rare_below))
        alphabets = _alphabets(spoken, rare_below)
        return cls(templates=_templates(spoken, rare_below), alphabets=alphabets, empty_share=empty)

    def mint(self, n: int, rng: np.random.Generator) -> list[str]:
        """Draw that many texts; they may repeat, and may by chance be an original's."""
        return list(self.draw(n, rng).to_pylist())

    def draw(self, n: int, rng: np.random.Generator, extra: int = 0, *, empty: bool = True) -> pa.Array:
        """Draw that many texts as one array, each with `extra` digits at its end; of any digits if that is negative."""
        if extra < 0:
            return self.loosened().draw(n, rng, empty=empty)
        made = lorem(rng, n, self.prose) if self.prose else self._draw_templates(n, rng)
        if extra:
            made = pc.binary_join_element_wise(made, _run(rng, n, Slot(of="0", lengths=(extra,)), {}), "")
        if not (empty and self.empty_share):
            return made
        return pc.if_else(pa.array(rng.random(n) < self.empty_share), "", made)

    def loosened(self) -> "Pattern":
        """Give the same shapes with every digit free, for when more texts are asked for than there were."""
        templates = tuple(t.model_copy(update={"slots": _freed(t.slots)}) for t in self.templates)
        return self.model_copy(update={"templates": templates, "alphabets": {}})

    def capacity(self) -> float:
        """Count the different texts that can come out, at most 1e300."""
        if self.prose:
            return _HUGE
        return min(_HUGE, sum(self._capacity_of(t) for t in self.templates))

    def to_json(self) -> dict[str, Any]:
        """Give the pattern as JSON values."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Pattern":
        """Read what `to_json` gave."""
        return cls.model_validate(data)

    def _draw_templates(self, n: int, rng: np.random.Generator) -> pa.Array:
        shares = np.array([t.weight for t in self.templates])
        which = rng.choice(len(shares), size=n, p=shares / shares.sum())
        order = np.argsort(which, kind="stable")
        counts = np.bincount(which, minlength=len(shares))
        pieces = [self._draw_one(t, int(c), rng) for t, c in zip(self.templates, counts, strict=True)]
        back = np.empty(n, np.int64)
        back[order] = np.arange(n)
        return pa.concat_arrays(pieces).take(pa.array(back))

    def _draw_one(self, template: Template, n: int, rng: np.random.Generator) -> pa.Array:
        parts = [_draw_slot(rng, n, slot, self.alphabets) for slot in template.slots]
        if not n or not parts:
            return pa.array([""] * n, pa.string())
        return pc.binary_join_element_wise(*parts, "")

    def _capacity_of(self, template: Template) -> float:
        total = 1.0
        for slot in template.slots:
            total = min(_HUGE, total * self._choices_of(slot))
        return total

    def _choices_of(self, slot: Slot) -> float:
        if not slot.open_share or slot.of is None:
            return float(max(1, len(slot.words)))
        size = float(len(_symbols(slot.of, self.alphabets)[0]))
        return sum(min(_HUGE, size ** min(length, 150)) for length in slot.lengths)


def _empty_share(texts: pa.ChunkedArray | pa.Array, rare_below: int) -> float:
    n_empty = pc.sum(pc.equal(texts, "")).as_py() or 0
    return round(n_empty / len(texts), 3) if n_empty >= rare_below else 0.0


def _is_prose(texts: pa.Array) -> bool:
    """Tell free text, whose shape is no grammar, by many words or great length."""
    if not len(texts):
        return False
    n_words = pc.add(pc.count_substring_regex(texts, r"\s+"), 1)
    return bool(
        pc.approximate_median(n_words).as_py() >= _PROSE_WORDS
        or (
            pc.approximate_median(pc.utf8_length(texts)).as_py() > _PROSE_LENGTH
            and pc.mean(n_words).as_py() >= _SEVERAL
        )
    )


def _length_quantiles(texts: pa.Array, rare_below: int) -> tuple[int, ...]:
    """Give lengths such that at least `rare_below` values lie between two of them; the ends are left out."""
    n_steps = min(_QUANTILES, len(texts) // max(1, rare_below))
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    if n_steps < _SEVERAL:
        return (_rounded(float(lengths.mean())),)
    return tuple(int(q) for q in np.quantile(lengths, (np.arange(n_steps) + 0.5) / n_steps))


def _rounded(length: float) -> int:
    """Round to a multiple of four, so that a single value's length is not told."""
    return max(1, round(length / 4) * 4)


def _shapes(texts: pa.Array) -> pa.Array:
    """Put the class's sign in the place of every letter and digit."""
    for regex, sign in _SHAPING:
        texts = pc.replace_substring_regex(texts, regex, sign)
    return texts


def _loosened(shapes: pa.Array) -> pa.Array:
    for sign in "0aAª":
        shapes = pc.replace_substring_regex(shapes, f"{sign}+", sign)
    return shapes


def _templates(texts: pa.Array, rare_below: int) -> tuple[Template, ...]:
    """Look for shapes from the exact to the loose, each among what the shape before did not explain."""
    found: list[Template] = []
    shapes = _shapes(texts)
    for find in (_exact_templates, _fixed_templates, _run_templates):
        more, rest = find(texts, shapes, rare_below)
        found += more
        texts, shapes = texts.filter(rest), shapes.filter(rest)
    if len(texts) or not found:
        found.append(Template(weight=float(max(1, len(texts))), slots=_neutral(shapes)))
    return tuple(found)


Found = tuple[list[Template], pa.Array]


def _common(shapes: pa.Array, at_least: int) -> list[tuple[str, int]]:
    """Give the shapes that enough values have, the most frequent first, ties by name."""
    counts = pc.value_counts(shapes)
    pairs = zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)
    kept = [(shape, count) for shape, count in pairs if count >= at_least and len(shape) <= _MAX_SLOTS]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))[:_MAX_TEMPLATES]


def _rest_of(shapes: pa.Array, common: Iterable[tuple[str, int]]) -> pa.Array:
    return pc.invert(pc.is_in(shapes, value_set=pa.array([s for s, _ in common], pa.string())))


def _exact_templates(texts: pa.Array, shapes: pa.Array, rare_below: int) -> Found:
    common = _common(shapes, rare_below)
    return _positional(texts, shapes, common, rare_below), _rest_of(shapes, common)


def _fixed_templates(texts: pa.Array, shapes: pa.Array, rare_below: int) -> Found:
    """Find shapes of fixed length in which letters and digits mix: identifiers, not names."""
    mixed = pc.replace_substring_regex(shapes, "[0aA]", "w")
    telling = pc.match_substring_regex(shapes, "0")
    at_least = max(rare_below, len(shapes) // 5)
    n_telling = pc.sum(telling).as_py() or 0
    common = _common(mixed, at_least) if 2 * n_telling > len(shapes) else []
    return _positional(texts, mixed, common, rare_below), _rest_of(mixed, common)


def _positional(
    texts: pa.Array, shapes: pa.Array, common: Sequence[tuple[str, int]], rare_below: int
) -> list[Template]:
    """Make a template of each shape, with one slot for each character."""
    index = pc.index_in(shapes, value_set=pa.array([s for s, _ in common], pa.string()))
    groups = _groups(index, len(common))
    return [
        Template(weight=float(count), slots=_slots(texts.take(rows), shape, rare_below))
        for (shape, count), rows in zip(common, groups, strict=True)
    ]


def _groups(index: pa.Array, n_groups: int) -> list[pa.Array]:
    """Give the rows of each group; rows without one are left out."""
    numbers = index.fill_null(n_groups).to_numpy(zero_copy_only=False)
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(n_groups + 1))
    return [pa.array(order[a:b]) for a, b in itertools.pairwise(bounds)]


def _slots(texts: pa.Array, shape: str, rare_below: int) -> tuple[Slot, ...]:
    grid = np.array(texts.to_pylist(), f"<U{len(shape)}").view(np.uint32).reshape(len(texts), -1)
    slots = [_place(grid[:, i], sign, rare_below) for i, sign in enumerate(shape)]
    return _merged(slots)


def _place(symbols: np.ndarray, sign: str, rare_below: int) -> Slot:
    """Keep the symbols that enough values have in this place; the others are drawn from their class."""
    if sign not in _CLASSES:
        return Slot(words=(sign,), weights=(1.0,))
    found, counts = np.unique(symbols, return_counts=True)
    kept = counts >= rare_below
    words = tuple(chr(c) for c in found[kept])
    if kept.all():
        return Slot(words=words, weights=_weights(counts / len(symbols)))
    return Slot(words=words, weights=_weights(counts[kept] / len(symbols)), of=sign)


def _weights(shares: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(s), 4) for s in shares)


def _merged(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """Join neighbours that hold one word each."""
    merged: list[Slot] = []
    for slot in slots:
        if merged and _is_fixed(slot) and _is_fixed(merged[-1]):
            merged[-1] = Slot(words=(merged[-1].words[0] + slot.words[0],), weights=(1.0,))
        else:
            merged.append(slot)
    return tuple(merged)


def _freed(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """Open the places of digits."""
    freed: list[Slot] = []
    for slot in slots:
        if _is_fixed(slot):
            freed += [_freed_word(piece) for piece in re.findall(r"[0-9]+|[^0-9]+", slot.words[0])]
        elif all(word in _CLASSES["0"] for word in slot.words):
            freed.append(Slot(of=slot.of or "0", lengths=slot.lengths, length_weights=slot.length_weights))
        else:
            freed.append(slot)
    return tuple(freed)


def _freed_word(word: str) -> Slot:
    return Slot(of="0", lengths=(len(word),)) if word[0] in _CLASSES["0"] else Slot(words=(word,), weights=(1.0,))


def _is_fixed(slot: Slot) -> bool:
    return slot.of is None and len(slot.words) == 1


def _run_templates(texts: pa.Array, shapes: pa.Array, rare_below: int) -> Found:
    """Find shapes made of runs of a class, whatever their lengths."""
    loose = _loosened(shapes)
    common = _common(loose, rare_below)
    index = pc.index_in(loose, value_set=pa.array([s for s, _ in common], pa.string()))
    templates = [
        Template(weight=float(count), slots=_run_slots(texts.take(rows), shapes.take(rows), shape, rare_below))
        for (shape, count), rows in zip(common, _groups(index, len(common)), strict=True)
    ]
    return templates, _rest_of(loose, common)


def _run_slots(texts: pa.Array, shapes: pa.Array, loose: str, rare_below: int) -> tuple[Slot, ...]:
    """Cut every text in its runs, and describe each place by its frequent words and its lengths."""
    lengths = _run_lengths(shapes, loose)
    ends = lengths.cumsum(axis=1)
    columns: list[list[str]] = [[] for _ in loose]
    for text, row in zip(texts.to_pylist(), ends.tolist(), strict=True):
        start = 0
        for column, end in zip(columns, row, strict=True):
            column.append(text[start:end])
            start = end
    slots = [_run_place(c, lengths[:, i], loose[i], rare_below) for i, c in enumerate(columns)]
    return _merged(slots)


def _run_lengths(shapes: pa.Array, loose: str) -> np.ndarray:
    """Give the length of every run, ``(n_texts, n_runs)``; a literal is a run of one."""
    rows = []
    for shape in shapes.to_pylist():
        row, at = [], 0
        for sign in loose:
            end = at + 1
            while sign in _CLASSES and end < len(shape) and shape[end] == sign:
                end += 1
            row.append(end - at)
            at = end
        rows.append(row)
    return np.array(rows, np.int64).reshape(len(shapes), len(loose))


def _run_place(words: list[str], lengths: np.ndarray, sign: str, rare_below: int) -> Slot:
    if sign not in _CLASSES:
        return Slot(words=(sign,), weights=(1.0,))
    counts = pc.value_counts(pa.array(words, pa.string()))
    pairs = zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)
    kept = sorted((p for p in pairs if p[1] >= rare_below), key=lambda p: (-p[1], p[0]))[:_MAX_WORDS]
    known = {word for word, _ in kept}
    open_rows = np.array([w not in known for w in words])
    shares = _weights(np.array([count for _, count in kept]) / len(words))
    if not open_rows.any():
        return Slot(words=tuple(w for w, _ in kept), weights=shares)
    sizes, weights = _lengths(lengths[open_rows], rare_below)
    return Slot(words=tuple(w for w, _ in kept), weights=shares, of=sign, lengths=sizes, length_weights=weights)


def _lengths(lengths: np.ndarray, rare_below: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Keep the lengths that enough values have, or one rounded mean."""
    sizes, counts = np.unique(lengths, return_counts=True)
    kept = counts >= rare_below
    if not kept.any():
        return (max(1, round(float(lengths.mean()))),), (1.0,)
    return tuple(int(s) for s in sizes[kept]), _weights(counts[kept] / counts[kept].sum())


def _neutral(shapes: pa.Array) -> tuple[Slot, ...]:
    """Give a shape without literals: as many symbols of each class, about, as the texts have."""
    if not len(shapes):
        return (Slot(of="w", lengths=(8,)),)
    means = {sign: pc.mean(pc.count_substring(shapes, sign)).as_py() for sign in "Aaª0"}
    slots = [Slot(of=sign, lengths=(_rounded(mean),)) for sign, mean in means.items() if round(mean)]
    return tuple(slots) or (Slot(of="w", lengths=(4,)),)


def _alphabets(texts: pa.Array, rare_below: int) -> Alphabets:
    """Count, for each class, the values that hold each symbol; leave out what too few hold."""
    held: dict[int, int] = {}
    for text in texts[:20_000].to_pylist():
        for symbol in set(text):
            held[symbol] = held.get(symbol, 0) + 1
    kept = {symbol: count for symbol, count in sorted(held.items()) if count >= rare_below}
    return {sign: _share(kept, sign) for sign in ("0", "a", "A", "w") if _share(kept, sign)}


def _share(kept: Mapping[Any, int], sign: str) -> dict[str, float]:
    allowed = _CLASSES[sign] + (_CLASSES["a"] if sign == "w" else "")
    counts = {s: c for s, c in kept.items() if s in allowed}
    total = sum(counts.values())
    return {s: round(c / total, 4) for s, c in counts.items()}


def _symbols(of: str, alphabets: Alphabets) -> tuple[np.ndarray, np.ndarray]:
    """Give the class's symbols and how often each is drawn: the original's own where it has several."""
    own = alphabets.get(of, {})
    if len(own) < _SEVERAL:
        symbols = _CLASSES[of]
        return np.array(list(symbols)), np.full(len(symbols), 1 / len(symbols))
    weights = np.array(list(own.values())) + 1e-4
    return np.array(list(own)), weights / weights.sum()


def _draw_slot(rng: np.random.Generator, n: int, slot: Slot, alphabets: Alphabets) -> pa.Array:
    if slot.of is None or not slot.open_share:
        return _words(rng, n, slot)
    if not slot.words:
        return _run(rng, n, slot, alphabets)
    is_open = pa.array(rng.random(n) < slot.open_share)
    return pc.if_else(is_open, _run(rng, n, slot, alphabets), _words(rng, n, slot))


def _words(rng: np.random.Generator, n: int, slot: Slot) -> pa.Array:
    weights = np.array(slot.weights) + 1e-9
    index = rng.choice(len(weights), size=n, p=weights / weights.sum()) if len(weights) > 1 else np.zeros(n, np.int64)
    return pa.array(slot.words, pa.string()).take(pa.array(index))


def _run(rng: np.random.Generator, n: int, slot: Slot, alphabets: Alphabets) -> pa.Array:
    """Draw runs: a grid of symbols, cut to length by zeros, which a fixed-width text drops at its end."""
    symbols, weights = _symbols(slot.of or "w", alphabets)
    width = max(slot.lengths)
    grid = symbols.view(np.uint32)[rng.choice(len(symbols), size=(n, width), p=weights)]
    if len(slot.lengths) > 1:
        shares = np.array(slot.length_weights) + 1e-9
        sizes = rng.choice(slot.lengths, size=n, p=shares / shares.sum())
        grid[np.arange(width) >= sizes[:, None]] = 0
    return pa.array(np.ascontiguousarray(grid).view(f"<U{width}").ravel(), pa.string())
