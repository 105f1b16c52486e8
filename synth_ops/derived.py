"""Columns that are exact functions of others, so that they hold by construction and are never learned.

A relation is believed only when it holds on every row, nulls included, of at least fifty rows with five different
values. It is looked for on a small sample first. A derived column depends on columns that are not derived.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops import arrow_types
from synth_ops.civil_time import PARTS, local_seconds, seconds_of, zones
from synth_ops.exact_numbers import Numbers, divided, exactly, read_numbers, times, write_numbers
from synth_ops.records import Record

DerivedKind = Literal[
    "calendar",
    "equal",
    "recombined",
    "quotient",
    "remainder",
    "difference",
    "ratio",
    "sum",
    "product",
    "minus",
    "lower",
    "upper",
]

_MIN_ROWS = 50
_MIN_DISTINCT = 5
_SAMPLE = 200
_SAMPLE_PER_COLUMN = 16
_ZONE_SAMPLE = 48
_SPARE_ZONES = 4
"""Zones tried, of those whose clocks show the same on the sample."""
_MAX_NUMERIC = 40
"""Number columns among which sums and products are looked for."""
_MAX_TERM = 10**6
"""Of a ratio's numerator and denominator."""
_BASES = (100, 60, 1000, 10)
_CLOSE = 1e-9


class Derived(Record):
    """One column as a function of others."""

    column: str
    kind: DerivedKind
    sources: tuple[str, ...]
    parameters: Mapping[str, str | int] = {}
    """``part`` and ``zone`` of a calendar, ``by`` of a quotient, ``constant``, ``scale``, ``numerator`` ..."""
    arrow_type: str
    """The column's own type, by its name in plans."""


def detect(table: pa.Table, *, candidates: Sequence[str] | None = None) -> tuple[Derived, ...]:
    """Find the columns, among the candidates, that follow from others on every row.

    The result is the same for the same table: timestamps are preferred as sources, earlier columns before later ones.
    """
    if table.num_rows < _MIN_ROWS:
        return ()
    search = _Search(table, frozenset(table.column_names if candidates is None else candidates))
    with np.errstate(all="ignore"):  # a float that overflows agrees with nothing, and is none of the caller's concern
        for propose in _PROPOSERS:
            search.take(propose(search))
    return tuple(sorted(search.found.values(), key=lambda d: table.column_names.index(d.column)))


def apply(table: pa.Table, derived: Iterable[Derived]) -> pa.Table:
    """Compute the derived columns anew, in place or, where they are missing, at the end; null where a source is."""
    columns = _Columns(table)
    for relation in derived:
        dtype = arrow_types.parse(relation.arrow_type)
        at = table.schema.get_field_index(relation.column)
        dtype = table.schema.field(at).type if at >= 0 else dtype
        with np.errstate(all="ignore"):
            values = _compute(relation, columns, dtype)
        table = (
            table.set_column(at, table.schema.field(at), values)
            if at >= 0
            else table.append_column(pa.field(relation.column, dtype), values)
        )
    return table


class _Columns:
    """A table's columns in the forms that formulas want, each made once."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._arrays: dict[str, pa.Array] = {}
        self._numbers: dict[str, Numbers | None] = {}
        self._local: dict[tuple[str, str], np.ndarray] = {}

    def array(self, name: str) -> pa.Array:
        """Give the column as one array."""
        if name not in self._arrays:
            column = self.table.column(name)
            self._arrays[name] = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        return self._arrays[name]

    def numbers(self, name: str) -> Numbers | None:
        """Give the column's numbers, or None where it holds none."""
        if name not in self._numbers:
            self._numbers[name] = read_numbers(self.array(name))
        return self._numbers[name]

    def local(self, name: str, zone: str) -> np.ndarray:
        """Give a column of instants as seconds on the zone's clocks."""
        if (name, zone) not in self._local:
            self._local[name, zone] = local_seconds(seconds_of(self.array(name)), zone)
        return self._local[name, zone]

    def valid(self, name: str) -> np.ndarray:
        """Give where the column is not null."""
        valid: np.ndarray = self.array(name).is_valid().to_numpy(zero_copy_only=False)
        return valid


