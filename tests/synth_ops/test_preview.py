from pathlib import Path

import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import load_config
from synth_ops.preview import preview
from synth_ops.workspace import Workspace
from tests.synth_ops.shop import build_shop


def test_preview_shows_rows_decisions_and_fates_and_writes_nothing(tmp_path: Path) -> None:
    config = load_config(build_shop(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    tables = preview(config, Workspace(config.workspace, config.dataset, "2026-01-31"))

    assert [(t.name, t.n_rows, t.decision) for t in tables] == [("orders", 200, "retrain"), ("users", 100, "retrain")]
    assert [t.entity.columns for t in tables] == [("user_id",), ()]
    assert all(c.reason for t in tables for c in t.columns)
    assert sorted(tmp_path.rglob("*")) == before


def test_unknown_chosen_table_is_refused_with_the_nearest(tmp_path: Path) -> None:
    config = load_config(build_shop(tmp_path))

    with pytest.raises(PlanError, match="'users'"):
        preview(config, Workspace(config.workspace, config.dataset, "2026-01-31"), tables=("user",))
