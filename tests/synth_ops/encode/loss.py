"""What a table may lose on its way through its codes, said as assertions, one for each kind."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.encode import FitRules, TableCodec
from synth_ops.encode.categorical import CategoricalCodec, write_names
from synth_ops.encode.table import flat
from tests.synth_ops.encode.zoo import Rng

RULES = FitRules(seed=0)


def round_trip(table: pa.Table, rng: Rng, rules: FitRules = RULES) -> tuple[TableCodec, np.ndarray, pa.Table]:
    """Fit, encode and decode a table."""
    codec = TableCodec.fit(table, {}, rules)
    codes = codec.encode(table)
    return codec, codes, codec.decode(codes, rng)


def assert_stated_loss(table: pa.Table, rng: Rng) -> None:
    """Assert all that is promised of any table."""
    codec, codes, decoded = round_trip(table, rng)
    assert codes.dtype == np.int32
    assert codes.shape == (table.num_rows, len(codec.layout.sub_columns))
    assert (codes >= 0).all()
    assert (codes < np.array(codec.layout.sizes)).all()
    assert decoded.schema.equals(table.schema)
    decoded.validate(full=True)
    for name in table.column_names:
        was, now = flat(table.column(name)), flat(decoded.column(name))
        assert now.is_null().equals(was.is_null()), f"nulls of {name} moved"
        LOSSES[codec.kinds[name]](codec, name, was, now)
    again = codec.encode(decoded)
    assert_same_codes(codec, codes, again)


def assert_same_codes(codec: TableCodec, codes: np.ndarray, again: np.ndarray) -> None:
    """Assert that what comes back lies in the leaf that it was drawn from, wherever leaves do not overlap."""
    for name, kind in codec.kinds.items():
        if kind in ("boolean", "text", "empty", "opaque"):
            at = list(codec.layout.of(name))
            assert (codes[:, at] == again[:, at]).all(), name


def _same(_codec: TableCodec, name: str, was: pa.Array, now: pa.Array) -> None:
    assert now.equals(was), name


def _kept_or_made_up(codec: TableCodec, name: str, was: pa.Array, now: pa.Array) -> None:
    kept = codec.codecs[name]
    assert isinstance(kept, CategoricalCodec)
    texts_was, texts_now = (np.array(write_names(v.drop_null()), object) for v in (was, now))
    is_kept = np.isin(texts_was.astype(str), np.array(kept.names, str))
    assert (texts_was[is_kept] == texts_now[is_kept]).all(), name


def _within_type(_codec: TableCodec, _name: str, was: pa.Array, now: pa.Array) -> None:
    """Numbers: in the range that was there, or zero where too few are known."""
    if pa.types.is_floating(was.type):
        was, now = (v.drop_null().filter(pc.is_finite(v.drop_null().cast(pa.float64()))) for v in (was, now))
        was, now = was.cast(pa.float64()), now.cast(pa.float64())
        n_least = RULES.rare_below
    else:
        was, now, n_least = was.drop_null(), now.drop_null(), RULES.rare_below
        if pa.types.is_duration(was.type):
            was, now = was.view(pa.int64()), now.view(pa.int64())
    if len(was) < n_least or not len(now):
        return
    low_was, high_was, low_now, high_now = (f(v).as_py() for v in (was, now) for f in (pc.min, pc.max))
    assert low_was <= low_now, "below the range"
    assert high_now <= high_was, "above the range"


def _anything(_codec: TableCodec, _name: str, _was: pa.Array, _now: pa.Array) -> None:
    """What is not learned comes back as something else; nulls and types are asserted of all."""


LOSSES: Mapping[str, Callable[[TableCodec, str, pa.Array, pa.Array], None]] = {
    "boolean": _same,
    "empty": _same,
    "categorical": _kept_or_made_up,
    "numeric": _within_type,
    "datetime": _within_type,
    "time": _within_type,
    "text": _anything,
    "opaque": _anything,
}
