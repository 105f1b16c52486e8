"""Making the paths of a synth.yaml absolute, so that a run from another folder reads and writes the same files."""

import os
from pathlib import Path

_DATABASE_FILES = ("duckdb", "sqlite")
_FOLDERS = ("parquet", "csv")


def absolute_folder(text: str, folder: Path) -> str:
    """Give a folder's absolute path; a URL, or what begins with a variable, is left as it is.

    >>> absolute_folder("./snapshots", Path("/srv/shop")), absolute_folder("s3://bucket/x", Path("/srv/shop"))
    ('/srv/shop/snapshots', 's3://bucket/x')
    """
    if "://" in text or text.startswith("${"):
        return text
    return os.path.normpath(folder / Path(text).expanduser())


def absolute_source(url: str, folder: Path) -> str:
    """Give a source URL whose path, where it has a relative one, is absolute.

    >>> absolute_source("duckdb:///demo/x.duckdb", Path("/srv")), absolute_source("parquet:rows", Path("/srv"))
    ('duckdb:////srv/demo/x.duckdb', 'parquet:/srv/rows')
    """
    scheme, colon, rest = url.partition(":")
    kind = scheme.split("+", 1)[0].lower()
    if colon and kind in _DATABASE_FILES and rest.startswith("///"):
        path, mark, options = rest.removeprefix("///").partition("?")
        return url if path in ("", ":memory:") else f"{scheme}:///{absolute_folder(path, folder)}{mark}{options}"
    if colon and kind in _FOLDERS:
        return f"{scheme}:{rest if rest.startswith('/') else absolute_folder(rest, folder)}"
    return absolute_folder(url, folder) if not colon else url
