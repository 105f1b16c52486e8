"""The commands that make and show a plan."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth_ops.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, Night, Tables, table_names
from synth_ops.cli.results import print_json, print_line, print_records, print_rows
from synth_ops.errors import PlanError

if TYPE_CHECKING:
    from synth_ops.expectations import SuggestedSuite
    from synth_ops.init import Initialised
    from synth_ops.plan import ColumnPlan
    from synth_ops.plan.plan import Entity


def init(
    url: Annotated[
        str | None, typer.Argument(help="postgresql:// · duckdb:/// · sqlite:/// · mysql:// · parquet:FOLDER")
    ] = None,
    *,
    into: Annotated[Path, typer.Option("--into", metavar="FOLDER", help="Where to write the project.")] = Path(),
    dataset: Annotated[str | None, typer.Option("--dataset", help="Its name.", show_default="from the URL")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files that are there.")] = False,
    suites: Annotated[
        bool, typer.Option("--suites", help="Write the suites that the project of --config lacks, and nothing else.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Look at a database and write a project that runs as it is.

    Writes synth.yaml, the suites under expectations/, and a Dagster and an Airflow pipeline under pipelines/.

    [bold]Examples[/bold]

      synth-ops init duckdb:///shop.duckdb
      synth-ops init 'postgresql://reader:${PGPASSWORD}@db/shop' --into shop
      synth-ops init --suites
    """
    if suites:
        _write_suites(config, url, as_json=as_json)
        return
    if url is None:
        raise PlanError(
            "init must be given the URL of a database, however there is none."
            " Run `synth-ops init URL`, or `synth-ops init --suites` for the suites that a project lacks."
        )
    from synth_ops.init import init_project

    record = init_project(url, into, dataset=dataset, force=force)
    if as_json:
        print_json(record)
    else:
        _tell(record)


def _write_suites(config: Path, url: str | None, *, as_json: bool) -> None:
    """Write the suites that are missing, and tell which."""
    if url is not None:
        raise PlanError("init --suites must be given no URL, for the plan names the source. Leave the URL out.")
    from synth_ops.init import write_missing_suites

    written = [str(path) for path in write_missing_suites(config)]
    if as_json:
        print(json.dumps({"files": written}, indent=1))
        return
    for path in written:
        print_line(f"wrote {path}")
    if not written:
        print_line("Nothing to do: every table has its suite.")


def _tell(record: "Initialised") -> None:
    """Print what was written, what to look at, and what comes next."""
    for path in record.files:
        print_line(f"wrote {path}")
    if record.to_look_at:
        print_line("\nLook at these columns: what becomes of them was told from their names, types and values.")
        print_rows(
            ("table", "column", "fate", "why"), [(c.table, c.column, c.fate, c.reason) for c in record.to_look_at]
        )
    for key in record.soft_foreign_keys:
        print_line(f"found a reference that is not declared: {key}")
    export = f"export {record.export}=...   # the URL with its password, which was written nowhere\n" * bool(
        record.export
    )
    print_line(f"\nNext:\n{export}cd {record.folder}\nsynth-ops plan\nsynth-ops refresh")


SuiteTables = Annotated[str | None, typer.Option("--tables", "-t", metavar="A,B", help="Of these tables only.")]


def suggest(
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    tables: SuiteTables = None,
    write: Annotated[bool, typer.Option("--write", help="Write what is shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the suites would become if they were generated tonight; edits win.

    What you added, edited or deleted stays as you left it; new columns and keys get expectations, and those of
    vanished ones go. Prints one diff a file, and writes nothing without --write.

    [bold]Examples[/bold]

      synth-ops suggest
      synth-ops suggest --tables users,orders --write
    """
    from synth_ops.init import suggest as suggest_suites

    suites = suggest_suites(config, tables=table_names(tables), write=write)
    if as_json:
        print_records(suites)
    else:
        _tell_suites(suites, write=write)
    refused = [s.refusal for s in suites if s.state == "refused"]
    if refused:
        raise PlanError("Every suite must parse, however these were left alone:\n" + "\n".join(refused))


def _tell_suites(suites: "Sequence[SuggestedSuite]", *, write: bool) -> None:
    """Print the diffs, what was kept although its subject is gone, and what comes next."""
    for suite in suites:
        if suite.diff:
            print_line(suite.diff.removesuffix("\n"))
        for orphan in suite.orphans:
            print_line(f"{suite.path}: {orphan} is of a column or key that is gone; it is kept, for it was edited")
    changed = [s for s in suites if s.state in ("new", "changed")]
    if not changed:
        print_line("Nothing to do: every suite that parses is what would be generated, and what you made of it.")
    elif write:
        print_line("\n".join(f"wrote {s.path}" for s in changed))
    else:
        print_line(f"{len(changed)} of {len(suites)} files would change: synth-ops suggest --write")


def plan(
    *, config: ConfigPath = DEFAULT_CONFIG, night: Night = None, tables: Tables = None, as_json: AsJson = False
) -> None:
    """Show what tonight would do to each table and column, and why; nothing is run or written.

    [bold]Example[/bold]

      synth-ops plan --config shop/synth.yaml
    """
    from synth_ops.plan import load_config
    from synth_ops.preview import preview
    from synth_ops.refresh import workspace_of

    read = load_config(config)
    planned = preview(read, workspace_of(read, night), tables=table_names(tables))
    if as_json:
        print_records(planned)
        return
    print_rows(("table", "rows", "decision", "why"), [(t.name, f"{t.n_rows:,}", t.decision, t.reason) for t in planned])
    for table in planned:
        print_line(f"\n{table.name}{_whose(table.entity)}")
        print_rows(("column", "fate", "why"), [(c.name, _fate(c), c.reason) for c in table.columns])


def _whose(entity: "Entity") -> str:
    """Say whose a table's rows are, where they are not each their own."""
    columns = ", ".join(entity.columns)
    if entity.through is not None:
        return f" (each row belongs to {entity.through.ref_table}, by {columns})"
    return f" (each row belongs to its {columns})" if columns else ""


def _fate(column: "ColumnPlan") -> str:
    detail = column.provider or (column.kind if column.fate == "learn" and column.kind != "auto" else "")
    return f"{column.fate} ({detail})" if detail else column.fate


def schema() -> None:
    """Print the JSON Schema of synth.yaml, for editors.

    [bold]Example[/bold]

      synth-ops schema > synth.schema.json
    """
    from synth_ops.plan import Config

    print(json.dumps(Config.model_json_schema(), indent=2))
