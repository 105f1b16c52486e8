"""Which codes of a codec stand for what codes of an earlier one stood for."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synth_ops.encode.categorical import RARE, CategoricalCodec
from synth_ops.encode.codec import NULL, Codec
from synth_ops.encode.datetime import DatetimeCodec
from synth_ops.encode.hierarchy import Hierarchy
from synth_ops.encode.numeric import NumericCodec
from synth_ops.encode.scale import Scale
from synth_ops.encode.table import TableCodec
from synth_ops.encode.time import TimeCodec

Map: TypeAlias = NDArray[np.int64]
"""The old code of each new code, or -1."""
UNKNOWN = -1


def code_maps(new: TableCodec, old: TableCodec) -> dict[tuple[str, str], Map]:
    """Give the map of each sub-column, by (column, part), that both tables have in the same kind."""
    maps = {}
    for name in new.columns:
        before = old.codecs.get(name)
        if before is None or type(before) is not type(new.codecs[name]):
            continue
        for part, codes in parts_of(new.codecs[name], before).items():
            maps[name, part] = codes
    return maps


@singledispatch
def parts_of(new: Codec, old: Any) -> Mapping[str, Map]:  # noqa: ANN401 — a codec of the same kind
    """Give the map of each part of a column; a kind of which nothing is known keeps its codes where all are alike."""
    pairs = zip(new.sub_columns("", 0), old.sub_columns("", 0), strict=False)
    return {n.part: np.arange(n.size) for n, o in pairs if (n.part, n.size) == (o.part, o.size)}


@parts_of.register
def _numeric(new: NumericCodec, old: NumericCodec) -> Mapping[str, Map]:
    specials = [1 + old.specials.index(s) if s in old.specials else UNKNOWN for s in new.specials]
    return {"value": _scale(new.scale, old.scale, [NULL, *specials])}


@parts_of.register
def _time(new: TimeCodec, old: TimeCodec) -> Mapping[str, Map]:
    return {"time": _scale(new.scale, old.scale, [NULL])}


@parts_of.register
def _datetime(new: DatetimeCodec, old: DatetimeCodec) -> Mapping[str, Map]:
    maps = {"day": _scale(new.day, old.day, [NULL])}
    if new.time is not None and old.time is not None:
        maps["time"] = _scale(new.time, old.time, [])
    return maps


@parts_of.register
def _categorical(new: CategoricalCodec, old: CategoricalCodec) -> Mapping[str, Map]:
    rare = [RARE if old.hierarchy.n_special > RARE else UNKNOWN] if new.hierarchy.n_special > RARE else []
    places = {name: i for i, name in enumerate(old.names, start=old.hierarchy.n_special)}
    flat = np.array([NULL, *rare, *(places.get(name, UNKNOWN) for name in new.names)], np.int64)
    if not new.hierarchy.starts and not old.hierarchy.starts:
        return {"value": flat}
    if bool(new.hierarchy.starts) != bool(old.hierarchy.starts):
        return {}
    return {"coarse": _groups(new.hierarchy, old.hierarchy, flat)}


def _groups(new: Hierarchy, old: Hierarchy, flat: Map) -> Map:
    """Give the old group of each new one: that of its first code."""
    firsts = np.append(np.arange(new.n_special), np.array(new.starts) + new.n_special)
    was = flat[firsts]
    return np.where(was == UNKNOWN, UNKNOWN, old.split(np.maximum(was, 0))[:, 0])


def _scale(new: Scale, old: Scale, specials: list[int]) -> Map:
    """Give each leaf the old leaf of one of its values."""
    ordinary = np.arange(new.leaves.n) + new.n_special
    values = new.decode(ordinary, np.random.default_rng(0))
    return np.append(np.array(specials, np.int64), old.encode(values))
