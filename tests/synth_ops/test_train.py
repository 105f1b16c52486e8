import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import load_config
from synth_ops.plan.plan import Entity
from synth_ops.policy import Refusal
from synth_ops.records import Extracted, ExtractedTable, Trained, TrainedTable
from synth_ops.refresh import Options, take_step, workspace_of
from synth_ops.train import fingerprint_for
from synth_ops.workspace import read_salt, write_record
from tests.synth_ops.relate.databases import key, plan_of, rows_of, table
from tests.synth_ops.shop import build_shop


def trained(plan: Path, night: str, *, tables: tuple[str, ...] | None = None) -> dict[str, TrainedTable]:
    """Extract and train one night, and give each table's record."""
    config = load_config(plan)
    take_step("extract", config, night, options=Options(accept_schema=True))
    record = take_step("train", config, night, options=Options(tables=tables))
    assert isinstance(record, Trained)
    return {t.name: t for t in record.tables}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return build_shop(tmp_path, n_users=60)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """One table, of enough rows to learn how columns go together."""
    shop = build_shop(tmp_path, n_users=200)
    run(shop, "DROP TABLE orders")
    source = f"duckdb:///{tmp_path / 'shop.duckdb'}"
    shop.write_text(f"dataset: shop\nsource: {source}\npublish: out\ndefaults: {{time_budget: 1s}}\n")
    return shop


