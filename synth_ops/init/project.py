"""Writing a project for a database: synth.yaml, suites and pipelines that run as they are."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from synth_ops.errors import PlanError
from synth_ops.init.candidates import Candidate, Seen, candidates, confirmed, look
from synth_ops.init.owners import with_owners
from synth_ops.init.writing import config_text, needs_look, writing
from synth_ops.personal import find_personal
from synth_ops.plan import Config, Plan, load_config, resolve
from synth_ops.plan.config import ForeignKeyConfig, TableConfig
from synth_ops.plan.places import absolute_source
from synth_ops.plan.secrets import has_password
from synth_ops.records import Record
from synth_ops.schema import Database, ForeignKey
from synth_ops.settings import expand
from synth_ops.source import open_source
from synth_ops.suite_files import suite_path
from synth_ops.workspace import write_text

VARIABLE = "SYNTH_OPS_SOURCE"
"""The environment variable that holds a source URL with a password."""
TEMPLATES = {"pipelines/dagster_defs.py": "dagster_defs.py.jinja", "pipelines/airflow_dag.py": "airflow_dag.py.jinja"}
IGNORED = (".synth-ops/", "/snapshots/")
"""What a project must not commit: real rows and models, and snapshots."""


class ToLookAt(Record):
    """A column whose fate was told from its name or type."""

    table: str
    column: str
    fate: str
    """With the provider of a fake: ``fake: email``."""
    reason: str


class Initialised(Record):
    """What `init` wrote, and what a person should look at."""

    folder: str
    files: tuple[str, ...]
    """Absolute paths, synth.yaml first."""
    tables: tuple[str, ...]
    to_look_at: tuple[ToLookAt, ...]
    soft_foreign_keys: tuple[str, ...]
    """Undeclared references that were found: ``flights: tailnum->planes``."""
    export: str | None = None
    """The environment variable to set before the first refresh, for the URL holds a password; never the URL."""


@dataclass(frozen=True)
class _Project:
    """What is known before the first file is written."""

    folder: Path
    text: str
    """Of synth.yaml."""
    draft: Plan
    """Whose reasons are the rules' own."""
    database: Database
    seen: Mapping[str, Seen]
    soft: tuple[Candidate, ...]
    secret: bool
    """Whether the URL holds a password."""


