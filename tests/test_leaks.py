"""The look for secrets sees them however they are written, and sees none where there are none."""

import base64
import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.leaks import AMOUNT, CANARY, leaks


@pytest.mark.parametrize(
    "content",
    [
        f"note: {CANARY}.".encode(),
        f"a,{CANARY.upper()}".encode(),
        json.dumps({"note": CANARY}).encode("utf-16"),
        *(base64.b64encode(b"x" * n + CANARY.encode() + b"y" * n) for n in range(4)),
        *(base64.b64encode(f"{'1' * n} {AMOUNT}, 2".encode()) for n in range(3)),
        CANARY.encode().hex().encode(),
        f"max {AMOUNT}".encode(),
        f"max {AMOUNT:,.2f}".encode(),
        f"max {round(AMOUNT)}".encode(),
        struct.pack("<3d", 1.0, AMOUNT, 2.0),
    ],
)
def test_a_secret_in_any_spelling_is_a_leak(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    (found,) = leaks(tmp_path)
    assert found.startswith(str(tmp_path / "file"))


def test_a_secret_among_compressed_values_is_a_leak(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [AMOUNT, 1.0] * 500}), tmp_path / "t.parquet", compression="zstd")

    assert len(leaks(tmp_path)) == 1


def test_what_is_private_or_says_something_else_is_no_leak(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "rows").write_text(CANARY)
    (tmp_path / "report.html").write_text("zanzibar 7391.7 39")

    assert leaks(tmp_path, "canary") == []
    assert leaks(tmp_path, f"said {CANARY}") == [f"said {CANARY}"]
