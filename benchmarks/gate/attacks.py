"""How often an honest copy is refused, and how often one that leaks is, by the attacks on privacy.

usage: python benchmarks/gate/attacks.py [--honest N] [--leaks N] [--inference N] [--jobs N] [--seconds S]

Each seed draws 10,000 training rows, 2,500 held-out ones and a copy of 10,000 from one law of eight columns
(``toys.py``). An honest copy is a third sample of that law: real rows that no one trained on. Leaking ones hold a few
training rows, word for word or altered. A row of the table says how many of the seeds were refused by any attack, how
many were left open for want of rows, and which attack refused. The last line is the cost of all attacks on a table of
50,000 x 15. Seeds run in `--jobs` processes, and none is begun after `--seconds`.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

# Python puts this folder on the path; the package lies in the one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from gate import toys  # noqa: E402 — found by the line above
from gate.toys import Rows  # noqa: E402 — likewise
from synth_ops.measure.privacy import list_attacks, refused  # noqa: E402 — likewise
from synth_ops.measure.records import Measure  # noqa: E402 — likewise
from synth_ops.measure.stack import Stack  # noqa: E402 — likewise
from synth_ops.seeds import seed_of  # noqa: E402 — likewise

N_TRAINING, N_HOLDOUT, N_SYNTHETIC = 10_000, 2_500, 10_000
N_LEAKED, N_OUTLIERS, PLANTED = 200, 25, 0.004
NEAR = ("near_copies", "altered_copies")
OUTLIERS = ("outlier_membership_auc",)
QUICK = (*NEAR, *OUTLIERS, "membership_auc", "singling_out", "linkability")
"""All attacks but the inference of attributes, which takes as long as all others."""

Case = tuple[Rows, Rows, Rows]
Make = Callable[[np.random.Generator], Case]


@dataclass(frozen=True)
class Outcome:
    """What became of one seed: the figures beyond their limits, and those without a figure."""

    refused: tuple[str, ...]
    unmeasured: tuple[str, ...]


def honest(rng: np.random.Generator, planted: float = 0.0) -> Case:
    """Draw three samples of one law, of which so many rows are extreme."""
    sizes = (N_TRAINING, N_HOLDOUT, N_SYNTHETIC)
    training, holdout, copy = (toys.with_outliers(toys.draw(n, rng), planted, rng) for n in sizes)
    return training, holdout, copy


def leaked(rng: np.random.Generator, alteration: str) -> Case:
    """Put altered copies of some training rows into an honest copy."""
    training, holdout, copy = honest(rng)
    rows = training.take(rng.choice(N_TRAINING, N_LEAKED, replace=False))
    rest = copy.take(np.arange(N_SYNTHETIC - N_LEAKED))
    return training, holdout, toys.join(rest, toys.ALTERATIONS[alteration](rows, rng))


def outliers(rng: np.random.Generator, planted: float, noise: float) -> Case:
    """Put copies of the most extreme training rows into a copy of the law without planted ones."""
    training, holdout, _ = honest(rng, planted)
    rest = toys.draw(N_SYNTHETIC - N_OUTLIERS, rng)
    rows = toys.jittered(training.take(toys.furthest(training, N_OUTLIERS)), rng, noise)
    return training, holdout, toys.join(rest, rows)


def by_heart(rng: np.random.Generator) -> Case:
    """Give the training rows with a little noise as the copy."""
    training, holdout, _ = honest(rng)
    return training, holdout, toys.jittered(training, rng, 0.03)


HONEST: Mapping[str, Make] = {
    "honest": honest,
    "honest, 0.4 % of all rows planted outliers": partial(honest, planted=PLANTED),
}
LEAKS: Mapping[str, Make] = {
    "25 planted outliers, verbatim": partial(outliers, planted=PLANTED, noise=0.0),
    "25 planted outliers, numbers 1 % off": partial(outliers, planted=PLANTED, noise=0.01),
    "25 natural outliers, verbatim": partial(outliers, planted=0.0, noise=0.0),
    "25 natural outliers, numbers 1 % off": partial(outliers, planted=0.0, noise=0.01),
    **{f"2 % of rows: {name}": partial(leaked, alteration=name) for name in toys.ALTERATIONS},
    "all rows, numbers 3 % off": by_heart,
}


def judge(case: str, seed: int, names: tuple[str, ...]) -> Outcome:
    """Draw one seed's tables and attack them."""
    make = {**HONEST, **LEAKS}[case]
    rows = toys.stack(*make(np.random.default_rng(seed_of(case, str(seed)))))
    figures = list(_figures(rows, seed, names))
    return Outcome(
        tuple(sorted({f.name for f in figures if refused(f)})),
        tuple(sorted({f.name for f in figures if f.error is not None})),
    )