def init_project(url: str, folder: Path, *, dataset: str | None = None, force: bool = False) -> Initialised:
    """Look at a database, and write a project that refreshes it. It asks nothing.

    Raises:
        PlanError: nothing reads such a URL, or a file is there already and `force` is not given.
        SourceError: the database did not answer.
        OutsideError: the folder cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 — a link to the folder must stay one
    name = dataset or dataset_of(url)
    _refuse_existing([folder / "synth.yaml", *(folder / path for path in TEMPLATES)], force=force)
    with open_source(expand(url)) as source:
        database = source.database()
        found = candidates(database)
        seen = look(source, database, found)
    soft = confirmed(found, seen)
    secret = has_password(url)
    written_source = f"${{{VARIABLE}}}" if secret else _portable(url, folder)
    draft = _draft(written_source, name, database, soft, seen)
    draft, lone = with_owners(draft, {table: s.n_rows for table, s in seen.items()})
    text = config_text(draft, written_source, soft=_by_table(soft), lone=lone)
    with writing(folder):
        return _write(_Project(folder, text, draft, database, seen, soft, secret), force=force)


def dataset_of(url: str) -> str:
    """Give a dataset's name from the last part of a URL, of what a name may hold.

    >>> dataset_of("duckdb:///demo/My Shop.duckdb"), dataset_of("postgresql://bo:x@db/shop?sslmode=require")
    ('My_Shop', 'shop')
    """
    path = re.split(r"[?#]", url)[0].split("://", 1)[-1].rstrip("/")
    last = path.split("/", 1)[1].rsplit("/", 1)[-1] if "/" in path else ("" if "@" in path else path)
    stem = re.sub(r"\.(duckdb|db|sqlite3?|ddb)$", "", last.rsplit(":", 1)[-1])
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-")[:80] or "dataset"


def _draft(source: str, name: str, database: Database, soft: tuple[Candidate, ...], seen: Mapping[str, Seen]) -> Plan:
    """Resolve a configuration that says the found references only: what comes of it is what is written down."""
    tables = {t: TableConfig(foreign_keys=tuple(map(_said, keys))) for t, keys in _by_table(soft).items()}
    config = Config.model_validate({"dataset": name, "source": source, "publish": "./snapshots", "tables": tables})
    found = {t.name: find_personal(t, seen[t.name].sampler.samples()) for t in database.tables}
    return resolve(config, database, found)


def _by_table(soft: tuple[Candidate, ...]) -> dict[str, list[ForeignKey]]:
    return {c.table: [other.key for other in soft if other.table == c.table] for c in soft}


def _said(key: ForeignKey) -> ForeignKeyConfig:
    return ForeignKeyConfig(columns=key.columns, references=key.ref_table, ref_columns=key.ref_columns)


def _write(project: _Project, *, force: bool) -> Initialised:
    """Write every file; synth.yaml is read back as a refresh will read it, before the suites are made from it."""
    config_path = project.folder / "synth.yaml"
    write_text(config_path, project.text)
    plan = resolve(load_config(config_path), project.database)
    suites = _write_suites(plan, {name: s.n_rows for name, s in project.seen.items()}, force=force)
    pipelines = [_write_pipeline(project.folder / path, t, plan.dataset) for path, t in TEMPLATES.items()]
    written = [config_path, *suites, *pipelines, *_write_ignored(project.folder / ".gitignore")]
    return Initialised(
        folder=str(project.folder),
        files=tuple(map(str, written)),
        tables=tuple(t.name for t in plan.tables),
        to_look_at=tuple(_to_look_at(project.draft)),
        soft_foreign_keys=tuple(f"{c.table}: {c.key.name}" for c in project.soft),
        export=VARIABLE if project.secret else None,
    )


def _write_suites(plan: Plan, n_rows: Mapping[str, int], *, force: bool) -> list[Path]:
    from synth_ops.expectations import write_suites  # loads what measuring needs

    folder = Path(plan.expectations)
    there = [p for t in plan.tables if (p := suite_path(folder, t.name)).exists()]
    _refuse_existing(there, force=force)
    for path in there:
        path.unlink()
    return write_suites(folder, plan, n_rows)


def _write_pipeline(path: Path, template: str, dataset: str) -> Path:
    import jinja2  # needed here alone

    text = files("synth_ops.init").joinpath("templates", template).read_text(encoding="utf-8")
    dag_id = re.sub(r"[^A-Za-z0-9_]", "_", dataset)
    environment = jinja2.Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 — it is Python, not HTML
    write_text(path, environment.from_string(text).render(dataset=dataset, dag_id=dag_id))
    return path


def _write_ignored(path: Path) -> list[Path]:
    """Add the lines that are not in the file yet."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in before.splitlines()]
    if not missing:
        return []
    gap = "" if not before or before.endswith("\n") else "\n"
    write_text(path, before + gap + "\n".join(missing) + "\n")
    return [path]


def _to_look_at(plan: Plan) -> Iterator[ToLookAt]:
    for table in plan.tables:
        for column in filter(needs_look, table.columns):
            fate = f"{column.fate}: {column.provider}" if column.provider else column.fate
            yield ToLookAt(table=table.name, column=column.name, fate=fate, reason=column.reason)


def _portable(url: str, folder: Path) -> str:
    """Give the URL as synth.yaml is to hold it: a path that is relative here is relative to another folder there."""
    absolute = absolute_source(url, Path.cwd())
    inside = f"{folder}{os.sep}"
    return absolute.replace(inside, "", 1) if inside in absolute else absolute


def _refuse_existing(paths: list[Path], *, force: bool) -> None:
    there = [str(p) for p in paths if p.exists()]
    if there and not force:
        raise PlanError(
            f"init must not overwrite what is there, however these files are: {', '.join(there)}."
            " Name another folder with --into, move them away, or add --force."
        )
