"""Picking a source by its URL."""

from pathlib import Path

import pytest

from synth_ops.errors import PlanError
from synth_ops.source import open_source
from synth_ops.source.base import without_secrets


@pytest.mark.parametrize("url", ["mongodb://bo:sesame@db/shop", "shop.db", "", "file:///x", "no/such/folder"])
def test_unknown_scheme_lists_the_known_ones(url: str) -> None:
    with pytest.raises(PlanError, match="postgresql:// duckdb:/// sqlite:///") as caught, open_source(url):
        pass
    assert "sesame" not in str(caught.value)


def test_folder_is_read_as_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")

    with open_source(str(tmp_path)) as source:
        assert [t.name for t in source.database().tables] == ["t"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bo:p%40ss@db:5432/shop?sslmode=require", "postgresql://bo@db:5432/shop"),
        ("postgresql://bo:a/b@c@db/shop", None),
        ("postgresql://bo:p[ss@db/shop", None),
        ("postgresql://bo:pass@db:nan/shop", None),
    ],
)
def test_password_is_never_shown(url: str, shown: str | None) -> None:
    found = without_secrets(url)

    assert shown is None or found == shown
    assert not any(secret in found for secret in ("p%40ss", "a/b", "b@c", "p[ss", "pass@"))
