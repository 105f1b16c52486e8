import json
from pathlib import Path

import duckdb
import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import load_config
from synth_ops.records import Trained, TrainedTable
from synth_ops.refresh import Options, take_step, workspace_of
from tests.synth_ops.shop import build_shop


def trained(plan: Path, night: str, *, tables: tuple[str, ...] | None = None) -> dict[str, TrainedTable]:
    """Extract and train one night, and give each table's record."""
    config = load_config(plan)
    take_step("extract", config, night)
    record = take_step("train", config, night, options=Options(tables=tables))
    assert isinstance(record, Trained)
    return {t.name: t for t in record.tables}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return build_shop(tmp_path, n_users=60)


def add_orders(shop: Path, n_orders: int) -> None:
    with duckdb.connect(str(shop.parent / "shop.duckdb")) as connection:
        connection.execute(
            "INSERT INTO orders SELECT 1000 + i, 1 + i % 60, round(sqrt(i) * 3, 2) FROM range(1, ? + 1) r(i)",
            [n_orders],
        )


def test_unchanged_rows_reuse_and_a_few_new_ones_finetune(shop: Path) -> None:
    """A warm start keeps codec and clusters, or the weights would no longer mean what they meant."""
    first = trained(shop, "2026-01-01")
    same = trained(shop, "2026-01-02")
    add_orders(shop, 12)
    warm = trained(shop, "2026-01-03")

    assert [t.decision for t in first.values()] == ["retrain", "retrain"]
    assert [t.decision for t in same.values()] == ["reuse", "reuse"]
    assert [t.decision for t in warm.values()] == ["finetune", "finetune"]
    assert {n: t.parent_id for n, t in warm.items()} == {n: t.model_id for n, t in first.items()}
    models = workspace_of(load_config(shop), "2026-01-03").models("orders")
    codecs = {(models / str(t["orders"].model_id) / "codec.json").read_text() for t in (first, warm)}
    assert len(codecs) == 1


def test_a_table_that_was_not_chosen_keeps_its_model(shop: Path) -> None:
    first = trained(shop, "2026-01-01")
    add_orders(shop, 12)

    chosen = trained(shop, "2026-01-02", tables=("orders",))

    assert chosen["orders"].decision == "finetune"
    assert chosen["users"].model_id == first["users"].model_id


def test_a_model_is_plain_files_and_no_pickle(shop: Path) -> None:
    trained(shop, "2026-01-01")
    models = workspace_of(load_config(shop), "2026-01-01").models("users")
    latest = json.loads((models / "latest.json").read_text())

    names = sorted(p.name for p in (models / latest["model_id"]).iterdir())

    assert names == ["codec.json", "losses.json", "model.json", "model.safetensors", "relations.json"]


def test_choosing_an_unknown_table_names_those_there_are(shop: Path) -> None:
    with pytest.raises(PlanError, match="users"):
        trained(shop, "2026-01-01", tables=("user",))