class _Search:
    """What has been found, and what may still be looked for."""

    def __init__(self, table: pa.Table, candidates: frozenset[str]) -> None:
        self.full = _Columns(table)
        self.sample = _Columns(table.take(pa.array(_sample_rows(table))))
        self.candidates = candidates
        self.found: dict[str, Derived] = {}
        self.used: set[str] = set()

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Columns of numbers, not of dates, in the table's order."""
        schema = self.full.table.schema
        return tuple(f.name for f in schema if _is_number(f.type) and self.sample.numbers(f.name) is not None)

    @property
    def targets(self) -> list[str]:
        """Columns that may be derived, the last of the table first."""
        names = reversed(self.full.table.column_names)
        return [n for n in names if n in self.candidates and n not in self.found and n not in self.used]

    def sources(self, among: Iterable[str], *but: str) -> list[str]:
        """Columns that may be derived from, the first of the table first."""
        return [n for n in among if n not in self.found and n not in but]

    def varies(self, name: str) -> bool:
        """Tell whether enough different values were seen for a relation to be no accident."""
        if _n_distinct(self.sample.array(name)) >= _MIN_DISTINCT:
            return True
        return _n_distinct(self.full.array(name)) >= _MIN_DISTINCT

    def relation(self, column: str, kind: DerivedKind, sources: tuple[str, ...], **parameters: str | int) -> Derived:
        """State a relation, true or not."""
        dtype = arrow_types.text(self.full.table.schema.field(column).type)
        return Derived(column=column, kind=kind, sources=sources, parameters=parameters, arrow_type=dtype)

    def take(self, proposals: Iterator[Derived]) -> None:
        """Keep each proposal that holds on every row and fits with those kept before."""
        for relation in proposals:
            if self._fits(relation) and self._holds(relation):
                self.found[relation.column] = relation
                self.used.update(relation.sources)

    def _fits(self, relation: Derived) -> bool:
        column, sources = relation.column, relation.sources
        return column not in self.found and column not in self.used and not any(s in self.found for s in sources)

    def _holds(self, relation: Derived) -> bool:
        if not _agrees(relation, self.sample):
            return False
        n_present = len(self.full.array(relation.column)) - self.full.array(relation.column).null_count
        return n_present >= _MIN_ROWS and _agrees(relation, self.full)


def _sample_rows(table: pa.Table) -> np.ndarray:
    """Choose rows over the whole table, and some where each column is not null."""
    rows = [np.linspace(0, table.num_rows - 1, _SAMPLE).astype(np.int64)]
    for column in table.columns:
        if column.null_count:
            present = np.flatnonzero(column.is_valid().to_numpy())
            places = np.linspace(0, len(present) - 1, _SAMPLE_PER_COLUMN).astype(np.int64)
            rows.append(present[places] if len(present) else present)
    return np.unique(np.concatenate(rows))


def _is_number(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal128(dtype))


