"""The commands on what is published."""

from pathlib import Path
from typing import Annotated

import typer

from synth_ops.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from synth_ops.cli.results import print_json, print_line, print_records, print_rows
from synth_ops.errors import CorruptArtifact, PlanError

snapshots = typer.Typer(name="snapshots", help="List, show and verify what is published.", no_args_is_help=True)

Id = Annotated[str | None, typer.Argument(metavar="SNAPSHOT", help="An id or a night.", show_default="the latest")]
Publish = Annotated[str | None, typer.Option("--publish", metavar="FOLDER", help="Where it is published.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="With --publish: no plan is read.")]


@snapshots.command("list")
def list_all(
    *, config: ConfigPath = DEFAULT_CONFIG, publish: Publish = None, dataset: Dataset = None, as_json: AsJson = False
) -> None:
    """List every snapshot, oldest first; a star marks the one that readers get.

    [bold]Examples[/bold]

      synth-ops snapshots list
      synth-ops snapshots list --publish ./snapshots --dataset shop
    """
    from synth_ops.publish import list_snapshots

    found = list_snapshots(*_place(config, publish, dataset))
    if as_json:
        print_records(found)
        return
    print_rows(
        ("snapshot", "", "verdict", "tables", "rows", "bytes", "created"),
        [
            (s.snapshot, "*" * s.latest, s.verdict or "?", *map(_count, (s.n_tables, s.n_rows, s.n_bytes)), s.created)
            for s in found
        ],
    )


@snapshots.command()
def show(
    snapshot: Id = None,
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    publish: Publish = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
) -> None:
    """Show what one snapshot holds, and what decided it.

    [bold]Example[/bold]

      synth-ops snapshots show 2026-01-31
    """
    from synth_ops.publish import open_snapshot

    found = open_snapshot(*_place(config, publish, dataset), snapshot)
    manifest = found.manifest
    if as_json:
        print_json(manifest)
        return
    print_line(f"{manifest.snapshot}  {manifest.verdict}  created {manifest.created}\n{found.path}")
    print_rows(
        ("table", "rows", "columns", "decision", "model"),
        [
            (t.name, _count(t.n_rows), _count(len(t.columns)), f"{t.decision} ({t.reason})", t.model_id or "")
            for t in manifest.tables
        ],
    )


@snapshots.command()
def verify(
    snapshot: Id = None,
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    publish: Publish = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
) -> None:
    """Read every byte of one snapshot and compare it with its manifest.

    [bold]Example[/bold]

      synth-ops snapshots verify
    """
    from synth_ops.publish import verify_snapshot

    found = verify_snapshot(*_place(config, publish, dataset), snapshot)
    if as_json:
        print_json(found)
    if found.problems:
        raise CorruptArtifact("\n".join(found.problems))
    if not as_json:
        print_line(f"{found.snapshot}: sound, {_count(found.n_files)} files, {_count(found.n_bytes)} bytes")


def _place(config: Path, publish: str | None, dataset: str | None) -> tuple[str, str]:
    """Give the folder and the dataset that the options name, or else the plan."""
    if publish is not None and dataset is not None:
        return publish, dataset
    if publish is not None or dataset is not None:
        raise PlanError("--publish and --dataset must come together, however only one is given. Give both, or neither.")
    from synth_ops.plan import load_config

    plan = load_config(config)
    return str(plan.publish), plan.dataset


def _count(number: int) -> str:
    return f"{number:,}"
