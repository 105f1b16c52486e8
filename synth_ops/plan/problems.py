"""What is wrong with a synth.yaml: every problem in one error, each with its line."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synth_ops.errors import PlanError

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("tables", "users", "columns", "email")``."""


@dataclass(frozen=True)
class Problem:
    """One thing to correct."""

    path: KeyPath
    what: str
    """What must hold, however what came: it is read after the key's name."""


def unknown(came: str, known: Iterable[str], noun: str) -> str:
    """Say that a word is none of those that there are, and which is the nearest.

    >>> unknown("cpoy", ("synthesize", "copy", "skip"), "mode")
    "must be a mode: copy, skip or synthesize, however: 'cpoy'; the nearest is 'copy'"
    """
    words = sorted(known)
    if not words:
        return f"must be a {noun}, however there is none, and: {came!r}"
    listed = _listed(words) if len(words) <= _MOST_LISTED else f"one of {len(words)}"
    return f"must be a {noun}: {listed}, however: {came!r}; the nearest is {nearest(came, words)!r}"


def nearest(came: str, words: Sequence[str]) -> str:
    """Give the word that is most like it, whatever its case."""
    lower = {w.lower(): w for w in reversed(words)}
    return lower[difflib.get_close_matches(came.lower(), lower, n=1, cutoff=0.0)[0]]


def refuse(file: str, problems: Sequence[tuple[int, Problem]]) -> PlanError:
    """Give the one error that lists every problem, by line."""
    count = "one thing does" if len(problems) == 1 else f"{len(problems)} things do"
    lines = [f"  {file}:{line}: {_key(p.path)}{p.what}" for line, p in sorted(problems, key=lambda x: x[0])]
    headline = f"synth.yaml must say what can be done, however {count} not. Correct it and run the same command again:"
    return PlanError("\n".join((headline, *lines)))


def _key(path: KeyPath) -> str:
    """Write the path with dots, and positions in brackets."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")
    return f"{text} " if text else ""


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


_MOST_LISTED = 12
