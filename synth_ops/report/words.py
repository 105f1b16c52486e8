"""Figures and names as a person reads them."""

import re
from collections.abc import Iterable

NONE = "\u2013"
"""What stands where there is no figure."""
MAX_LISTED = 6


def figure(value: float | None) -> str:
    """Give a score in few digits.

    >>> figure(0.01234), figure(1234.5), figure(0.0)
    ('0.0123', '1,234', '0')
    """
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 — where digits stop to matter


def score(value: float | None) -> str:
    """Give an error with as many digits as any other, so that a column of them lines up."""
    return NONE if value is None else f"{value:.4f}"


def count(value: int | None) -> str:
    """Give a number of rows with its thousands apart."""
    return NONE if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """Give a share as a percentage; None is a share too small to tell.

    >>> percent(0.1234), percent(0.0001), percent(0.0), percent(1.0), percent(None)
    ('12.3 %', '< 0.1 %', '0 %', '100 %', 'few')
    """
    if value is None:
        return "few"
    if 0 < value < 0.001:  # noqa: PLR2004 — a tenth of a percent
        return "< 0.1 %"
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def duration(seconds: float) -> str:
    """Give wall time as a person says it.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 — seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 — an hour


def listed(names: Iterable[str]) -> str:
    """Give the first few names, and how many more there are.

    >>> listed(["a", "b"]), listed("abcdefgh")
    ('a, b', 'a, b, c, d, e, f and 2 more')
    """
    every = list(names)
    rest = len(every) - MAX_LISTED
    return ", ".join(every[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def counted(n: int, one: str, many: str) -> str:
    """Give a number with the word that agrees with it.

    >>> counted(1, "check", "checks"), counted(2, "check", "checks")
    ('1 check', '2 checks')
    """
    return f"{n:,} {one if n == 1 else many}"


def title(name: str) -> str:
    """Give an expectation's name as words, without what it is about.

    >>> title("expect_no_more_copies_than_holdout"), title("expect_column_shape_to_follow(plan)")
    ('No more copies than holdout', 'Column shape to follow')
    >>> title("expect_membership_auc_near_chance")
    'Membership AUC near chance'
    """
    bare = re.sub(r"\(.*\)$", "", name, flags=re.DOTALL).removeprefix("expect_")
    words = (bare.replace("_", " ").strip() or name).capitalize()
    return re.sub(r"\bauc\b", "AUC", words)


def unlabelled(text: str) -> str:
    """Take the labels out of a type that enumerates them: rare ones would be among them.

    >>> unlabelled("ENUM('free', 'pro') column"), unlabelled("numeric(12,2) column")
    ('ENUM(…) column', 'numeric(12,2) column')
    """
    return re.sub(r"\(.*'.*\)", "(…)", text, flags=re.DOTALL)
