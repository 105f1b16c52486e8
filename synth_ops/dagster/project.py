"""What is known of a dataset when a code location loads: its tables and its suites. No source is asked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from synth_ops.errors import PlanError
from synth_ops.names import words
from synth_ops.plan import Config, load_config, newest_plan
from synth_ops.plan.plan import Plan
from synth_ops.suite_files import Asserted, asserted_in, suite_path
from synth_ops.workspace import Workspace

_LAST_OF_NIGHTS = "9999-12-31"


@dataclass(frozen=True)
class KnownTable:
    """One table of the dataset, as the code location sees it."""

    name: str
    word: str
    """The name as an asset key and an op may hold it; two tables never share one."""
    is_copied: bool
    """Whether it is published as it is, and has no model."""
    parents: tuple[str, ...]
    """Tables that its keys refer to; its model is told of them."""
    description: str | None
    asserted: tuple[Asserted, ...]


@dataclass(frozen=True)
class Project:
    """A synth.yaml, and the tables that it is known to be about."""

    path: Path
    config: Config
    tables: tuple[KnownTable, ...]

    @property
    def dataset(self) -> str:
        return self.config.dataset

    @cached_property
    def group(self) -> str:
        """The dataset's name as a group and an op may hold it."""
        return re.sub(r"\W", "_", self.dataset, flags=re.ASCII)

    @property
    def kind(self) -> str:
        """What the source is, as Dagster shows it: ``postgresql``, ``duckdb``, ``parquet``."""
        scheme = urlsplit(self.config.source).scheme.split("+")[0]
        return scheme if re.fullmatch(r"[a-z][a-z0-9]*", scheme) else "table"

    def table(self, name: str) -> KnownTable:
        """Give the table of that name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, KnownTable]:
        return {t.name: t for t in self.tables}

    def workspace(self, night: str) -> Workspace:
        return Workspace(self.config.workspace, self.dataset, night)

    def nights(self) -> Iterator[Workspace]:
        """Give every night that was begun, newest first."""
        return self.workspace(_LAST_OF_NIGHTS).earlier_nights()


def read_project(path: Path | str) -> Project:
    """Read a synth.yaml, and what the last night found in the source.

    Tables that the source has gained since, and of which synth.yaml does not speak, are refreshed all the same; they
    are shown when the location is loaded again.

    Raises:
        PlanError: the file cannot be read as a plan, or neither it nor an earlier night names a table.
    """
    file = Path(path).resolve()
    config = load_config(file)
    plan = newest_plan(Workspace(config.workspace, config.dataset, _LAST_OF_NIGHTS).earlier_nights())
    names = _names(config, plan)
    if not names:
        raise PlanError(
            f"{file} must name the tables to show, however it names none, and no night has read the source yet."
            f" Write them under `tables:`, or run `synth-ops extract --config {file}` once."
        )
    in_words = words(names)
    return Project(file, config, tuple(_table(config, plan, name, in_words[name]) for name in names))


def _names(config: Config, plan: Plan | None) -> list[str]:
    found = [t.name for t in plan.tables] if plan else []
    named = dict.fromkeys([*found, *config.tables])
    skipped = {t.name for t in plan.tables if t.mode == "skip"} - set(config.tables) if plan else set()
    return [n for n in named if n not in skipped and (n not in config.tables or config.tables[n].mode != "skip")]


def _table(config: Config, plan: Plan | None, name: str, word: str) -> KnownTable:
    said = config.tables.get(name)
    found = next((t for t in plan.tables if t.name == name), None) if plan else None
    parents = [k.ref_table for k in found.foreign_keys] if found else []
    parents += [k.references for k in said.foreign_keys] if said else []
    return KnownTable(
        name=name,
        word=word,
        is_copied=said.mode == "copy" if said else found is not None and found.mode == "copy",
        parents=tuple(dict.fromkeys(p for p in parents if p != name)),
        description=found.table.comment if found else None,
        asserted=asserted_in(suite_path(Path(config.expectations) / config.dataset, name)),
    )
