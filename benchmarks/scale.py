"""Time the parts that see every row of a large table: `python benchmarks/scale.py`."""

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from synth_ops.derived import detect
from synth_ops.mint.fake import fake
from synth_ops.mint.pattern import Pattern


def relations_of_a_million_rows() -> None:
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.integers(0, 10**6, 1_000_000) for i in range(18)}
    detect(pa.table(columns | {"sum": columns["c0"] + columns["c1"], "same": columns["c2"]}))


def four_hundred_thousand_patterns() -> None:
    values = pa.array([f"INV-{i:07d}/{'ABCD'[i % 4]}" for i in range(400_000)])
    Pattern.fit(values, rare_below=10).draw(400_000, np.random.default_rng(0))


def three_hundred_thousand_names() -> None:
    fake("name", 300_000, rng=np.random.default_rng(0))


PARTS: tuple[Callable[[], None], ...] = (
    relations_of_a_million_rows,
    four_hundred_thousand_patterns,
    three_hundred_thousand_names,
)

if __name__ == "__main__":
    for part in PARTS:
        start = time.perf_counter()
        part()
        print(f"{part.__name__:<45} {time.perf_counter() - start:6.1f} s")
