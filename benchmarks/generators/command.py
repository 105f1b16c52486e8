"""Ours and installable peers on the same tables, in the same run: fidelity, seconds, memory.

usage: python benchmarks/generators --data FOLDER --judge EVALUATE.py

Each contender learns from 80 % of each table's rows in a process of its own and samples as many. The judge is called
as ``EVALUATE.py TRAIN HOLDOUT SYNTHETIC --json --target COLUMN`` and prints ``{"synthetic": {figure: value}, "floor":
{figure: value}}``. Peers are installed on demand, each in an environment of its own. What is finished is kept, and a
run that was cut goes on where it stopped. A trial: --tables magic_gamma --time-budget 10s --epochs-of ctgan=1
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generators.cells import Key, Results, budget_seconds
from generators.contenders import CONTENDERS, HERE
from generators.environments import python_of
from generators.errors import NotReady
from generators.judge import check_judge
from generators.plot import draw
from generators.report import main_table, markdown
from generators.run_cell import Bench, digest, run_cell
from generators.tables import BUDGETS, TARGETS, USUAL_BUDGET, find_table, split


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    data: Path
    judge: Path
    tables: Sequence[str]
    contenders: Sequence[str]
    time_budget: str | None
    budgets: Sequence[str]
    epochs: Mapping[str, int]
    limit_seconds: float
    environments: Path
    results: Path

    def keys(self, table: str) -> Iterator[Key]:
        """Give the cells of one table in the order of running, ours at all its budgets."""
        usual = self.time_budget or BUDGETS.get(table, USUAL_BUDGET)
        budgets = sorted({usual, *self.budgets}, key=budget_seconds)
        for name in self.contenders:
            if CONTENDERS[name].is_ours:
                yield from (Key(contender=name, table=table, budget=b) for b in budgets)
            else:
                yield Key(contender=name, table=table, epochs=self.epochs.get(name))


def main() -> None:
    """Run what is not finished, print the table, and write the page, the plot and the cells."""
    try:
        _run(_parse(sys.argv[1:]))
    except NotReady as missing:
        sys.exit(f"{missing}")


def _run(wish: Wish) -> None:
    check_judge(wish.judge)
    sources = {name: find_table(wish.data, name) for name in wish.tables}
    pythons = {name: python_of(CONTENDERS[name], wish.environments) for name in wish.contenders}
    wish.results.mkdir(parents=True, exist_ok=True)
    results = Results.read(wish.results / "results.json")
    for name, source in sources.items():
        _run_table(wish, source, list(wish.keys(name)), pythons, results)
    _write(results, wish.results)


def _run_table(wish: Wish, source: Path, keys: Sequence[Key], pythons: Mapping[str, Path], results: Results) -> None:
    data = digest(source, wish.judge)
    missing = [k for k in keys if not results.holds(k, CONTENDERS[k.contender].code(), data)]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="generators-") as scratch:
        bench = Bench(wish.judge, wish.limit_seconds, Path(scratch))
        parts = split(source, Path(scratch))
        for key in missing:
            print(" · ".join(f"{v}" for v in key.model_dump().values() if v), file=sys.stderr, flush=True)
            cell = run_cell(bench, key, parts, pythons[key.contender], data)
            results.keep(cell)
            said = cell.error or f"{cell.fit_seconds:.0f} s, c2st {cell.c2st:.3f}"
            print(f"  {said}", file=sys.stderr, flush=True)


def _write(results: Results, folder: Path) -> None:
    cells = list(results.cells.values())
    judged = [c for c in cells if not c.error]
    if judged:
        draw(judged, folder / "results.svg")
    (folder / "RESULTS.md").write_text(markdown(cells, "results.svg"), encoding="utf-8")
    print(main_table(cells))


def _parse(words: Sequence[str]) -> Wish:
    parser = argparse.ArgumentParser(
        prog="generators", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of TABLE.parquet")
    add("--judge", type=Path, required=True, help="script that measures a synthetic table")
    add("--tables", type=_names, default=list(TARGETS), help="names in --data, by commas")
    add("--contenders", type=_contenders, default=list(CONTENDERS), help=f"of {','.join(CONTENDERS)}")
    add("--time-budget", type=_budget, help=f"of ours, on every table (else {USUAL_BUDGET}, {BUDGETS})")
    add("--budgets", type=_budgets, default=[], help="further time budgets of ours: 15s,30s,60s")
    add("--epochs-of", type=_epochs, action="append", default=[], metavar="ctgan=1", help="of a peer, for a trial")
    add("--limit", type=_budget, default="2h", help="a contender that takes longer is killed")
    add("--environments", type=Path, default=Path(".venv/peers"), help="folder of the peers' environments")
    add("--results", type=Path, default=HERE, help="folder of results.json, RESULTS.md and results.svg")
    options = vars(parser.parse_args(words))
    epochs, limit = dict(options.pop("epochs_of")), budget_seconds(options.pop("limit"))
    return Wish(epochs=epochs, limit_seconds=limit, **options)


def _names(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",")]


def _contenders(text: str) -> Sequence[str]:
    names = _names(text)
    unknown = [n for n in names if n not in CONTENDERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"contenders are {', '.join(CONTENDERS)}, however {', '.join(unknown)} came")
    return names


def _budget(text: str) -> str:
    try:
        budget_seconds(text)
    except (KeyError, ValueError, IndexError):
        raise argparse.ArgumentTypeError(f"a time is a number and s, m or h, as 90s, however {text!r} came") from None
    return text


def _budgets(text: str) -> Sequence[str]:
    return [_budget(word) for word in _names(text)]


def _epochs(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in CONTENDERS or CONTENDERS[name].is_ours or not number.isdigit():
        raise argparse.ArgumentTypeError(f"it is a peer and a number, as ctgan=1, however {text!r} came")
    return name, int(number)
