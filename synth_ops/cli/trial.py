"""The quickest trial: one file in, a synthetic one out."""


def copy() -> None:
    """Copy."""