def _is_instant(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


def _n_distinct(array: pa.Array) -> int:
    try:
        return len(pc.unique(array.drop_null()))
    except pa.ArrowNotImplementedError:  # nested types, of which no relation is looked for
        return 0


def _agrees(relation: Derived, columns: _Columns) -> bool:
    array = columns.array(relation.column)
    if array.type.id in _TEXT_IDS or relation.kind == "equal":
        return bool(_compute(relation, columns, array.type).equals(array))
    expected, found = columns.numbers(relation.column), _FORMULAS[relation.kind](relation, columns)
    return expected is not None and found is not None and _same(expected, found)


_TEXT_IDS = {pa.string().id, pa.large_string().id, pa.string_view().id}


def _same(a: Numbers, b: Numbers) -> bool:
    if not np.array_equal(a.valid, b.valid):
        return False
    if not (a.is_exact and b.is_exact):
        left, right = a.as_floats(), b.as_floats()
    else:
        scale = max(a.scale, b.scale)
        left, right = a.rescaled(scale), b.rescaled(scale)
    return bool(np.all((left == right) | ~a.valid))


def _compute(relation: Derived, columns: _Columns, dtype: pa.DataType) -> pa.Array:
    """Give the column's values from its sources, in its type."""
    if relation.kind in _REWRITES:
        return _REWRITES[relation.kind](columns.array(relation.sources[0])).cast(dtype)
    numbers = _FORMULAS[relation.kind](relation, columns)
    return pa.nulls(columns.table.num_rows, dtype) if numbers is None else write_numbers(numbers, dtype)


Formula = Callable[[Derived, _Columns], Numbers | None]


def _calendar(relation: Derived, columns: _Columns) -> Numbers:
    source, parameters = relation.sources[0], relation.parameters
    local = columns.local(source, str(parameters["zone"]))
    return Numbers(PARTS[str(parameters["part"])](local), 0, columns.valid(source))


def _recombined(relation: Derived, columns: _Columns) -> Numbers | None:
    """Put a part of an instant before the digits of another column: the hour before the minutes of 1430."""
    whole, rest = _calendar(relation, columns), columns.numbers(relation.sources[1])
    if rest is None:
        return None
    scaled = times(whole.values, int(relation.parameters["by"]))
    return _combined(np.add, Numbers(scaled, 0, whole.valid), rest)


def _combined(op: Callable[..., np.ndarray], a: Numbers, b: Numbers) -> Numbers:
    valid = a.valid & b.valid
    if not (a.is_exact and b.is_exact):
        return Numbers(op(a.as_floats(), b.as_floats()), 0, valid)
    if op is np.multiply:
        return Numbers(exactly(op, a.values, b.values), a.scale + b.scale, valid)
    scale = max(a.scale, b.scale)
    return Numbers(exactly(op, a.rescaled(scale), b.rescaled(scale)), scale, valid)


def _of_two(op: Callable[..., np.ndarray]) -> Formula:
    def formula(relation: Derived, columns: _Columns) -> Numbers | None:
        a, b = (columns.numbers(s) for s in relation.sources)
        return None if a is None or b is None else _combined(op, a, b)

    return formula


def _divided_by(op: Callable[..., np.ndarray]) -> Formula:
    def formula(relation: Derived, columns: _Columns) -> Numbers | None:
        a = columns.numbers(relation.sources[0])
        if a is None:
            return None
        return Numbers(
            op(a.values, int(relation.parameters["by"]) * 10**a.scale), a.scale * (op is np.remainder), a.valid
        )

    return formula


def _shifted(relation: Derived, columns: _Columns) -> Numbers | None:
    a, parameters = columns.numbers(relation.sources[0]), relation.parameters
    if a is None:
        return None
    constant = np.full(len(a.values), int(parameters["constant"]))
    return _combined(np.add, a, Numbers(constant, int(parameters["scale"]), a.valid))


def _scaled(relation: Derived, columns: _Columns) -> Numbers | None:
    """Multiply by a fraction, exact to eight more decimals than the source has."""
    a, parameters = columns.numbers(relation.sources[0]), relation.parameters
    top, bottom = int(parameters["numerator"]), int(parameters["denominator"])
    if a is None:
        return None
    if not a.is_exact:
        return Numbers(a.values * top / bottom, 0, a.valid)
    scale = 0 if bottom == 1 else 8
    return Numbers(divided(times(a.values, top * 10**scale), bottom), a.scale + scale, a.valid)


_FORMULAS: Mapping[DerivedKind, Formula] = {
    "calendar": _calendar,
    "recombined": _recombined,
    "quotient": _divided_by(np.floor_divide),
    "remainder": _divided_by(np.remainder),
    "difference": _shifted,
    "ratio": _scaled,
    "sum": _of_two(np.add),
    "product": _of_two(np.multiply),
    "minus": _of_two(np.subtract),
}
_REWRITES: Mapping[DerivedKind, Callable[[pa.Array], pa.Array]] = {
    "equal": lambda array: array,
    "lower": pc.utf8_lower,
    "upper": pc.utf8_upper,
}


def _propose_calendar(search: _Search) -> Iterator[Derived]:
    """Propose parts of timestamps, then of dates; first in zones that tell most columns."""
    fields = [f for f in search.full.table.schema if _is_instant(f.type)]
    for field in sorted(fields, key=lambda f: pa.types.is_date(f.type)):
        if field.name in search.found or not search.varies(field.name):
            continue
        targets = [t for t in search.targets if t != field.name and _may_be_part(search, t)]
        for zone in _telling_zones(search, field, targets):
            believed = [t for t in targets if t not in search.found]
            yield from _parts_in(search, field.name, zone, believed)


def _may_be_part(search: _Search, name: str) -> bool:
    dtype = search.full.table.schema.field(name).type
    if pa.types.is_date32(dtype):
        return True
    numbers = search.sample.numbers(name) if _is_number(dtype) else None
    return numbers is not None and numbers.is_exact and numbers.scale == 0 and bool((numbers.values >= 0).all())


def _parts_in(search: _Search, source: str, zone: str, targets: Sequence[str]) -> Iterator[Derived]:
    """Propose every part for every column; one of few values is believed by its name, beside another of the zone."""
    dates = [t for t in targets if pa.types.is_date32(search.full.table.schema.field(t).type)]
    for part, target in itertools.product(PARTS, targets):
        if (part == "date") == (target in dates) and search.varies(target):
            yield search.relation(target, "calendar", (source,), part=part, zone=zone)
    here = [d for d in search.found.values() if d.sources == (source,) and d.parameters.get("zone") == zone]
    for part, target in itertools.product(PARTS, targets if here else ()):
        if part in target.lower() and part != "date" and not search.varies(target):
            yield search.relation(target, "calendar", (source,), part=part, zone=zone)


def _telling_zones(search: _Search, field: pa.Field, targets: Sequence[str]) -> list[str]:
    """Order the zones by how many columns they tell on a sample; the column's own and UTC win ties."""
    if pa.types.is_date(field.type):
        return [""]
    columns = _Columns(search.sample.table.take(pa.array(_present_rows(search.sample, field.name))))
    varying = [(n, columns.numbers(n)) for n in targets if search.varies(n)]
    wanted = [n.values for _, n in varying if n is not None]
    own = [field.type.tz] if field.type.tz else []
    tried = dict.fromkeys([*own, "", *zones()])
    told = {zone: _n_told(columns.local(field.name, zone), wanted) for zone in tried} if wanted else {}
    best = sorted((z for z in told if told[z]), key=lambda z: -told[z])
    return _first_of_each(best, columns, field.name)


def _present_rows(columns: _Columns, name: str) -> np.ndarray:
    present = np.flatnonzero(columns.valid(name))
    if not len(present):
        return present
    return present[np.unique(np.linspace(0, len(present) - 1, _ZONE_SAMPLE).astype(np.int64))]


def _n_told(local: np.ndarray, wanted: Sequence[np.ndarray]) -> int:
    parts = [part(local) for part in PARTS.values()]
    return sum(any(np.array_equal(part, values) for part in parts) for values in wanted)


def _first_of_each(ordered: Sequence[str], columns: _Columns, source: str) -> list[str]:
    """Leave out zones whose clocks showed the same on the sample as those of one before, but for a few spare ones."""
    seen: dict[bytes, int] = {}
    kept = []
    for zone in ordered:
        key = columns.local(source, zone).tobytes()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= _SPARE_ZONES:
            kept.append(zone)
    return kept[:12]


def _propose_equal(search: _Search) -> Iterator[Derived]:
    schema = search.full.table.schema
    for target in search.targets:
        dtype = schema.field(target).type
        before = itertools.takewhile(lambda n, t=target: n != t, schema.names)  # type: ignore[misc] # a default binds the loop's name
        alike = [n for n in before if schema.field(n).type == dtype]
        if alike and search.varies(target):
            yield from (search.relation(target, "equal", (s,)) for s in search.sources(alike))


def _propose_recombined(search: _Search) -> Iterator[Derived]:
    """Propose, where an hour is derived, the number that writes it before another column: 1430 of 14 and 30."""
    parts = [d for d in search.found.values() if d.kind == "calendar" and search.varies(d.column)]
    integers = [n for n in search.numeric if _is_whole(search, n)]
    for part, by in itertools.product(parts, _BASES):
        for target in [t for t in search.targets if t in integers and search.varies(t)]:
            sources = [s for s in search.sources(integers, target) if search.varies(s)]
            named = dict(part.parameters) | {"by": by}
            yield from (search.relation(target, "recombined", (*part.sources, s), **named) for s in sources)


def _is_whole(search: _Search, name: str) -> bool:
    numbers = search.sample.numbers(name)
    return numbers is not None and numbers.is_exact and numbers.scale == 0


def _propose_digits(search: _Search) -> Iterator[Derived]:
    """Propose quotients and remainders by the usual bases."""
    integers = [n for n in search.numeric if _is_whole(search, n) and search.varies(n)]
    kinds: tuple[DerivedKind, ...] = ("quotient", "remainder")
    for kind, target in itertools.product(kinds, [t for t in search.targets if t in integers]):
        for source, by in itertools.product(search.sources(integers, target), _BASES):
            if _reaches(search.sample.numbers(source), by):
                yield search.relation(target, kind, (source,), by=by)


def _reaches(numbers: Numbers | None, by: int) -> bool:
    """Tell whether there is anything to divide: below the base, a number is its own remainder."""
    return numbers is not None and bool((np.abs(numbers.values) >= by).any())


def _propose_lines(search: _Search) -> Iterator[Derived]:
    """Propose a constant difference or ratio to an earlier column, as the sample's first rows have it."""
    numeric = [n for n in search.numeric if search.varies(n)]
    for target in [t for t in search.targets if t in numeric]:
        for source in search.sources(numeric[: numeric.index(target)], target):
            yield from _lines(search, target, source)


def _lines(search: _Search, target: str, source: str) -> Iterator[Derived]:
    a, c = search.sample.numbers(source), search.sample.numbers(target)
    if a is None or c is None or not (a.is_exact and c.is_exact):
        return
    scale = max(a.scale, c.scale)
    left, right, both = a.rescaled(scale), c.rescaled(scale), a.valid & c.valid
    rows = np.flatnonzero(both & (left != 0))
    if not len(rows):
        return
    first, last = rows[0], rows[-1]
    gap = int(right[first]) - int(left[first])
    if abs(gap) < 2**63 and gap == int(right[last]) - int(left[last]):
        yield search.relation(target, "difference", (source,), constant=gap, scale=scale)
    ratio = Fraction(int(right[first]), int(left[first]))
    if 0 < abs(ratio.numerator) <= _MAX_TERM and ratio.denominator <= _MAX_TERM:
        yield search.relation(target, "ratio", (source,), numerator=ratio.numerator, denominator=ratio.denominator)


def _propose_pairs(
    kind: DerivedKind, op: Callable[..., np.ndarray], *, ordered: bool
) -> Callable[[_Search], Iterator[Derived]]:
    """Give a proposer of columns that come of two others, found by comparing floats on the sample."""

    def propose(search: _Search) -> Iterator[Derived]:
        numeric = [n for n in search.numeric if search.varies(n)][:_MAX_NUMERIC]
        values = {n: _with_nan(search.sample.numbers(n)) for n in numeric}
        pairs = itertools.permutations(numeric, 2) if ordered else itertools.combinations(numeric, 2)
        close = _close_pairs(values, pairs, op)
        for target in search.targets:
            yield from (search.relation(target, kind, pair) for pair in close.get(target, ()))

    return propose


def _with_nan(numbers: Numbers | None) -> np.ndarray:
    return np.empty(0) if numbers is None else np.where(numbers.valid, numbers.as_floats(), np.nan)


def _close_pairs(
    values: Mapping[str, np.ndarray], pairs: Iterable[tuple[str, str]], op: Callable[..., np.ndarray]
) -> dict[str, list[tuple[str, str]]]:
    names = list(values)
    if not names:
        return {}
    table = np.stack(list(values.values()))  # (n_columns, n_sampled)
    slack = _CLOSE * (1 + np.abs(table))
    close: dict[str, list[tuple[str, str]]] = {}
    for a, b in pairs:
        made = op(values[a], values[b])
        far = np.abs(table - made) > slack  # never true beside a null
        for i in np.flatnonzero(~far.any(axis=1)):
            if names[i] not in (a, b):
                close.setdefault(names[i], []).append((a, b))
    return close


def _propose_cases(search: _Search) -> Iterator[Derived]:
    """Propose that a text is another in small or large letters."""
    texts = [f.name for f in search.full.table.schema if f.type.id in _TEXT_IDS and search.varies(f.name)]
    kinds: tuple[DerivedKind, ...] = ("lower", "upper")
    for target in [t for t in search.targets if t in texts]:
        for source, kind in itertools.product(search.sources(texts, target), kinds):
            yield search.relation(target, kind, (source,))


_PROPOSERS: tuple[Callable[[_Search], Iterator[Derived]], ...] = (
    _propose_calendar,
    _propose_equal,
    _propose_recombined,
    _propose_digits,
    _propose_lines,
    _propose_pairs("sum", np.add, ordered=False),
    _propose_pairs("product", np.multiply, ordered=False),
    _propose_pairs("minus", np.subtract, ordered=True),
    _propose_cases,
)
"""In order of preference."""
