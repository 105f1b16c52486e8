"""The commands that make and show a plan."""

import json
from pathlib import Path
from typing import Annotated

import typer

from synth_ops.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, Night
from synth_ops.cli.results import print_json, print_line, print_rows


def init(
    url: Annotated[str, typer.Argument(help="postgresql:// · duckdb:/// · sqlite:/// · mysql:// · parquet:FOLDER")],
    *,
    folder: Annotated[Path, typer.Option("--into", help="Where to write the project.")] = Path(),
) -> None:
    """Look at a database and write a project that runs as it is.

    Writes synth.yaml, the suites under expectations/, and a Dagster and an Airflow pipeline under pipelines/.

    [bold]Examples[/bold]

      synth-ops init duckdb:///shop.duckdb
      synth-ops init 'postgresql://reader:${PGPASSWORD}@db/shop' --into shop
    """
    from synth_ops.init import init as write_project

    print_line(str(write_project(url, folder)))


def plan(*, config: ConfigPath = DEFAULT_CONFIG, night: Night = None, as_json: AsJson = False) -> None:
    """Show what tonight would do to each table, and why; nothing is run.

    [bold]Example[/bold]

      synth-ops plan --config shop/synth.yaml
    """
    from synth_ops.plan import load_config
    from synth_ops.preview import preview

    print(load_config(config), night, as_json, preview, print_json, print_rows)


def schema() -> None:
    """Print the JSON Schema of synth.yaml, for editors.

    [bold]Example[/bold]

      synth-ops schema > synth.schema.json
    """
    from synth_ops.plan import Config

    print(json.dumps(Config.model_json_schema(), indent=2))