def _figures(rows: Stack, seed: int, names: tuple[str, ...]) -> Iterator[Measure]:
    for name, attack in list_attacks("t", rows, np.random.default_rng(seed)):
        if name in names:
            yield from attack()


def runs(n_honest: int, n_leaks: int, n_inference: int) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Give the cases, how many seeds of each, and the attacks: of leaks, those that they are there for."""
    for case in HONEST:
        yield case, n_honest, QUICK
    yield "honest", n_inference, ("attribute_inference",)
    for case in LEAKS:
        yield case, n_leaks, OUTLIERS if case.startswith("25") else NEAR if case.startswith("2 %") else QUICK


def row(case: str, names: tuple[str, ...], outcomes: list[Outcome]) -> str:
    """Give one row of the table."""
    by = Counter(name for outcome in outcomes for name in outcome.refused)
    n_refused = sum(bool(outcome.refused) for outcome in outcomes)
    n_open = sum(bool(outcome.unmeasured) and not outcome.refused for outcome in outcomes)
    which = ", ".join(f"{name} {n}" for name, n in by.most_common())
    return f"| {case} | {', '.join(names)} | {len(outcomes)} | {n_refused} | {n_open} | {which} |"


def cost() -> str:
    """Time every attack on 40,000 training, 10,000 held-out and 50,000 synthetic rows of 15 columns."""
    rng = np.random.default_rng(0)
    rows = toys.stack(*(_wide(toys.draw(n, rng), toys.draw(n, rng)) for n in (40_000, 10_000, 50_000)))
    seconds = {}
    for name, attack in list_attacks("t", rows, rng):
        started = time.process_time()
        list(attack())
        seconds[name] = time.process_time() - started
    each = ", ".join(f"{name} {s:.0f}" for name, s in seconds.items())
    return f"50,000 x {len(rows.names)}: {sum(seconds.values()):.0f} processor seconds ({each})"


def _wide(rows: Rows, others: Rows) -> Rows:
    further = {f"{name} too": values for name, values in others.numbers.items()}
    labels = {f"{name} too": codes for name, codes in others.labels.items() if name != "flag"}
    return replace(rows, numbers={**rows.numbers, **further}, labels={**rows.labels, **labels})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--honest", type=int, default=200, help="seeds of each honest copy")
    parser.add_argument("--leaks", type=int, default=100, help="seeds of each leak")
    parser.add_argument("--inference", type=int, default=200, help="seeds of which attributes are inferred")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--cases", default="", help="only those whose name begins so")
    args = parser.parse_args()
    until = time.monotonic() + args.seconds
    print("| copy | attacks | seeds | refused | open | by |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor(args.jobs) as pool:
        for case, n, names in runs(args.honest, args.leaks, args.inference):
            if not case.startswith(args.cases) or time.monotonic() > until:
                continue
            outcomes: list[Outcome] = []
            for start in range(0, n, args.jobs):
                if time.monotonic() > until:
                    break
                seeds = range(start, min(start + args.jobs, n))
                outcomes += pool.map(partial(judge, case, names=names), seeds)
            print(row(case, names, outcomes), flush=True)
    if not args.cases:
        print(f"\n{cost()}")


if __name__ == "__main__":
    main()
