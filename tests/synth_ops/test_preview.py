from pathlib import Path

import duckdb
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


def test_column_that_a_refresh_would_stop_at_says_so(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("UPDATE users SET plan = 'canary' || id || '@shop.example'")
    config = load_config(plan)
    _, users = preview(config, Workspace(config.workspace, config.dataset, "2026-01-31"))

    reason = next(c.reason for c in users.columns if c.name == "plan")
    assert reason.startswith("100% of its values look like e-mail addresses: refresh stops until")
    assert "{fake: email}" in reason
    assert "canary" not in str(users)