def run(shop: Path, *statements: str) -> None:
    with duckdb.connect(str(shop.parent / "shop.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def add_orders(shop: Path, n_orders: int) -> None:
    rows = f"SELECT 1000 + i, 1 + i % 60, round(sqrt(i) * 9, 2) FROM range(1, {n_orders} + 1) r(i)"
    run(shop, f"INSERT INTO orders {rows}")


def reuse_below(shop: Path, drift: float) -> None:
    """Keep models below that much drift, and never begin anew for it."""
    limits = f"{{reuse_below: {{novelty: {drift}, nats: {drift}}}, retrain_above: {{novelty: 1, nats: 1000}}}}"
    shop.write_text(shop.read_text() + f"\npolicy: {limits}\n")


def codec_of(shop: Path, table: TrainedTable) -> str:
    models = workspace_of(load_config(shop), "2026-01-01").models(table.name)
    return (models / str(table.model_id) / "codec.json").read_text()


def test_unchanged_rows_reuse_and_a_few_new_ones_finetune(shop: Path) -> None:
    """A warm start fits its codes on tonight's rows: what is rare tonight is pooled tonight."""
    reuse_below(shop, 0.0)
    first = trained(shop, "2026-01-01")
    same = trained(shop, "2026-01-02")
    add_orders(shop, 60)
    warm = trained(shop, "2026-01-03")

    assert [t.decision for t in first.values()] == ["retrain", "retrain"]
    assert [t.decision for t in same.values()] == ["reuse", "reuse"]
    assert [t.decision for t in warm.values()] == ["finetune", "finetune"]
    assert {n: t.parent_id for n, t in warm.items()} == {n: t.model_id for n, t in first.items()}
    assert codec_of(shop, first["orders"]) != codec_of(shop, warm["orders"])


def test_rows_that_say_nothing_new_keep_the_model_and_are_not_looked_at_again(users: Path) -> None:
    reuse_below(users, 0.5)
    first = trained(users, "2026-01-01")["users"]
    run(users, "UPDATE users SET age = age + 1 WHERE id % 40 = 0")

    drifted = trained(users, "2026-01-02")["users"]
    same = trained(users, "2026-01-03")["users"]

    assert (drifted.decision, drifted.model_id) == ("reuse", first.model_id)
    assert drifted.drift is not None
    assert drifted.drift.novelty < 0.05
    assert "nothing new" in drifted.reason
    assert (same.decision, same.model_id, same.reason) == ("reuse", first.model_id, "nothing changed")


def test_rows_of_another_world_are_learned_anew(users: Path) -> None:
    trained(users, "2026-01-01")
    run(users, "UPDATE users SET age = 5000 + age")

    far = trained(users, "2026-01-02")["users"]

    assert (far.decision, far.parent_id) == ("retrain", None)
    assert far.drift is not None
    assert far.drift.novelty > 0.8  # a tenth of the rows was pooled before
    assert far.drift.column is not None
    assert "age" in far.drift.column


def test_a_model_survives_changes_of_schema_night_after_night(users: Path) -> None:
    nights = {
        "'score' came": (
            "ALTER TABLE users ADD COLUMN score INTEGER",
            "UPDATE users SET score = id % 4",
            "UPDATE users SET plan = 'trial' WHERE id % 5 = 0",
        ),
        "'age' changed type": ("ALTER TABLE users ALTER age TYPE BIGINT", "UPDATE users SET age = age + 10"),
        "'age' went": ("ALTER TABLE users DROP COLUMN age", "UPDATE users SET plan = 'paid' WHERE plan = 'free'"),
    }
    before = trained(users, "2026-01-01")["users"]
    for day, (said, statements) in enumerate(nights.items(), start=2):
        run(users, *statements)
        night = f"2026-01-0{day}"

        after = trained(users, night)["users"]

        assert (after.decision, after.parent_id) == ("finetune", before.model_id)
        assert said in after.reason
        before = after
    take_step("sample", load_config(users), night)
    copy = pq.read_table(workspace_of(load_config(users), night).synthetic("users"))
    assert copy.column_names == ["id", "plan", "score"]
    assert set(copy["plan"].to_pylist()) == {"paid", "trial"}
    assert set(copy["score"].to_pylist()) <= {0, 1, 2, 3, None}


def test_what_a_person_keeps_from_a_model_is_forgotten(users: Path) -> None:
    trained(users, "2026-01-01")
    users.write_text(users.read_text() + "tables:\n  users: {columns: {plan: {mint: true}}}\n")

    after = trained(users, "2026-01-02")["users"]

    assert (after.decision, after.parent_id) == ("retrain", None)
    assert "'plan' must not be learned any more" in after.reason


def test_a_refused_copy_takes_its_model_one_step_up(users: Path) -> None:
    first = trained(users, "2026-01-01")["users"]
    models = workspace_of(load_config(users), "2026-01-01").models("users")

    def after_refusal(table: TrainedTable) -> TrainedTable:
        refusal = Refusal(model_id=str(table.model_id), decision=table.decision, checks=("a check",))
        write_record(models / "refused.json", refusal)
        return trained(users, "2026-01-02")["users"]

    kept = trained(users, "2026-01-02")["users"]
    warm = after_refusal(kept)
    anew = after_refusal(warm)
    still = after_refusal(anew)

    assert [t.decision for t in (kept, warm, anew)] == ["reuse", "finetune", "retrain"]
    assert warm.parent_id == first.model_id
    assert (still.model_id, "a check" in anew.reason) == (anew.model_id, True)


def test_a_table_that_was_not_chosen_keeps_its_model(shop: Path) -> None:
    reuse_below(shop, 0.0)
    first = trained(shop, "2026-01-01")
    add_orders(shop, 12)

    chosen = trained(shop, "2026-01-02", tables=("orders",))

    assert chosen["orders"].decision == "finetune"
    assert chosen["users"].model_id == first["users"].model_id


def test_a_model_is_plain_files_and_no_pickle(users: Path) -> None:
    trained(users, "2026-01-01")
    models = workspace_of(load_config(users), "2026-01-01").models("users")
    latest = json.loads((models / "latest.json").read_text())

    names = sorted(p.name for p in (models / latest["model_id"]).iterdir())

    assert names == [
        "codec.json",
        "familiar.json",
        "losses.json",
        "model.json",
        "model.safetensors",
        "relations.json",
    ]
    (models / "latest.json").write_text("{}")
    assert trained(users, "2026-01-02")["users"].reason == "no model yet"


def test_choosing_an_unknown_table_names_those_there_are(shop: Path) -> None:
    with pytest.raises(PlanError, match="users"):
        trained(shop, "2026-01-01", tables=("user",))


def test_a_model_of_another_salt_is_begun_anew(users: Path) -> None:
    first = trained(users, "2026-01-01")["users"]
    here = workspace_of(load_config(users), "2026-01-01")
    salt = read_salt(here)
    same = trained(users, "2026-01-02")["users"]
    here.salt.unlink()

    other = trained(users, "2026-01-02")["users"]

    assert (same.decision, same.model_id) == ("reuse", first.model_id)
    assert (other.decision, other.parent_id) == ("retrain", None)
    assert "another salt" in other.reason
    assert read_salt(here) != salt
    files = [p for p in users.parent.rglob("*") if p.is_file() and p.suffix != ".duckdb"]
    assert not [p for p in files if salt.key.hex().encode() in p.read_bytes()]


def test_what_moves_a_row_to_another_entity_is_a_change_of_its_rows() -> None:
    """An item's user is told by orders and accounts, so that a model of items must notice a change of either."""
    chain = {"items": "orders", "orders": "accounts", "accounts": "users"}
    rows = rows_of("id", id=[1], up=[1])
    tables = [table("users", rows, "id")]
    for name, parent in chain.items():
        to_parent = key("up", parent, "id")
        owned = {"entity": Entity(columns=("up",), through=to_parent)}
        tables.append(table(name, rows, "id", [to_parent]).model_copy(update=owned))
    plan = plan_of(*tables)

    def fingerprint(changed: str) -> str:
        found = tuple(
            ExtractedTable(name=t.name, path="", n_rows=1, fingerprint="2" if t.name == changed else "1")
            for t in tables
        )
        extracted = Extracted(night="2026-01-01", tables=found, fingerprint="", seconds=0)
        return fingerprint_for(plan, plan.table("items"), extracted)

    assert len({fingerprint(name) for name in ("", "items", "orders", "accounts", "users")}) == 5
