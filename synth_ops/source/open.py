"""Picking the source by its URL."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

from synth_ops.errors import PlanError
from synth_ops.source.base import Source

_OPENERS: Mapping[str, str] = {
    "postgresql": "synth_ops.source.postgres:open_postgres",
    "postgres": "synth_ops.source.postgres:open_postgres",
    "duckdb": "synth_ops.source.duckdb:open_duckdb",
    "sqlite": "synth_ops.source.sqlite:open_sqlite",
    "parquet": "synth_ops.source.files:open_parquet",
    "csv": "synth_ops.source.files:open_csv",
    "mysql": "synth_ops.source.sqlalchemy:open_sqlalchemy",
    "mariadb": "synth_ops.source.sqlalchemy:open_sqlalchemy",
    "oracle": "synth_ops.source.sqlalchemy:open_sqlalchemy",
    "mssql": "synth_ops.source.sqlalchemy:open_sqlalchemy",
}
"""By scheme, ``module:function``: a driver is loaded only when its kind of source is opened."""


def open_source(url: str) -> AbstractContextManager[Source]:
    """Open one consistent, read-only view of the database or folder that the URL names.

    Raises:
        PlanError: nothing reads such a URL.
        SourceError: it is not there, or it does not let us in.
    """
    scheme = _scheme(url)
    if scheme not in _OPENERS:
        raise PlanError(
            "source must begin with one of postgresql:// duckdb:/// sqlite:/// mysql:// parquet: csv:"
            f" or be an existing folder, however it begins with {scheme or 'no scheme'!r}."
            " Correct `source` in synth.yaml; a file of a database is written duckdb:///path or sqlite:///path."
        )
    module, function = _OPENERS[scheme].split(":")
    opener: Callable[[str], AbstractContextManager[Source]] = getattr(import_module(module), function)
    return opener(url)


def _scheme(url: str) -> str:
    """Give the scheme in lower case, without SQLAlchemy's driver suffix; for a folder, what its files are."""
    head, colon, _ = url.partition(":")
    scheme = head.split("+", 1)[0].lower() if colon else ""
    if scheme in _OPENERS or not url or not Path(url).is_dir():
        return scheme
    return "parquet" if any(Path(url).rglob("*.parquet")) else "csv"
