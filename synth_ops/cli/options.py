"""The options that commands share, said once."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("synth.yaml")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The plan.", show_default="./synth.yaml")]
Night = Annotated[
    str | None, typer.Option("--night", "-n", metavar="DATE", help="The night, YYYY-MM-DD.", show_default="today")
]
Tables = Annotated[
    str | None,
    typer.Option("--tables", "-t", metavar="A,B", help="Learn these anew if need be; the others keep their models."),
]
Device = Annotated[str, typer.Option("--device", "-d", help="Where models run: auto, cpu, cuda, cuda:1.")]
AcceptSchema = Annotated[
    bool, typer.Option("--accept-schema", help="Go on although tables or columns changed since the last night.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the record as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="One line a step on stderr, no live table.")]


def table_names(tables: str | None) -> tuple[str, ...] | None:
    """Split ``a,b`` into names; None stays None: all tables.

    >>> table_names("users, orders")
    ('users', 'orders')
    """
    return None if tables is None else tuple(name.strip() for name in tables.split(",") if name.strip())
