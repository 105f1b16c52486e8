"""Nights of a small shop under a privacy budget, by the steps that a refresh takes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from synth_ops.errors import BudgetSpent, LedgerBroken
from synth_ops.plan import load_config
from synth_ops.preview import preview
from synth_ops.records import Sampled, Trained, TrainedTable
from synth_ops.refresh import Options, take_step, workspace_of
from synth_ops.spending import ledger_of
from synth_ops.workspace import Workspace
from tests import interpreter

N_USERS = 10_000
NIGHT = "2026-01-01"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write users, each of a city of its own, and orders of some."""
    source = tmp_path_factory.mktemp("source") / "shop.duckdb"
    with duckdb.connect(str(source)) as connection:
        connection.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL, age INTEGER, nick VARCHAR);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), total DOUBLE)"
        )
        connection.execute(
            "INSERT INTO users SELECT i, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END,"
            " CASE WHEN i % 3 = 0 THEN 20 ELSE 50 END + i % 7, 'canary-' || i FROM range(1, ? + 1) r(i)",
            [N_USERS],
        )
        connection.execute(
            "INSERT INTO orders SELECT i, CASE WHEN i % 4 = 0 THEN NULL ELSE i END, i % 90 + 0.5"
            " FROM range(1, 2001) r(i)"
        )
    return source


def project(folder: Path, source: Path, privacy: str) -> Path:
    path = folder / "synth.yaml"
    kept = folder / "shop.duckdb"
    if not kept.exists():
        kept.write_bytes(source.read_bytes())
    columns = "tables: {users: {columns: {nick: {kind: categorical}}}}"
    path.write_text(f"dataset: shop\nsource: duckdb:///{kept}\npublish: out\n{columns}\nprivacy: {{{privacy}}}\n")
    return path


def trained(plan: Path, night: str = NIGHT) -> dict[str, TrainedTable]:
    take_step("extract", load_config(plan), night)
    record = take_step("train", load_config(plan), night, options=Options(device="cpu"))
    assert isinstance(record, Trained)
    return {t.name: t for t in record.tables}


def space(plan: Path, night: str = NIGHT) -> Workspace:
    return workspace_of(load_config(plan), night)


def change_rows(plan: Path, n: int) -> None:
    with duckdb.connect(str(plan.parent / "shop.duckdb")) as connection:
        connection.execute("UPDATE users SET age = age + 1 WHERE id = ?", [n])
        connection.execute("UPDATE orders SET total = total + 1 WHERE id = ?", [n])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, rows: Path) -> tuple[Path, dict[str, TrainedTable]]:
    """Train one night, once for all tests that only look."""
    plan = project(tmp_path_factory.mktemp("shop"), rows, "epsilon: 3, delta: 1e-6, epsilon_max: 4")
    return plan, trained(plan)


