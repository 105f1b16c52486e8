"""Names of files, assets and tasks made from names of tables, which may hold quotes, slashes and emoji."""

import hashlib
import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


def file_stem(name: str) -> str:
    """Give a file stem for any table name: the name itself where it is plain, else a slug and a hash.

    Two different names never share a stem, on case-insensitive file systems too.

    >>> file_stem("orders")
    'orders'
    >>> file_stem('x"; drop table y')
    'x_drop_table_y-dde42ede'
    """
    if _PLAIN.fullmatch(name) and name == name.lower():
        return name
    slug = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()[:60] or "table"
    return f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def words(names: Sequence[str]) -> Mapping[str, str]:
    """Give each name a word of letters, digits and underscores; a number tells those apart that would be alike.

    >>> words(["users", "a b", "a-b"])
    {'users': 'users', 'a b': 'a_b', 'a-b': 'a_b_2'}
    """
    found: dict[str, str] = {}
    for name in names:
        word = re.sub(r"\W", "_", name, flags=re.ASCII) or "table"
        taken = set(found.values())
        found[name] = next(w for w in (word, *(f"{word}_{i}" for i in range(2, len(names) + 2))) if w not in taken)
    return found
