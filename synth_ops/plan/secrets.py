"""Keeping secrets out of synth.yaml: they come by ``${NAME}``, and only where a URL stands."""

import re
from collections.abc import Iterator

from synth_ops.plan.marked import Value
from synth_ops.plan.problems import KeyPath, Problem
from synth_ops.settings import SECRET

WITH_SECRETS: frozenset[KeyPath] = frozenset({("source",), ("publish",)})
"""The keys whose values may name environment variables."""


def secret_problems(data: Value) -> list[Problem]:
    """Find variables where none may stand, malformed ones, and passwords written out."""
    return [p for path, text in _texts(data, ()) for p in _problems_of(path, text)]


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password that is not wholly made of variables.

    >>> has_password("postgresql://bo:hunter2@db/shop"), has_password("postgresql://bo:${PASSWORD}@db/shop")
    (True, False)
    """
    return any(not _VARIABLES.fullmatch(p) for p in _passwords(url))


def _problems_of(path: KeyPath, text: str) -> Iterator[Problem]:
    if path[:1] not in WITH_SECRETS:
        if "${" in text:
            yield Problem(path, "must be written out, for ${NAME} may stand in source and publish only")
        return
    if "${" in SECRET.sub("", text):
        yield Problem(path, "must name variables as ${NAME}, of letters, digits and _, however one is not")
    if has_password(text):
        yield Problem(
            path,
            "must not hold a password, however it does; put the password into an environment variable, and write"
            " ${NAME} in its place",
        )


def _passwords(url: str) -> Iterator[str]:
    """Give what stands where passwords stand: after the user's name, and in options."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.split("+", 1)[0].lower() not in _FILES:
        user, at, _ = rest.partition("?")[0].rpartition("@")
        yield from (user.partition(":")[2],) if at and user.partition(":")[2] else ()
    yield from (m[1] for m in _OPTION.finditer(url))


def _texts(data: Value, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Give every text, keys too, and where it stands."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield (*path, key), ("${" if "${" in key else "")
            yield from _texts(value, (*path, key))
    elif isinstance(data, tuple):
        for position, item in enumerate(data):
            yield from _texts(item, (*path, position))


_FILES = ("duckdb", "sqlite", "parquet", "csv", "file")
_VARIABLES = re.compile(rf"(?:{SECRET.pattern})+")
_OPTION = re.compile(r"(?i)\b\w*(?:password|passwd|pwd|passphrase|secret|token)\w*(?:=|%3D)((?:\$\{\w+\}|[^&;%\s])+)")
