"""The results as Markdown."""

from collections.abc import Iterable, Sequence

from generators.cells import Cell, main_cells
from generators.contenders import CONTENDERS

HEADER = (
    "table (train rows x columns)",
    "contender",
    "fit s",
    "rows/s sampled",
    "peak GB",
    "c2st",
    "shape (floor)",
    "trend (floor)",
    "pair (floor)",
    "mle (real rows)",
    "dcr",
    "copies",
)
PASSING = ("table", "peer", "its c2st", "its fit s", "ours", "fit s of ours", "c2st of ours")
PACE = ("table", "ours", "time budget", "fit s", "c2st", "pair")

GLOSSARY = """\
Each contender learned from 80 % of the rows (`numpy.random.RandomState(0).permutation`), one after the other, each in
a process and an environment of its own, and sampled as many rows as it had learned from. Figures are the judge's:
*c2st* is the area under the curve of trees that tell synthetic from held-out rows (0.5 best); *shape*, *trend* and
*pair* are mean errors of columns and of pairs; *mle* is what trees that learned from the copy reach on held-out rows;
*dcr* the share of synthetic rows nearer to a training row than to a held-out one (0.5 best); *copies* the share equal
to a training row, less that of held-out rows. The *floor* is the same figure for held-out rows in the copy's place.
*fit s* runs from the start of the process, imports and reading included, to a model. *rows/s* is of a loaded model.
*peak GB* is the largest sum of resident memory over the process and its descendants."""


def markdown(cells: Sequence[Cell], plot: str) -> str:
    """Give the page: figures, who is faster to the same fidelity, how each was run."""
    parts = [
        "# Generators side by side",
        _provenance(cells),
        GLOSSARY,
        f"![c2st against seconds of fitting, a panel a table]({plot})",
        main_table(cells),
    ]
    for title, text in (("Seconds to a peer's fidelity", passing_table(cells)), ("Fidelity by budget", _pace(cells))):
        parts += [f"## {title}", text] if text else []
    return "\n\n".join([*parts, "## How each is run", _treatments(cells)]) + "\n"


def main_table(cells: Sequence[Cell]) -> str:
    """Give the table of one row a table and contender, each at its longest budget."""
    order = list(CONTENDERS)
    tables = list(dict.fromkeys(c.key.table for c in cells))
    rows = sorted(main_cells(cells), key=lambda c: (tables.index(c.key.table), order.index(c.key.contender)))
    return _table(HEADER, (_row(c) for c in rows))


def passing_table(cells: Sequence[Cell]) -> str:
    """Give when ours, at its shortest budget that does, is at most at each peer's c2st; empty without both."""
    judged = [c for c in cells if not c.error]
    peers = [c for c in main_cells(judged) if not CONTENDERS[c.key.contender].is_ours]
    return _table(PASSING, (_passing(peer, name, judged) for peer in peers for name in _ours(judged, peer.key.table)))


def _passing(peer: Cell, name: str, judged: Sequence[Cell]) -> Sequence[str]:
    own = [c for c in judged if (c.key.contender, c.key.table) == (name, peer.key.table)]
    passed = min((c for c in own if c.c2st <= peer.c2st), key=lambda c: c.fit_seconds, default=None)
    reached = (f"{passed.fit_seconds:.0f}", f"{passed.c2st:.3f}") if passed else ("not reached", "")
    return peer.key.table, _name(peer), f"{peer.c2st:.3f}", f"{peer.fit_seconds:.0f}", name, *reached


def _ours(cells: Sequence[Cell], table: str) -> Sequence[str]:
    there = {c.key.contender for c in cells if c.key.table == table}
    return [name for name, c in CONTENDERS.items() if c.is_ours and name in there]


def _pace(cells: Sequence[Cell]) -> str:
    shown = {c.key for c in main_cells(cells)}
    of_several = {(c.key.contender, c.key.table) for c in cells if c.key not in shown}
    own = [c for c in cells if (c.key.contender, c.key.table) in of_several and not c.error]
    own.sort(key=lambda c: (c.key.table, c.key.contender, c.fit_seconds))
    return _table(PACE, (_pace_row(c) for c in own))


def _pace_row(cell: Cell) -> Sequence[str]:
    key, figures = cell.key, (f"{cell.fit_seconds:.0f}", f"{cell.c2st:.3f}", f"{cell.synthetic['pair']:.4f}")
    return key.table, key.contender, str(key.budget), *figures


def _row(cell: Cell) -> Sequence[str]:
    first = f"{cell.key.table} ({cell.n_train:,} x {cell.n_columns})"
    if cell.error:
        return first, _name(cell), cell.error.replace("|", "/"), *[""] * (len(HEADER) - 3)
    real, floor = cell.synthetic, cell.floor
    errors = (f"{real[name]:.4f} ({floor[name]:.4f})" for name in ("shape", "trend", "pair"))
    return (
        first,
        _name(cell),
        f"{cell.fit_seconds:.0f}",
        f"{cell.rows_per_second:,.0f}",
        f"{cell.peak_gb:.2f}",
        f"{cell.c2st:.3f}",
        *errors,
        f"{real['mle']:.3f} ({floor['mle']:.3f})",
        f"{real['dcr']:.3f}",
        f"{real['copies']:.4f}",
    )


def _name(cell: Cell) -> str:
    trial = "" if cell.key.epochs is None else f", at most {cell.key.epochs} epochs"
    return f"{cell.key.contender}{trial}"


def _provenance(cells: Sequence[Cell]) -> str:
    machines = _distinct(c.machine for c in cells)
    dates = sorted({c.date for c in cells})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return f"Measured {when} on {'; and on '.join(machines)}. Written by `python benchmarks/generators`."


def _treatments(cells: Sequence[Cell]) -> str:
    there = [name for name in CONTENDERS if any(c.key.contender == name for c in cells)]
    return "\n".join(f"- **{n}** ({_versions(n, cells)}): {CONTENDERS[n].treatment}" for n in there)


def _versions(name: str, cells: Sequence[Cell]) -> str:
    own = [c for c in cells if c.key.contender == name]
    return ", ".join(_distinct(f"{c.version or 'no version, for it failed'}, code {c.code}" for c in own))


def _distinct(words: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(words))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *body]) if body else ""
