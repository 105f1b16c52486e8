"""A cell: what one contender reached on one table. Finished cells are kept, so that a cut run goes on."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from synth_ops.records import Record


class Key(Record):
    """What is asked for: one cell a key is kept."""

    contender: str
    table: str
    budget: str | None = None
    """Time budget of ours: ``3m``."""
    epochs: int | None = None
    """Limit on a peer's epochs, for a trial; None is its default."""


class Cell(Record):
    """One contender on one table. Errors and leaks are as the judge defines them."""

    key: Key
    code: str
    """Digest of what the result depends on: ours, or the peer's driver and requirements."""
    data: str
    """Digest of the table and the judge."""
    date: str
    machine: str
    n_train: int
    n_columns: int
    version: str = ""
    fit_seconds: float = 0.0
    """From the start of the process to a model, imports and reading included."""
    sample_seconds: float = 0.0
    """As many rows as were learned from, by a loaded model."""
    n_sampled: int = 0
    wall_seconds: float = 0.0
    peak_gb: float = 0.0
    synthetic: Mapping[str, float] = {}
    floor: Mapping[str, float] = {}
    error: str = ""
    """Why there are no figures."""
    over_limit: bool = False
    """It was killed at the limit, and would be again."""

    @property
    def is_final(self) -> bool:
        return not self.error or self.over_limit

    @property
    def c2st(self) -> float:
        return self.synthetic["c2st"]

    @property
    def rows_per_second(self) -> float:
        return self.n_sampled / self.sample_seconds


CELLS = TypeAdapter(tuple[Cell, ...])


@dataclass
class Results:
    """The cells of a file, which is whole after each."""

    path: Path
    cells: dict[Key, Cell] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read what earlier runs left; nothing where there is no file."""
        cells: Sequence[Cell] = CELLS.validate_json(path.read_bytes()) if path.is_file() else ()
        return cls(path, {c.key: c for c in cells})

    def holds(self, key: Key, code: str, data: str) -> bool:
        """Tell whether the cell is there, final, and of the same code and data."""
        cell = self.cells.get(key)
        return cell is not None and cell.is_final and (cell.code, cell.data) == (code, data)

    def keep(self, cell: Cell) -> None:
        """Put a cell in the place of the earlier one of its key, and write all."""
        self.cells[cell.key] = cell
        text = json.dumps(CELLS.dump_python(tuple(self.cells.values()), mode="json"), indent=1) + "\n"
        part = self.path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.path)


def main_cells(cells: Iterable[Cell]) -> Sequence[Cell]:
    """Give of each contender and table the cell of the longest budget: the one that stands for it."""
    longest: dict[tuple[str, str], Cell] = {}
    for cell in sorted(cells, key=lambda c: budget_seconds(c.key.budget)):
        longest[cell.key.contender, cell.key.table] = cell
    return tuple(longest.values())


def budget_seconds(budget: str | None) -> float:
    """Give a time budget in seconds, 0 for none.

    >>> budget_seconds("3m"), budget_seconds("15s"), budget_seconds(None)
    (180.0, 15.0, 0.0)
    """
    if budget is None:
        return 0.0
    return float(budget[:-1]) * {"s": 1, "m": 60, "h": 3600}[budget[-1]]
