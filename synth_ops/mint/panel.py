"""Composite keys of a group and a place on a lattice: station and hour, product and day, order and line.

Places are drawn without replacement, so that keys are unique and a nearly complete panel comes out nearly complete.
Only groups, ends and densities that at least `rare_below` rows tell are kept.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops import arrow_types
from synth_ops.exact_numbers import Numbers, read_numbers, write_numbers
from synth_ops.mint.draw_places import Ranges, draw_places
from synth_ops.records import Record

_MAX_PROFILES = 2000
_MAX_CELLS = 100
_REGULAR = 0.99
"""Share of rows that a lattice must explain."""
_GRID = 20
_COMPLETE = 0.5
"""Fill from which a group is a panel, whose range grows so that its fill stays."""
_DAYS_PER_WEEK = 7
_NARROW = 32
"""Bits of the smaller types of dates and times."""
_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Profile(Record):
    """Where one group lies on the lattice; the last of a panel stands for all small groups."""

    label: str | int | None
    share: float
    """Of all rows."""
    n_groups: int
    low: int
    high: int
    fill: float
    """Share of the places between the ends that are taken."""


class Panel(Record):
    """How the second part of a composite key lies within the first."""

    kind: Literal["lattice", "sequence"]
    arrow_type: str
    label_type: str | None
    start: int = 1
    """First number of every sequence."""
    sizes: tuple[int, ...] = ()
    """Quantiles of a sequence's length."""
    monthly: bool = False
    """Whether places are months; else they are ``origin + step * place`` in the type's own ticks."""
    origin: int = 0
    step: int = 1
    edges: tuple[int, ...] = ()
    density: tuple[float, ...] = ()
    """Rows per active group and place, between each two edges."""
    week: tuple[float, ...] = ()
    """Weight of each day of the week from Thursday, the first of 1970, where places are days."""
    profiles: tuple[Profile, ...] = ()

    @classmethod
    def fit(cls, groups: pa.Array | None, values: pa.ChunkedArray, *, rare_below: int) -> "Panel":
        """Look where each group's values lie.

        Groups are labels, one for each row, or none where the values alone are the key.
        """
        labels, codes, ticks = _rows(groups, values)
        types = {"arrow_type": arrow_types.text(values.type), "label_type": _label_type(groups)}
        if (
            groups is not None
            and pa.types.is_integer(values.type)
            and (start := _sequence_start(codes, ticks)) is not None
        ):
            return cls(kind="sequence", start=start, sizes=_sizes(codes, rare_below), **types)
        monthly = _is_monthly(values.type, ticks)
        origin, step = (0, 1) if monthly else _lattice(ticks)
        places = _months(values.type, ticks) if monthly else (ticks - origin) // step
        week = () if monthly else _week(values.type, origin, step, places, rare_below)
        profiles = _profiles(labels, codes, places, week, rare_below)
        edges, density = _density(places, profiles, rare_below)
        return cls(
            kind="lattice", monthly=monthly, origin=origin, step=step, edges=edges, density=density, week=week,
            profiles=profiles, **types,
        )  # fmt: skip

    @staticmethod
    def supports(dtype: pa.DataType) -> bool:
        """Tell whether values of that type can lie on a lattice."""
        return pa.types.is_integer(dtype) or pa.types.is_decimal128(dtype) or _is_ticking(dtype)

    def mint(
        self, n: int, rng: np.random.Generator, groups: pa.Array | None = None
    ) -> tuple[pa.Array | None, pa.Array]:
        """Give unique pairs of group and value: for the groups given, one for each row, or for groups drawn."""
        if groups is None:
            groups = self._draw_sizes(n, rng) if self.kind == "sequence" else self._draw_groups(n)
        coded = _encoded(groups) if groups is not None else np.zeros(n, np.int64)
        if self.kind == "sequence":
            return groups, self._write(self.start + _position(coded))
        order = np.argsort(coded, kind="stable")
        counts = np.bincount(coded) if n else np.zeros(0, np.int64)
        ranges = self._ranges(groups, coded, counts, rng)
        places = np.empty(n, np.int64)
        places[order] = draw_places(ranges, rng)
        return groups, self._write(self._ticks(places))

    def _draw_groups(self, n: int) -> pa.Array | None:
        """Give each known group its share of the rows, by largest remainder."""
        known = [p for p in self.profiles if p.label is not None]
        if self.label_type is None:
            return None
        dtype = arrow_types.parse(self.label_type)
        if not known:
            return pa.nulls(n, dtype)
        wanted = np.array([p.share for p in known])
        wanted = wanted / wanted.sum() * n
        counts = np.floor(wanted).astype(np.int64)
        counts[np.argsort(counts - wanted, kind="stable")[: n - counts.sum()]] += 1
        return pa.array([p.label for p in known], dtype).take(pa.array(np.repeat(np.arange(len(known)), counts)))

    def _draw_sizes(self, n: int, rng: np.random.Generator) -> pa.Array:
        """Number groups of the lengths that sequences have."""
        sizes = rng.choice(np.maximum(self.sizes or (1,), 1), size=n)
        return pa.array(np.repeat(np.arange(n), sizes)[:n])

    def _ranges(
        self, groups: pa.Array | None, coded: np.ndarray, counts: np.ndarray, rng: np.random.Generator
    ) -> Ranges:
        chosen = self._profiles_of(groups, coded, len(counts), rng)
        low, high = (np.array([getattr(p, end) for p in chosen], np.int64) for end in ("low", "high"))
        fill = np.array([p.fill for p in chosen], float)
        open_share = np.count_nonzero(self.week) / _DAYS_PER_WEEK if self.week else 1.0
        needed = np.ceil(counts / np.where(fill >= _COMPLETE, np.minimum(fill, 1.0), 1.0) / open_share).astype(np.int64)
        needed += 2 * _DAYS_PER_WEEK * (counts > 0) * (open_share < 1)
        extra = np.maximum(0, needed - (high - low + 1))
        before = extra // 2 if _is_ticking(arrow_types.parse(self.arrow_type)) else np.zeros_like(extra)
        edges, density = np.array(self.edges, np.int64), np.array(self.density, float)
        week = np.roll(np.array(self.week, float), -(self.origin_day % _DAYS_PER_WEEK)) if self.week else None
        return Ranges(low - before, high + extra - before, counts, edges, density, week)

    def _profiles_of(
        self, groups: pa.Array | None, coded: np.ndarray, n_groups: int, rng: np.random.Generator
    ) -> list[Profile]:
        """Give a known group its own profile, and any other one that is drawn among all."""
        weights = np.array([p.n_groups for p in self.profiles], float)
        drawn = rng.choice(len(weights), size=n_groups, p=weights / weights.sum()).tolist()
        if groups is None:
            return [self.profiles[i] for i in drawn]
        own = {p.label: i for i, p in enumerate(self.profiles) if p.label is not None}
        firsts = np.unique(coded, return_index=True)[1]
        labels = groups.take(pa.array(firsts)).to_pylist()
        return [self.profiles[own.get(label, i)] for label, i in zip(labels, drawn, strict=True)]

    @property
    def origin_day(self) -> int:
        """The origin in days since 1970, where places are days."""
        return self.origin // _ticks_per_day(arrow_types.parse(self.arrow_type))

    def _ticks(self, places: np.ndarray) -> np.ndarray:
        if not self.monthly:
            return self.origin + self.step * places
        days = places.astype("M8[M]").astype("M8[D]").astype(np.int64)
        return days * _ticks_per_day(arrow_types.parse(self.arrow_type))

    def _write(self, ticks: np.ndarray) -> pa.Array:
        dtype = arrow_types.parse(self.arrow_type)
        if _is_ticking(dtype):
            return pa.array(ticks).cast(_tick_type(dtype)).view(dtype)
        scale = dtype.scale if pa.types.is_decimal(dtype) else 0
        return write_numbers(Numbers(ticks, scale, np.ones(len(ticks), bool)), dtype)


