"""Durations as a person writes them: ``90s``, ``5m``, ``1h30m``."""

import re

PATTERN = r"(?=\d)(\d+h)?(\d+m)?(\d+(?:\.\d+)?s)?"
"""Hours, minutes, seconds, in this order; each may be left out, and not all."""


def parse_duration(text: str) -> float:
    """Give the seconds.

    >>> parse_duration("1h30m"), parse_duration("0.5s")
    (5400.0, 0.5)

    Raises:
        ValueError: it is no duration, or lasts no time at all.
    """
    match = re.fullmatch(PATTERN, text, re.ASCII)
    if match is None:
        raise ValueError(text)
    hours, minutes, seconds = (float(part[:-1]) if part else 0.0 for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise ValueError(text)
    return total


def format_duration(seconds: float) -> str:
    """Write seconds so that `parse_duration` gives them back.

    >>> format_duration(5400), format_duration(90.5)
    ('1h30m', '1m30.5s')
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    last = f"{rest:f}".rstrip("0").rstrip(".") if rest or not (hours or minutes) else ""
    return "".join(f"{part}{unit}" for part, unit in ((hours or "", "h"), (minutes or "", "m"), (last, "s")) if part)
