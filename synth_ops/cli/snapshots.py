"""The commands on what is published."""

import typer

snapshots = typer.Typer(name="snapshots", help="What is published.", no_args_is_help=True)


@snapshots.command("list")
def list_snapshots() -> None:
    """List."""


@snapshots.command("show")
def show() -> None:
    """Show."""
