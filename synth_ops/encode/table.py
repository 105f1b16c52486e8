"""A whole table as one matrix of codes, and back."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.encode.boolean import BooleanCodec
from synth_ops.encode.categorical import CategoricalCodec, find_categories, is_text
from synth_ops.encode.codec import Codec
from synth_ops.encode.datetime import DatetimeCodec
from synth_ops.encode.empty import EmptyCodec, OpaqueCodec
from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.encode.numeric import NumericCodec
from synth_ops.encode.rules import FitRules
from synth_ops.encode.text import TextCodec
from synth_ops.encode.time import TimeCodec
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.mint.pattern import Pattern
from synth_ops.owners import Owners
from synth_ops.plan.plan import Kind

Resolved = Literal["categorical", "numeric", "datetime", "time", "boolean", "text", "empty", "opaque"]

CODECS: Mapping[Resolved, type[Codec]] = {
    "boolean": BooleanCodec,
    "categorical": CategoricalCodec,
    "datetime": DatetimeCodec,
    "empty": EmptyCodec,
    "numeric": NumericCodec,
    "opaque": OpaqueCodec,
    "text": TextCodec,
    "time": TimeCodec,
}
_VERSION = 2


@dataclass(frozen=True)
class TableCodec:
    """The codecs of a table's columns, in order."""

    schema: pa.Schema
    codecs: Mapping[str, Codec]
    kinds: Mapping[str, Resolved]
    """What each column is encoded as, where the plan left it to the data."""

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        kinds: Mapping[str, Kind],
        rules: FitRules,
        *,
        ids: NDArray[Any] | None = None,
        before: "TableCodec | None" = None,
    ) -> "TableCodec":
        """Fit one codec to each column; a column that `kinds` does not name is ``auto``.

        `ids` is whose each row is, ``(n_rows,)``; without it, each row is an entity of its own. `before` is the codec
        of the model that is gone on from: what it kept stays as long as half as many entities hold it.

        Raises:
            PlanError: a column's kind does not suit its type.
        """
        owners = Owners.each(table.num_rows) if ids is None else Owners.of(ids)
        codecs, resolved = {}, {}
        for field in table.schema:
            column = _Column(field, flat(table.column(field.name)), owners, before.of(field) if before else None)
            kind = _resolve(kinds.get(field.name, "auto"), column, rules)
            resolved[field.name] = kind
            codecs[field.name] = CODECS[kind].fit(column.values, rules, owners, column.before)
        return cls(schema=bare(table.schema), codecs=codecs, kinds=resolved)

    def of(self, field: pa.Field) -> Codec | None:
        """Give the codec of a column of that name and type, if there is one."""
        known = field.name in self.codecs and self.schema.field(field.name).type == field.type
        return self.codecs[field.name] if known else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(self.schema.names)

    @cached_property
    def layout(self) -> Layout:
        """What the sub-columns of all columns mean."""
        found: list[SubColumn] = []
        for name, codec in self.codecs.items():
            found += codec.sub_columns(name, len(found))
        return Layout(sub_columns=tuple(found))

    def encode(self, table: pa.Table, columns: Sequence[str] | None = None) -> NDArray[np.int32]:
        """Give the codes of these columns, or all, ``(n_rows, n_sub_columns)``.

        Raises:
            PlanError: the table lacks a column, or one has another type than was fitted.
        """
        parts = [np.zeros((table.num_rows, 0), np.int32)]
        parts += [self.codecs[name].encode(self.values(table, name)) for name in self._chosen(columns)]
        return np.hstack(parts)

    def decode(self, codes: NDArray[Any], rng: np.random.Generator, columns: Sequence[str] | None = None) -> pa.Table:
        """Give a table of these columns, or all, of the codes of their sub-columns, in the types that were fitted."""
        chosen = self._chosen(columns)
        widths = [len(self.layout.of(name)) for name in chosen]
        self._check_width(codes, sum(widths))
        ends = np.cumsum([0, *widths])
        fields = [self.schema.field(name) for name in chosen]
        arrays = [
            _restored(self.codecs[f.name].decode(codes[:, a:b], _flat_field(f), rng), f.type)
            for f, a, b in zip(fields, ends[:-1], ends[1:], strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def flat_type(self, column: str) -> pa.DataType:
        """Give the type in which a column's values are looked at."""
        return _flat_type(self.schema.field(column).type)

    def made_up(self, column: str) -> tuple[Pattern | None, tuple[str, ...]]:
        """Give what texts of a column are made up by, if any are, and the real ones that are kept beside them."""
        codec = self.codecs[column]
        if isinstance(codec, TextCodec):
            return codec.pattern, ()
        return (codec.rare, codec.names) if isinstance(codec, CategoricalCodec) else (None, ())

    def to_json(self) -> dict[str, Any]:
        """Give the codec as JSON values; the schema as an Arrow message, for that alone writes every type."""
        return {
            "version": _VERSION,
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "columns": [
                {"name": n, "type": str(self.schema.field(n).type), "kind": self.kinds[n], "codec": c.to_json()}
                for n, c in self.codecs.items()
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TableCodec":
        """Read what `to_json` gave.

        Raises:
            CorruptArtifact: another version wrote it.
        """
        if data.get("version") != _VERSION:
            raise CorruptArtifact(
                f"A codec must be of version {_VERSION}, however it says {data.get('version')!r}."
                " Delete the model's folder and run again: the table will be trained anew."
            )
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(data["schema"])))
        codecs = {c["name"]: CODECS[c["kind"]].from_json(c["codec"]) for c in data["columns"]}
        return cls(schema=schema, codecs=codecs, kinds={c["name"]: c["kind"] for c in data["columns"]})

    def _chosen(self, columns: Sequence[str] | None) -> tuple[str, ...]:
        chosen = self.columns if columns is None else tuple(columns)
        if missing := [c for c in chosen if c not in self.codecs]:
            raise PlanError(
                f"Columns must be among those fitted, however {missing} are not. There are: {list(self.columns)}."
            )
        return chosen

    def values(self, table: pa.Table, name: str) -> pa.Array:
        """Give the column in the type that was fitted."""
        if name not in table.column_names:
            raise PlanError(
                f"The table must have column {name!r}, however it has {table.column_names}."
                " Retrain the model if the column was dropped at the source."
            )
        column, dtype = table.column(name), self.schema.field(name).type
        if column.type == dtype:
            return flat(column)
        try:
            return flat(column.cast(dtype))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise PlanError(
                f"Column {name!r} must be {dtype}, as when its model was trained, however it is {column.type}."
                " Retrain the model if the type changed at the source."
            ) from None

    def _check_width(self, codes: NDArray[Any], width: int) -> None:
        if codes.shape[1] != width:
            raise PlanError(
                f"Codes must have {width} sub-columns for these columns, however they have {codes.shape[1]}."
                " Name the columns that the codes are of."
            )


class _Column(NamedTuple):
    """One column to fit a codec to."""

    field: pa.Field
    values: pa.Array
    owners: Owners
    before: Codec | None
    """Its codec of last night."""

    def has_categories(self, rules: FitRules) -> bool:
        """Tell whether any value is common enough to be kept."""
        return bool(find_categories(self.values, rules, self.owners, self.before).kept.any())


def _resolve(kind: Kind, column: _Column, rules: FitRules) -> Resolved:
    """Give the kind that suits the type and the values."""
    field, values = column.field, column.values
    if kind == "auto":
        return _auto(column, rules)
    suits = natural_kind(values.type)
    if kind == "categorical":
        return _categorical(column, rules)
    if kind == suits or (kind == "text" and is_text(values.type)):
        return "empty" if _is_empty(field, values) else kind
    raise PlanError(
        f"Column {field.name!r} cannot be {kind}, for its type is {field.type}."
        f" Let its kind be {suits}, or leave it out of synth.yaml."
    )


def _auto(column: _Column, rules: FitRules) -> Resolved:
    kind = natural_kind(column.values.type)
    if kind not in ("text", "opaque") and not _is_empty(column.field, column.values):
        return kind
    return _categorical(column, rules)


def _categorical(column: _Column, rules: FitRules) -> Resolved:
    """Give the declared kind, unless nothing is frequent enough to be kept."""
    values = column.values
    kind = natural_kind(values.type)
    if _is_empty(column.field, values):
        return "empty"
    if pa.types.is_nested(values.type) or is_interval(values.type):
        return kind
    return "categorical" if column.has_categories(rules) else kind


def natural_kind(dtype: pa.DataType) -> Resolved:
    """Give the kind that a type has of itself."""
    kinds: Sequence[tuple[bool, Resolved]] = (
        (pa.types.is_null(dtype), "empty"),
        (pa.types.is_boolean(dtype), "boolean"),
        (pa.types.is_date(dtype) or pa.types.is_timestamp(dtype), "datetime"),
        (pa.types.is_time(dtype), "time"),
        (is_interval(dtype), "opaque"),
        (pa.types.is_duration(dtype) or pa.types.is_integer(dtype), "numeric"),
        (pa.types.is_floating(dtype) or pa.types.is_decimal(dtype), "numeric"),
        (is_text(dtype), "text"),
    )
    return next((kind for holds, kind in kinds if holds), "opaque")


def is_interval(dtype: pa.DataType) -> bool:
    """Tell intervals of months, days and fractions, which have no order."""
    return bool(pa.types.is_interval(dtype))


def _is_empty(field: pa.Field, values: pa.Array) -> bool:
    """Tell a column that holds, and may hold, nothing but null."""
    return bool(field.nullable and values.null_count == len(values))


def _flat_type(dtype: pa.DataType) -> pa.DataType:
    """Give the type in which values are looked at."""
    if isinstance(dtype, pa.BaseExtensionType):
        return _flat_type(dtype.storage_type)
    if pa.types.is_dictionary(dtype) or pa.types.is_run_end_encoded(dtype):
        return _flat_type(dtype.value_type)
    return pa.large_string() if pa.types.is_string_view(dtype) else dtype


def _flat_field(field: pa.Field) -> pa.Field:
    return pa.field(field.name, _flat_type(field.type), field.nullable)


def flat(column: pa.ChunkedArray) -> pa.Array:
    """Give the column as one array of plain values."""
    if isinstance(column.type, pa.BaseExtensionType):
        storage = [chunk.storage for chunk in column.chunks]
        return flat(pa.chunked_array(storage, column.type.storage_type))
    if pa.types.is_run_end_encoded(column.type):
        decoded = [pa.compute.run_end_decode(chunk) for chunk in column.chunks]
        return flat(pa.chunked_array(decoded, column.type.value_type))
    plain = column.cast(_flat_type(column.type))
    return plain.combine_chunks() if plain.num_chunks != 1 else plain.chunk(0)


def _restored(values: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Give plain values the type that the column had."""
    if isinstance(dtype, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(dtype, _restored(values, dtype.storage_type))
    if pa.types.is_dictionary(dtype):
        return _restored(values, dtype.value_type).dictionary_encode().cast(dtype)
    if pa.types.is_run_end_encoded(dtype):
        return pa.compute.run_end_encode(_restored(values, dtype.value_type), dtype.run_end_type)
    return values if values.type == dtype else values.cast(dtype)


def bare(schema: pa.Schema) -> pa.Schema:
    """Drop what other tools have written beside the schema: it may quote values."""
    return pa.schema([f.remove_metadata() for f in schema])
