"""What a model before kept is read from the model before, and from no other."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.measure.learned import Learned, read_learned
from synth_ops.records import Decision, Trained, TrainedTable
from synth_ops.relate import TableSpec
from synth_ops.relate.spec import FkSpec
from synth_ops.workspace import Workspace, write_record, write_text
from tests.synth_ops.relate.databases import key

MAIN = key("user_id", "users", "id")
LABELS = {"old": "before", "new": "tonight"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Leave two models of a table of orders."""
    workspace = Workspace(tmp_path, "shop", "2026-01-02").prepare()
    for model_id, label in LABELS.items():
        folder = workspace.models("orders") / model_id
        table = pa.table({"word": [label] * 20, "day": pa.array([3] * 20, pa.date32())})
        codec = TableCodec.fit(table, {"day": "categorical"}, FitRules(seed=0))
        write_text(folder / "codec.json", json.dumps(codec.to_json()))
        main = FkSpec(foreign_key=MAIN, copied=False, null_share=0.0)
        spec = TableSpec(table="orders", n_rows=20, columns=(), context=(), main=main)
        write_record(folder / "relations.json", spec)
    return workspace


def learned(workspace: Workspace, decision: Decision, parent_id: str | None) -> Learned:
    table = TrainedTable(name="orders", decision=decision, reason="a test", model_id="new", parent_id=parent_id)
    write_record(workspace.record("train"), Trained(night=workspace.night, tables=(table,), seconds=0))
    return read_learned(workspace, "orders")


def test_a_model_begun_from_nothing_had_none_before(workspace: Workspace) -> None:
    assert learned(workspace, "retrain", None) == Learned(main=MAIN, stayed=None, n_rows=20)


@pytest.mark.parametrize(
    ("decision", "parent_id", "word"),
    [("finetune", "old", "before"), ("reuse", "old", "tonight"), ("reuse", None, "tonight")],
)
def test_a_refreshed_model_goes_on_from_its_parent_and_a_reused_one_from_itself(
    workspace: Workspace, decision: Decision, parent_id: str | None, word: str
) -> None:
    found = learned(workspace, decision, parent_id)

    assert found.main == MAIN
    assert found.stayed == {"word": frozenset({word}), "day": frozenset({"1970-01-04"})}


def test_a_parent_that_is_gone_grants_nothing(workspace: Workspace) -> None:
    assert learned(workspace, "finetune", "gone").stayed is None


def test_a_table_that_no_model_of_ours_made_has_no_model(tmp_path: Path) -> None:
    assert read_learned(Workspace(tmp_path, "shop", "2026-01-02"), "orders") == Learned()
