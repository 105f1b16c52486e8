"""Figures as they may be shown: few digits, and none that a handful of rows would be read off."""

N_DIGITS = 3


def rounded(figure: float, n_digits: int = N_DIGITS) -> float:
    """Round to so many significant digits: more than three would tell of single rows.

    >>> rounded(0.123456), rounded(336776), rounded(0.0)
    (0.123, 337000.0, 0.0)
    """
    return float(f"{figure:.{n_digits}g}")


def rounded_count(n: int) -> int:
    """Round a number of rows.

    >>> rounded_count(336776), rounded_count(41)
    (337000, 41)
    """
    return int(rounded(n))


def shown_share(part: int, whole: int, k: int) -> float | None:
    """Give a share rounded, or None where fewer than `k` rows are on either side of it and not none.

    >>> shown_share(1234, 10_000, 10), shown_share(0, 50, 10), shown_share(3, 50, 10), shown_share(48, 50, 10)
    (0.123, 0.0, None, None)
    """
    if 0 < part < k or 0 < whole - part < k:
        return None
    return rounded(part / whole) if whole else 0.0
