import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from synth_ops.derived import Derived
from synth_ops.encode import FitRules, TableCodec
from synth_ops.plan.plan import ColumnPlan, TablePlan
from synth_ops.records import Trained, TrainedTable
from synth_ops.relate import TableSpec
from synth_ops.report.handling import Handled, Learned, collect_handled, read_learned
from synth_ops.schema import Table
from synth_ops.workspace import Workspace, write_record, write_text

K = 10
N = 1000
RARE = "rare-canary"


def rows() -> pa.Table:
    """Give a table whose rare and extreme values are known: 30 rare labels of 3 rows, and ten beyond each end."""
    labels = ["a"] * 500 + ["b"] * 410 + [f"{RARE}-{i // 3}" for i in range(90)]
    start = datetime(2026, 1, 1)
    return pa.table(
        {
            "id": range(N),
            "label": labels,
            "amount": [float(i) for i in range(N)],
            "at": [start + timedelta(seconds=i) for i in range(N)],
            "double": [2.0 * i for i in range(N)],
            "email": ["x"] * N,
            "few": ["c"] * (N - 3) + [f"{RARE}-few"] * 3,
        }
    )


def plan() -> TablePlan:
    fates = {"id": "mint", "email": "fake"}
    columns = tuple(
        ColumnPlan.model_validate({"name": c, "fate": fates.get(c, "learn"), "reason": "ENUM('secret') column"})
        for c in rows().column_names
    )
    return TablePlan(name="users", columns=columns, table=Table(name="users", columns=()))


def learned() -> Learned:
    derived = Derived(column="double", kind="ratio", sources=("amount",), arrow_type="double")
    spec = TableSpec(table="users", n_rows=N, columns=(), context=(), derived=(derived,))
    codec = TableCodec.fit(rows().select(["label", "amount", "at", "few"]), {}, FitRules(rare_below=K, seed=0))
    return Learned(codec=codec.to_json(), spec=spec)


def handled(name: str) -> Handled:
    return next(h for h in collect_handled(plan(), rows(), learned(), K) if h.name == name)


def test_rare_labels_are_said_to_be_pooled_with_their_share() -> None:
    assert (handled("label").treatment, handled("label").share, handled("label").n_kept) == ("pooled", 0.09, 2)


def test_extremes_are_said_to_be_clipped_with_their_share() -> None:
    found = handled("amount")

    assert found.treatment == "clipped"
    assert found.share == 0.018, "nine rows beyond either end"


def test_a_share_of_few_rows_is_withheld() -> None:
    assert (handled("few").treatment, handled("few").share) == ("pooled", None)


def test_derived_and_unlearned_columns_are_said_to_be_so() -> None:
    assert handled("double").sources == ("amount",)
    assert (handled("email").fate, handled("email").kind) == ("fake", None)


def test_no_value_and_no_enumerated_label_is_told() -> None:
    told = " ".join(h.model_dump_json() for h in collect_handled(plan(), rows(), learned(), K))

    assert "canary" not in told
    assert "secret" not in told


def test_without_a_model_the_plan_is_told_alone() -> None:
    found = collect_handled(plan(), rows(), None, K)

    assert [h.fate for h in found] == [c.fate for c in plan().columns]
    assert {h.treatment for h in found} == {None}


def test_what_the_model_of_tonight_was_fitted_to_is_read_from_its_folder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "shop", "2026-01-31").prepare()
    table = TrainedTable(name="users", decision="reuse", reason="-", model_id="m")
    write_record(workspace.record("train"), Trained(night="2026-01-31", tables=(table,), seconds=0))
    assert read_learned(workspace, "users") is None

    write_text(workspace.models("users") / "m" / "codec.json", json.dumps(learned().codec))
    write_record(workspace.models("users") / "m" / "relations.json", learned().spec)

    assert read_learned(workspace, "users") == learned()
    assert read_learned(workspace, "orders") is None
