from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from synth_ops.errors import PlanError
from synth_ops.publish import publish
from tests.synth_ops.publish.nights import HOSTILE, USERS, make_night

pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

import dagster as dg

from synth_ops.dagster.snapshot_resource import SnapshotResource

OLD, NEW = "2026-01-30", "2026-01-31"


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """Publish two nights, the first one twice."""
    night = partial(make_night, tmp_path / "work", str(tmp_path / "snapshots"))
    for name, rows in ((OLD, 20), (OLD, 30), (NEW, 40)):
        publish(night(name, rows=rows))
    return tmp_path / "snapshots"


def test_opens_the_latest_the_newest_of_a_night_and_the_one_of_an_id(snapshots: Path) -> None:
    resource = _resource(publish=str(snapshots), dataset="shop")
    named = resource.open().id

    assert resource.open().night == NEW
    assert resource.open(OLD).id.startswith(f"{OLD}-002-")
    assert resource.open(snapshot=named).id == named


def test_reads_arrow_pandas_and_duckdb(snapshots: Path) -> None:
    resource = _resource(publish=str(snapshots), dataset="shop")

    assert resource.table("users").schema == USERS
    assert isinstance(resource.table(HOSTILE, OLD), pa.Table)
    assert isinstance(resource.pandas("users"), pd.DataFrame)
    assert len(resource.pandas("users", OLD)) == 30
    assert resource.duckdb("users").aggregate("count(*)").fetchall() == [(40,)]


def test_duckdb_relations_of_one_connection_join(snapshots: Path) -> None:
    resource = _resource(publish=str(snapshots), dataset="shop")
    with duckdb.connect() as connection:
        users = resource.duckdb("users", connection=connection).set_alias("u")
        orders = resource.duckdb(HOSTILE, connection=connection).set_alias("o")

        assert users.join(orders, "u.id = o.user_id").aggregate("count(*)").fetchall() == [(40,)]


def test_reads_the_columns_that_are_asked_for(snapshots: Path) -> None:
    resource = _resource(publish=str(snapshots), dataset="shop")

    assert resource.table(HOSTILE, columns=["paid", "id"]).column_names == ["paid", "id"]
    assert list(resource.pandas("users", columns=["plan"])) == ["plan"]
    assert resource.duckdb("users", columns=["plan"]).columns == ["plan"]


def test_synth_yaml_says_where(snapshots: Path, tmp_path: Path) -> None:
    (tmp_path / "synth.yaml").write_text("dataset: shop\nsource: duckdb:///shop.duckdb\npublish: ./snapshots\n")

    assert _resource(config=str(tmp_path / "synth.yaml")).open().night == NEW


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "given nothing"),
        ({"publish": "x"}, "given publish"),
        ({"dataset": "shop"}, "given dataset"),
        ({"config": "synth.yaml", "dataset": "shop"}, "given dataset and config"),
    ],
)
def test_it_is_told_where_in_exactly_one_way(fields: dict[str, str], told: str) -> None:
    with pytest.raises(PlanError, match=rf"one of two ways, however it was {told}\. Give publish and dataset, or"):
        _resource(**fields)


def test_night_and_id_together_are_an_error(snapshots: Path) -> None:
    with pytest.raises(PlanError, match="by its night or by its id, however both came"):
        _resource(publish=str(snapshots), dataset="shop").open(OLD, f"{OLD}-001-00000000")


def test_what_is_not_there_is_an_error_that_names_the_nearest(snapshots: Path) -> None:
    resource = _resource(publish=str(snapshots), dataset="shop")

    with pytest.raises(PlanError, match=f"no '2026-01-29' in .*Try '{NEW}"):
        resource.table("users", "2026-01-29")
    with pytest.raises(PlanError, match=r"no 'user' in it\. Try 'users'"):
        resource.pandas("user")
    with pytest.raises(PlanError, match=r"no 'plam' in it\. Try 'plan'"):
        resource.duckdb("users", columns=["plam"])


def test_an_asset_reads_by_it_from_where_the_environment_says(snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.asset
    def n_users(snapshots: SnapshotResource) -> int:
        return len(snapshots.table("users"))

    monkeypatch.setenv("SNAPSHOTS", str(snapshots))
    resource = SnapshotResource(publish=dg.EnvVar("SNAPSHOTS"), dataset="shop")
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([n_users], instance=instance, resources={"snapshots": resource})

    assert run.output_for_node("n_users") == 40


def test_an_asset_s_launch_may_say_where(snapshots: Path) -> None:
    @dg.asset
    def night(snapshots: SnapshotResource) -> str:
        return snapshots.open().night

    config = {"resources": {"snapshots": {"config": {"publish": str(snapshots), "dataset": "shop"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize(
            [night],
            instance=instance,
            resources={"snapshots": SnapshotResource.configure_at_launch()},
            run_config=config,
        )

    assert run.output_for_node("night") == NEW


def _resource(**fields: Any) -> Any:
    return SnapshotResource(**fields)
