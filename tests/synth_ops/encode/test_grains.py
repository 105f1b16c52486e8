"""Numbers come out as coarsely as they went in."""

import numpy as np
import pyarrow as pa

from synth_ops.encode.grains import Grains
from synth_ops.encode.numeric import NumericCodec
from synth_ops.encode.rules import FitRules
from synth_ops.owners import Owners

N = 20_000


def decimals(values: np.ndarray) -> np.ndarray:
    """Give the share of values of no decimal, one, two, ..."""
    texts = [np.format_float_positional(v, trim="-") for v in values]
    return np.bincount([len(t.partition(".")[2]) for t in texts], minlength=5)[:5] / len(values)


def through(values: np.ndarray) -> np.ndarray:
    codec = NumericCodec.fit(pa.array(values), FitRules(seed=0), Owners.each(N))
    codes = codec.encode(pa.array(values))
    back = codec.decode(codes, pa.field("x", pa.float64()), np.random.default_rng(1))
    return np.asarray(back.to_numpy(zero_copy_only=False))


def test_rows_of_two_precisions_come_out_as_such() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(30, 8, N)
    values = np.where(rng.random(N) < 0.4, values.round(3), values.round(4))

    assert np.abs(decimals(through(values)) - decimals(values)).sum() / 2 < 0.03


def test_precision_may_go_with_size() -> None:
    values = np.random.default_rng(0).lognormal(4, 1.5, N)
    values = np.where(values >= 100, values.round(2), values.round(4))

    back = through(values)

    assert decimals(back[back >= 100])[3:].sum() < 0.02
    assert decimals(back[back < 100])[4] > 0.85


def test_a_handful_of_long_numbers_makes_no_column_long() -> None:
    values = np.random.default_rng(0).normal(40, 5, N).round(3)
    values[:5] += np.pi / 1e6

    assert decimals(through(values))[4:].sum() == 0


def test_a_column_of_long_numbers_stays_long() -> None:
    values = np.random.default_rng(0).normal(40, 5, N)
    values[N // 10 :] = values[N // 10 :].round(3)

    assert max(len(repr(float(v)).partition(".")[2]) for v in through(values)) > 8


def test_even_digits_have_no_grains() -> None:
    index = np.random.default_rng(0).integers(10**4, 10**6, N)

    assert Grains.fit(index) is None


def test_whole_numbers_that_are_mostly_rounded_stay_so() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(11, 0.5, N)
    values = np.where(rng.random(N) < 0.8, (values / 100).round() * 100, values.round())
    codec = NumericCodec.fit(pa.array(values.astype(np.int64)), FitRules(seed=0), Owners.each(N))

    codes = codec.encode(pa.array(values.astype(np.int64)))
    back = codec.decode(codes, pa.field("x", pa.int64()), rng).to_numpy(zero_copy_only=False)

    assert abs((back % 100 == 0).mean() - (values % 100 == 0).mean()) < 0.06
