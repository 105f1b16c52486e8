from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.projects import edit
from tests.synth_ops.shop import build_shop

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from dagster._core.definitions.observe import observe  # noqa: E402 — no public name; the UI's button calls it

from synth_ops.dagster import SynthOptions, build_synth_assets  # noqa: E402 — after the skip
from synth_ops.dagster.execution import UNCHANGED_TAG  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")  # Pipes uses what is in preview

NIGHT, NEXT = "2026-01-30", "2026-01-31"
AT_ONCE = dg.RetryPolicy(max_retries=1, delay=0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def first(shop: Path) -> Any:
    """Run one whole night."""
    return run_job(shop, NIGHT)


@pytest.mark.slow
def test_a_night_is_materialised_from_production_to_snapshot(first: Any) -> None:
    assert first.success
    assert {tuple(e.asset_key.path[1:]) for e in first.get_asset_materialization_events()} == {
        (role, table) for role in ("extract", "model", "synthetic", "snapshot") for table in ("users", "orders")
    }


@pytest.mark.slow
def test_a_snapshot_says_where_it_is_and_how_faithful(shop: Path, first: Any) -> None:
    metadata = metadata_of(first)["snapshot", "orders"]

    assert Path(metadata["dagster/uri"].value).is_relative_to(shop.parent / "snapshots")
    assert Path(metadata["dagster/uri"].value, "part-00000.parquet").is_file()
    assert metadata["dagster/row_count"].value == 200
    assert metadata["verdict"].value == "PASS"
    assert Path(metadata["report"].value).is_file()


@pytest.mark.slow
def test_columns_have_types_fates_and_a_lineage_back_to_production(first: Any) -> None:
    found = metadata_of(first)
    columns = {c.name: c for c in found["synthetic", "users"]["dagster/column_schema"].value.columns}
    lineage = found["synthetic", "users"]["dagster/column_lineage"].value.deps_by_column
    source = found["extract", "users"]["dagster/column_lineage"].value.deps_by_column

    assert (columns["plan"].type, columns["plan"].constraints.nullable, columns["plan"].tags) == (
        "VARCHAR",
        False,
        {"fate": "learn"},
    )
    assert set(lineage) == {"plan", "age"}  # keys are minted: they come from nowhere
    assert [d.asset_key.path for d in lineage["plan"]] == [["shop", "extract", "users"]]
    assert [d.asset_key.path for d in source["plan"]] == [["shop", "production", "users"]]


@pytest.mark.slow
def test_every_expectation_is_checked_and_the_gate_of_each_table(first: Any) -> None:
    checks = {(e.asset_key.path[-1], e.check_name): e.passed for e in first.get_asset_check_evaluations()}

    assert {t for t, name in checks if name == "gate"} == {"users", "orders"}
    assert len(checks) > 10
    assert all(checks.values())


@pytest.mark.slow
def test_a_scheduled_night_on_unchanged_data_lets_the_snapshot_stand(shop: Path, first: Any) -> None:
    run = run_job(shop, NEXT, tags={UNCHANGED_TAG: "skip"})
    metadata = metadata_of(run)

    assert run.success
    assert set(metadata) == {("snapshot", "users"), ("snapshot", "orders")}
    assert metadata["snapshot", "users"]["unchanged_since"].value == NIGHT
    assert metadata["snapshot", "users"]["snapshot"].value == metadata_of(first)["snapshot", "users"]["snapshot"].value


@pytest.mark.slow
def test_a_refused_copy_fails_its_checks_once_and_nothing_is_published(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    edit(
        plan.parent / "expectations" / "shop" / "users.json",
        '"expectations": [',
        '"expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 7}, "severity": "critical"},',
    )
    run = run_job(plan, NIGHT)
    failed = {e.check_name: e for e in run.get_asset_check_evaluations() if not e.passed}

    assert not run.success
    assert set(failed) == {"gate", "expect_table_row_count_to_equal"}
    assert "expect_table_row_count_to_equal" in failed["gate"].metadata["failing"].value
    assert not [e for e in run.all_events if e.is_step_up_for_retry]
    assert not any(role == "snapshot" for role, _ in metadata_of(run))
    assert not (plan.parent / "snapshots" / "shop" / "latest.json").exists()


@pytest.mark.slow
def test_one_picked_table_is_learned_alone_and_the_snapshot_is_whole(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    picked = [dg.AssetKey(["shop", role, "users"]) for role in ("extract", "model", "synthetic", "snapshot")]
    run = run_job(plan, NIGHT, asset_selection=picked)
    snapshot = metadata_of(run)["snapshot", "users"]["dagster/uri"].value

    assert run.success
    assert {table for _, table in metadata_of(run)} == {"users"}
    assert {p.name for p in Path(snapshot).parent.iterdir() if p.is_dir()} == {"users", "orders"}


def test_what_the_plan_forbids_is_not_retried(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    edit(plan, "  users:\n", "  users:\n    columns: {no_such: {kind: numeric}}\n")
    run = run_job(plan, NIGHT, asset_selection=[dg.AssetKey(["shop", "extract", "users"])])

    assert [f.user_failure_data.description for f in failures(run) if "no_such" in f.user_failure_data.description]
    assert not [e for e in run.all_events if e.is_step_up_for_retry]


def test_what_the_outside_world_did_is_retried(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    (tmp_path / "shop.duckdb").rename(tmp_path / "away.duckdb")
    run = run_job(plan, NIGHT, asset_selection=[dg.AssetKey(["shop", "extract", "users"])])

    assert [e for e in run.all_events if e.is_step_up_for_retry]
    assert "there is none at" in failures(run)[-1].user_failure_data.description


def test_production_is_observed_and_another_version_shows_a_change(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    before = observed(plan)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("INSERT INTO users VALUES (1001, 'free', 30)")

    assert set(before) == {"users", "orders"}
    assert observed(plan)["users"] != before["users"]


def run_job(plan: Path, night: str, **more: Any) -> Any:
    definitions = build_synth_assets(plan, options=SynthOptions(retries=AT_ONCE))
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def("refresh_shop")
        return job.execute_in_process(partition_key=night, instance=instance, raise_on_error=False, **more)


def observed(plan: Path) -> dict[str, str]:
    definitions = build_synth_assets(plan)
    source = definitions.resolve_assets_def(dg.AssetKey(["shop", "production", "users"]))
    with dg.DagsterInstance.ephemeral() as instance:
        run = observe([source], instance=instance)
    events = [e.asset_observation_data.asset_observation for e in run.get_asset_observation_events()]
    return {e.asset_key.path[-1]: e.tags["dagster/data_version"] for e in events}


def metadata_of(run: Any) -> dict[tuple[str, str], Any]:
    found = [e.materialization for e in run.get_asset_materialization_events()]
    return {(m.asset_key.path[1], m.asset_key.path[2]): m.metadata for m in found}


def failures(run: Any) -> list[Any]:
    return [e.step_failure_data for e in run.all_events if e.is_step_failure]