def _label_type(groups: pa.Array | None) -> str | None:
    if groups is None:
        return None
    return arrow_types.text(groups.type.value_type if pa.types.is_dictionary(groups.type) else groups.type)


def _is_ticking(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype) or pa.types.is_time(dtype))


def _tick_type(dtype: pa.DataType) -> pa.DataType:
    return pa.int32() if dtype.bit_width == _NARROW else pa.int64()


def _ticks_per_day(dtype: pa.DataType) -> int:
    if pa.types.is_date32(dtype):
        return 1
    return 86_400 * (_TICKS_PER_SECOND[dtype.unit] if hasattr(dtype, "unit") else 1000)


def _rows(groups: pa.Array | None, values: pa.ChunkedArray) -> tuple[list[object], np.ndarray, np.ndarray]:
    """Give the different labels, each row's label by number, and its value in ticks; rows with a null are left out."""
    present = values.is_valid() if groups is None else pc.and_(values.is_valid(), groups.is_valid())
    kept = values.filter(present).combine_chunks()
    if groups is None:
        return [None], np.zeros(len(kept), np.int64), _read_ticks(kept)
    chosen = groups.filter(present.combine_chunks() if isinstance(present, pa.ChunkedArray) else present)
    encoded = chosen if isinstance(chosen.type, pa.DictionaryType) else chosen.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes, _read_ticks(kept)


