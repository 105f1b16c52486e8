"""Secrets that tests plant in production, and the look for them in every byte of a run that is not private."""

import base64
import re
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CANARY = "zanzibar-canary-7391"
"""A text that one real row holds: it must be nowhere but under ``private/``."""
AMOUNT = 7391746.39
"""Likewise a number."""
_ROUNDED = re.compile(rb"(?<![\w.])%d(?!\w)" % AMOUNT)  # by itself: other digits hold any few


def leaks(folder: Path, *outputs: str) -> list[str]:
    """Give where a secret is, in any spelling: files outside private/ and the source, and outputs."""
    files = (p for p in folder.rglob("*") if p.is_file() and "private" not in p.parts and p.name != "shop.duckdb")
    found = [f"{path}: {how}" for path in files if (how := tells(_content(path)))]
    return found + [o for o in outputs if tells(o.encode())]


def tells(content: bytes) -> str:
    """Give how a secret is spelled in the content, or nothing."""
    known = next((how for how, spelling in spellings() if spelling in content), "")
    return known or ("rounded" if _ROUNDED.search(content) else "")


@cache
def spellings() -> tuple[tuple[str, bytes], ...]:
    """Give the secrets as a library may write them: text of any width, base64, hexadecimal, binary."""
    words = [CANARY.encode(), str(AMOUNT).encode()]
    found = [("as it is", word) for word in words]
    found += [("in UTF-16", word.decode().encode("utf-16-le")) for word in words]
    found += [("in base64", coded) for word in words for coded in _in_base64(word)]
    found += [("in hexadecimal", word.hex().encode()) for word in words]
    found += [("in capitals", CANARY.upper().encode())]
    found += [("with commas", f"{AMOUNT:,}".encode())]
    found += [("in binary", struct.pack(order + "d", AMOUNT)) for order in "<>"]
    return tuple(found)


def _in_base64(word: bytes) -> Iterator[bytes]:
    """Give what stays the same of a word whatever comes before and after it."""
    for before in range(3):
        whole = (before + len(word)) // 3 * 3 - before
        yield base64.b64encode(bytes(before) + word[:whole])[(0, 2, 3)[before] :]


def _content(path: Path) -> bytes:
    """Give a file's bytes, and the values of a Parquet file, which may be compressed."""
    content = path.read_bytes()
    if path.suffix != ".parquet":
        return content
    try:
        return content + str(pq.read_table(path).to_pydict()).encode()
    except (OSError, pa.ArrowInvalid):
        return content
