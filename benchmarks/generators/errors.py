"""What ends the benchmark before it begins."""


class NotReady(Exception):
    """A table, the judge or an environment is missing."""