def _read_ticks(values: pa.Array) -> np.ndarray:
    if _is_ticking(values.type):
        ticks: np.ndarray = values.view(_tick_type(values.type)).to_numpy(zero_copy_only=False)
        return ticks.astype(np.int64)
    numbers = read_numbers(values)
    return numbers.values if numbers is not None and numbers.is_exact else np.zeros(len(values), np.int64)


def _encoded(groups: pa.Array) -> np.ndarray:
    """Number the groups by first appearance; a null is a group too."""
    if pa.types.is_dictionary(groups.type):
        groups = groups.cast(groups.type.value_type)
    codes: np.ndarray = groups.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)


def _position(codes: np.ndarray) -> np.ndarray:
    """Count, for each row, the rows of its group before it."""
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    starts = np.searchsorted(sorted_codes, sorted_codes)
    position = np.empty(len(codes), np.int64)
    position[order] = np.arange(len(codes)) - starts
    return position


def _sorted_groups(codes: np.ndarray, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the ticks sorted within groups, and each group's bounds in them."""
    order = np.lexsort((ticks, codes))
    bounds = np.searchsorted(codes[order], np.arange(codes.max(initial=-1) + 2))
    return ticks[order], bounds[:-1], bounds[1:]


def _sequence_start(codes: np.ndarray, ticks: np.ndarray) -> int | None:
    """Give the number at which nearly every group starts to count without a gap, if it does."""
    ordered, first, end = _sorted_groups(codes, ticks)
    first, end = first[end > first], end[end > first]
    if not len(first):
        return None
    starts, counts = np.unique(ordered[first], return_counts=True)
    start = int(starts[counts.argmax()])
    counted = (ordered[first] == start) & (ordered[end - 1] - ordered[first] == end - first - 1)
    gaps = np.diff(ordered)[np.diff(codes[np.argsort(codes, kind="stable")]) == 0]
    is_sequence = counted.mean() >= _REGULAR and (not len(gaps) or (gaps == 1).mean() >= _REGULAR)
    return start if is_sequence and abs(start) <= 1 else None


def _sizes(codes: np.ndarray, rare_below: int) -> tuple[int, ...]:
    sizes = np.bincount(codes)
    sizes = sizes[sizes > 0]
    n_steps = max(1, min(_MAX_CELLS, len(sizes) // max(1, rare_below)))
    return tuple(int(q) for q in np.quantile(sizes, (np.arange(n_steps) + 0.5) / n_steps, method="nearest"))


def _is_monthly(dtype: pa.DataType, ticks: np.ndarray) -> bool:
    """Tell whether nearly all values are the first of a month, and several months are met."""
    if not (pa.types.is_timestamp(dtype) or pa.types.is_date(dtype)) or not len(ticks):
        return False
    days, rest = np.divmod(ticks, _ticks_per_day(dtype))
    dates = days.astype("M8[D]")
    firsts = (dates == dates.astype("M8[M]").astype("M8[D]")) & (rest == 0)
    return bool(firsts.mean() >= _REGULAR and len(np.unique(days)) > 1)


def _months(dtype: pa.DataType, ticks: np.ndarray) -> np.ndarray:
    return (ticks // _ticks_per_day(dtype)).astype("M8[D]").astype("M8[M]").astype(np.int64)


def _lattice(ticks: np.ndarray) -> tuple[int, int]:
    """Give the origin, within one step, and the widest step that explains nearly every value."""
    different = np.unique(ticks)
    if len(different) < 2:  # noqa: PLR2004 — one value has no distance
        return 0, 1
    gaps, counts = np.unique(np.diff(different), return_counts=True)
    common = int(gaps[counts.argmax()])
    phases, n_rows = np.unique(ticks % common, return_counts=True)
    if n_rows.max() >= _REGULAR * len(ticks):
        return int(phases[n_rows.argmax()]), common
    step = int(np.gcd.reduce(gaps))
    return int(different[0] % step), step


def _week(dtype: pa.DataType, origin: int, step: int, places: np.ndarray, rare_below: int) -> tuple[float, ...]:
    """Weigh the days of the week, where places are days; a day that too few rows have is weighed as none."""
    if not (pa.types.is_timestamp(dtype) or pa.types.is_date(dtype)) or step != _ticks_per_day(dtype):
        return ()
    counts = np.bincount((places + origin // step) % _DAYS_PER_WEEK, minlength=_DAYS_PER_WEEK).astype(float)
    counts[counts < rare_below] = 0
    return tuple(round(float(c), 3) for c in counts / counts.max()) if counts.any() else ()


def _profiles(
    labels: Sequence[object], codes: np.ndarray, places: np.ndarray, week: Sequence[float], rare_below: int
) -> tuple[Profile, ...]:
    ordered, first, end = _sorted_groups(codes, places)
    sizes = end - first
    whole = _clipped(np.sort(places), rare_below)
    ranked = np.argsort(-sizes, kind="stable")[:_MAX_PROFILES]
    own = [int(g) for g in ranked if sizes[g] >= max(2 * rare_below, 1)]
    named = [
        _profile(labels[g], ordered[first[g] : end[g]], week, whole, rare_below).model_copy(
            update={"share": round(int(sizes[g]) / len(places), 6)}  # of a group whose rows are all that is passed
        )
        for g in own
    ]
    rest = np.setdiff1d(np.flatnonzero(sizes), own)
    if named and not len(rest):
        return tuple(named)
    n_pooled = int(sizes[rest].sum())
    return (*named, _pooled(n_pooled / max(1, len(places)), n_pooled, len(rest), whole))


def _clipped(ordered: np.ndarray, rare_below: int) -> tuple[int, int]:
    """Give ends at or beyond which `rare_below` rows lie; of fewer rows, only a rounded middle."""
    if len(ordered) < max(1, 2 * rare_below):
        middle = round(float(np.median(ordered)) / 10) * 10 if len(ordered) else 0
        return middle, middle
    clip = max(0, rare_below - 1)
    return int(ordered[clip]), int(ordered[-1 - clip])


def _profile(
    label: object, ordered: np.ndarray, week: Sequence[float], whole: tuple[int, int], rare_below: int
) -> Profile:
    """Put the ends where the group's clipped ones are, rounded outward to a twentieth of the whole range."""
    low, high = _clipped(ordered, rare_below)
    grid = max(1, (whole[1] - whole[0]) // _GRID)
    low = max(whole[0], low - (low - whole[0]) % grid)
    high = min(whole[1], high + (whole[1] - high) % grid)
    low, high = min(low, high), max(low, high)
    n_places = (int(ordered[-1]) - int(ordered[0]) + 1) * (np.count_nonzero(week) / _DAYS_PER_WEEK if week else 1.0)
    return Profile(
        label=label if isinstance(label, str | int) else None,
        share=1.0,
        n_groups=1,
        low=low,
        high=high,
        fill=round(min(1.0, len(ordered) / n_places), 3),
    )


def _pooled(share: float, n_rows: int, n_groups: int, whole: tuple[int, int]) -> Profile:
    """Describe the small groups together."""
    fill = min(1.0, n_rows / max(1, n_groups) / (whole[1] - whole[0] + 1))
    return Profile(
        label=None, share=round(share, 6), n_groups=max(1, n_groups), low=whole[0], high=whole[1], fill=round(fill, 3)
    )


def _density(
    places: np.ndarray, profiles: Sequence[Profile], rare_below: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Count rows per place and active group, in cells that hold at least `rare_below` rows each."""
    low, high = min(p.low for p in profiles), max(p.high for p in profiles)
    inside = places[(places >= low) & (places <= high)]
    n_cells = max(1, min(_MAX_CELLS, len(inside) // max(1, 2 * rare_below)))
    inner = np.quantile(inside, np.arange(1, n_cells) / n_cells).astype(np.int64) if n_cells > 1 else []
    edges = np.unique([low, *inner, high + 1])
    counts, _ = np.histogram(inside, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    active = sum(p.n_groups * ((middle >= p.low) & (middle <= p.high + 1)) for p in profiles)
    rate = np.where(counts >= rare_below, counts, 0) / np.diff(edges) / np.maximum(1, active)
    rate = np.maximum(rate / rate.max(), 0.001) if rate.max() > 0 else np.ones(len(rate))
    return tuple(int(e) for e in edges), tuple(round(float(r), 4) for r in rate)