def test_record_says_what_was_spent_tonight_and_in_all(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    _, tables = first

    for table in tables.values():
        assert table.decision == "retrain"
        assert table.spent is not None
        assert 2.99 < table.spent.epsilon <= 3.0
        assert table.spent.total == pytest.approx(table.spent.epsilon)
        assert (table.spent.delta, table.spent.most, table.spent.unit) == (1e-6, 4.0, "row")


def test_no_loss_and_no_exact_count_is_told(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, tables = first
    users = tables["users"]
    folder = space(plan).models("users") / str(users.model_id)

    assert (users.loss, users.losses, users.drift) == (None, (), None)
    assert not (folder / "familiar.json").exists()
    n_rows = json.loads((folder / "relations.json").read_text())["n_rows"]
    assert n_rows == pytest.approx(N_USERS, abs=300)
    assert n_rows != N_USERS


def test_no_singleton_of_ten_thousand_is_in_any_file_of_the_model(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, tables = first
    folder = space(plan).models("users") / str(tables["users"].model_id)
    content = b"".join(path.read_bytes() for path in folder.iterdir())

    assert b"canary" not in content
    assert b"paid" in content, "what many rows hold is there"


def test_copy_follows_the_table_without_a_word_of_its_rows(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, _ = first
    assert isinstance(take_step("sample", load_config(plan), NIGHT, options=Options(device="cpu")), Sampled)
    users, orders = (pq.read_table(space(plan).synthetic(t)).to_pandas() for t in ("users", "orders"))

    assert len(users) == pytest.approx(N_USERS, abs=300)
    assert (users["plan"] == "paid").mean() == pytest.approx(2 / 3, abs=0.2)  # noise is another each time
    assert not users["nick"].str.contains("canary").any()
    assert users["age"].between(16, 66).mean() > 0.95
    assert orders["user_id"].isna().mean() == pytest.approx(0.25, abs=0.1)
    assert set(orders["user_id"].dropna()) <= set(users["id"])


def test_unchanged_rows_cost_nothing_more(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, before = first
    again = trained(plan, "2026-01-02")

    for name, table in again.items():
        assert (table.decision, table.model_id) == ("reuse", before[name].model_id)
        assert table.spent is not None
        assert (table.spent.epsilon, table.spent.total) == (0.0, before[name].spent.total)  # type: ignore[union-attr]


def test_at_the_cap_rows_that_changed_keep_the_model_and_the_plan_says_so(
    first: tuple[Path, dict[str, TrainedTable]],
) -> None:
    plan, before = first
    change_rows(plan, 5)
    shown = {t.name: t for t in preview(load_config(plan), space(plan, "2026-01-03"))}
    kept = trained(plan, "2026-01-03")

    for name, table in kept.items():
        assert (table.decision, table.model_id) == ("reuse", before[name].model_id)
        assert "rows changed, however ε is 3 of at most 4" in table.reason
        assert "the last model is sampled again" in table.reason
        assert shown[name].reason == table.reason
        assert len(ledger_of(space(plan), name).lines()) == 2


def test_edited_ledger_stops_training_with_its_line(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, _ = first
    path = ledger_of(space(plan), "orders").path
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"steps":', b'"steps":1', 1))
    change_rows(plan, 6)

    with pytest.raises(LedgerBroken, match=r"line 1 of .*orders\.jsonl is not as it was written"):
        trained(plan, "2026-01-04")
    path.write_bytes(content)


def test_missing_ledger_of_a_model_stops_training(first: tuple[Path, dict[str, TrainedTable]]) -> None:
    plan, _ = first
    ledger = ledger_of(space(plan), "orders")
    contents = {path: path.read_bytes() for path in (ledger.path, ledger.head_path)}
    for path in contents:
        path.unlink()

    with pytest.raises(LedgerBroken, match="a model was made that it knows nothing of"):
        trained(plan, "2026-01-04")
    for path, content in contents.items():
        path.write_bytes(content)


def test_no_training_is_begun_that_does_not_fit_and_has_no_model_to_fall_back_on(tmp_path: Path, rows: Path) -> None:
    """What was spent without leaving a model: it may have been read."""
    plan = project(tmp_path, rows, "epsilon: 3, delta: 1e-6, epsilon_max: 3.5")
    take_step("extract", load_config(plan), NIGHT)
    worker = killed_in_training(plan)
    change_rows(plan, 5)
    take_step("extract", load_config(plan), "2026-01-02")

    assert worker != 0
    with pytest.raises(BudgetSpent, match="there is no model to sample again"):
        take_step("train", load_config(plan), "2026-01-02", options=Options(device="cpu"))


def killed_in_training(plan: Path) -> int:
    """Kill a night's training once its first table has been charged, and give the exit code."""
    command = [sys.executable, "-m", "synth_ops", "train", "--night", NIGHT, "--config", str(plan), "--quiet"]
    environment = {**os.environ, **interpreter.COLD, "PYTHONPATH": os.pathsep.join(sys.path)}
    ledger = ledger_of(space(plan), "orders")
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            if ledger.path.is_file() and ledger.path.read_bytes().count(b'"charged"'):
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.02)
        return process.wait()


def test_killed_training_is_taken_up_without_a_second_charge(tmp_path: Path, rows: Path) -> None:
    plan = project(tmp_path, rows, "epsilon: 3, delta: 1e-6, epsilon_max: 3.5")
    take_step("extract", load_config(plan), NIGHT)
    code = killed_in_training(plan)
    tables = trained(plan)

    assert code == -signal.SIGKILL
    assert [line.state for line in ledger_of(space(plan), "orders").lines()] == ["reserved", "charged"]
    assert tables["orders"].decision == "retrain"
    assert tables["orders"].spent.total == pytest.approx(3.0, abs=0.01)  # type: ignore[union-attr]
