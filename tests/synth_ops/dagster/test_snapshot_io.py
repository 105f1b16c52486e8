import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synth_ops
from synth_ops.publish import publish
from tests.synth_ops.publish.nights import HOSTILE, USERS, make_night

pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

import dagster as dg

from synth_ops.dagster.snapshot_io import SnapshotIOManager

FIRST, OLD, NEW = "2026-01-29", "2026-01-30", "2026-01-31"
NIGHTS = dg.DailyPartitionsDefinition(FIRST, end_date="2026-02-03")
USERS_KEY = dg.AssetKey(["shop", "snapshot", "users"])
ORDERS_KEY = dg.AssetKey(["staging", "orders"])


def published(name: str, key: Any, **options: Any) -> Any:
    """Give the asset of a published table."""
    metadata = {"synth_ops/table": name, "synth_ops/dataset": "shop"}
    return dg.AssetSpec(key, **{"partitions_def": NIGHTS, "metadata": metadata, **options})


TABLES = (published("users", USERS_KEY), published(HOSTILE, ORDERS_KEY))


@pytest.fixture
def publish_night(tmp_path: Path) -> Callable[[str, int], Any]:
    night = partial(make_night, tmp_path / "work", str(tmp_path / "snapshots"))
    return lambda name, rows: publish(night(name, rows=rows))


@pytest.fixture
def snapshots(tmp_path: Path, publish_night: Callable[[str, int], Any]) -> Path:
    """Publish two nights, the first one twice."""
    for name, rows in ((OLD, 20), (OLD, 30), (NEW, 40)):
        publish_night(name, rows)
    return tmp_path / "snapshots"


@pytest.mark.parametrize(
    ("annotation", "n_rows"),
    [
        (pd.DataFrame, len),
        (pa.Table, len),
        (synth_ops.SnapshotTable, len),
        (duckdb.DuckDBPyRelation, lambda relation: relation.count("*").fetchall()[0][0]),
        (Path, lambda folder: sum(pq.read_metadata(p).num_rows for p in folder.glob("part-*.parquet"))),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_input_is_what_it_is_annotated_with(snapshots: Path, annotation: type, n_rows: Callable[[Any], int]) -> None:
    value = _value(snapshots, annotation)

    assert isinstance(value, annotation)
    assert n_rows(value) == 40


def test_input_without_annotation_is_an_arrow_table_as_published(snapshots: Path) -> None:
    seen: list[Any] = []

    @dg.asset(ins={"users": dg.AssetIn(USERS_KEY, input_manager_key="snapshots")})
    def downstream(users) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        seen.append(users)

    _materialize(snapshots, [*TABLES, downstream])

    assert seen[0].schema == USERS


def test_any_other_annotation_is_an_error_that_names_the_choices(snapshots: Path) -> None:
    failure = _failure(snapshots, str)

    assert failure.startswith(
        "Input 'users' must be annotated with one of duckdb.DuckDBPyRelation, pandas.DataFrame, pathlib.Path,"
        " pyarrow.Table, synth_ops.SnapshotTable, or"
    )
    assert "however it is annotated with builtins.str. Annotate it so" in failure


def test_a_night_s_partition_reads_the_newest_snapshot_of_the_night(snapshots: Path) -> None:
    assert len(_value(snapshots, pa.Table, partitions_def=NIGHTS, partition=OLD)) == 30


def test_a_mapping_to_the_night_before_is_followed(snapshots: Path) -> None:
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    assert len(_value(snapshots, pa.Table, partitions_def=NIGHTS, partition=NEW, partition_mapping=before)) == 30


def test_no_partitions_downstream_of_nights_reads_the_latest(snapshots: Path) -> None:
    assert len(_value(snapshots, pa.Table)) == 40
    assert len(_value(snapshots, pa.Table, partition_mapping=dg.AllPartitionMapping())) == 40


def test_no_partitions_reads_the_latest_in_the_run_of_a_night_too(snapshots: Path) -> None:
    @dg.asset(partitions_def=NIGHTS)
    def of_the_night() -> None: ...

    assert len(_value(snapshots, pa.Table, others=[of_the_night], partition=OLD)) == 40


def test_no_partitions_mapped_to_one_night_reads_that_night(snapshots: Path) -> None:
    one = dg.SpecificPartitionsPartitionMapping([OLD])

    assert len(_value(snapshots, pa.Table, partition_mapping=one)) == 30


def test_an_asset_without_nights_gives_the_latest(snapshots: Path) -> None:
    upstream = published("users", USERS_KEY, partitions_def=None)

    assert len(_value(snapshots, pa.Table, tables=[upstream], partitions_def=NIGHTS, partition=OLD)) == 40


def test_several_nights_are_a_mapping_from_night_to_table(snapshots: Path) -> None:
    two = dg.SpecificPartitionsPartitionMapping([OLD, NEW])
    frames = _value(snapshots, dict[str, pd.DataFrame], partition_mapping=two)
    tables = _value(snapshots, Any, partition_mapping=two)

    assert {night: (type(f), len(f)) for night, f in frames.items()} == {
        OLD: (pd.DataFrame, 30),
        NEW: (pd.DataFrame, 40),
    }
    assert {night: (type(t), len(t)) for night, t in tables.items()} == {OLD: (pa.Table, 30), NEW: (pa.Table, 40)}


def test_a_partition_that_covers_every_night_is_still_several(snapshots: Path) -> None:
    week = dg.WeeklyPartitionsDefinition("2026-01-25")
    nights = dg.DailyPartitionsDefinition("2026-01-25", end_date="2026-02-01")
    tables = [published("users", USERS_KEY, partitions_def=nights)]
    options = {"tables": tables, "partitions_def": week, "partition": "2026-01-25"}
    lenient = {**options, "metadata": {"allow_missing_partitions": True}}

    assert list(_value(snapshots, dict[str, pa.Table], **lenient)) == [OLD, NEW]
    assert "7 nights are mapped. Annotate it dict[str, ...]" in _failure(snapshots, pa.Table, **options)


def test_a_dict_without_partitions_has_every_night(snapshots: Path) -> None:
    metadata = {"allow_missing_partitions": True}

    assert list(_value(snapshots, dict, metadata=metadata)) == [OLD, NEW]


def test_a_missing_night_is_an_error_that_names_the_nearest(snapshots: Path) -> None:
    failure = _failure(snapshots, pa.Table, partitions_def=NIGHTS, partition=FIRST)

    assert f"there is no '{FIRST}'" in failure
    assert f"Try '{NEW}-001-" in failure


def test_a_missing_night_among_several_is_an_error_unless_it_may_be(snapshots: Path) -> None:
    options = {"partition_mapping": dg.SpecificPartitionsPartitionMapping([FIRST, OLD])}
    lenient = {**options, "metadata": {"allow_missing_partitions": True}}

    assert f"there is no '{FIRST}'" in _failure(snapshots, dict[str, pa.Table], **options)
    assert list(_value(snapshots, dict[str, pa.Table], **lenient)) == [OLD]


def test_what_the_plan_or_the_usage_has_wrong_is_not_retried(snapshots: Path) -> None:
    retried = dg.RetryPolicy(max_retries=2)
    run, _ = _run(snapshots, pa.Table, partitions_def=NIGHTS, partition=FIRST, retry_policy=retried)

    assert not run.success
    assert not [e for e in run.all_events if e.is_step_up_for_retry]


def test_a_corrupt_file_is_an_error_that_may_be_retried(snapshots: Path) -> None:
    (part,) = (synth_ops.open_snapshot(snapshots, "shop").path / "users").iterdir()
    part.write_bytes(part.read_bytes()[:-1])
    run, _ = _run(snapshots, pa.Table, retry_policy=dg.RetryPolicy(max_retries=1))

    assert not run.success
    assert len([e for e in run.all_events if e.is_step_up_for_retry]) == 1


def test_only_the_columns_that_the_input_s_metadata_names_are_given(snapshots: Path) -> None:
    metadata = {"columns": ["paid", "id"]}
    forms = (pa.Table, pd.DataFrame, duckdb.DuckDBPyRelation, synth_ops.SnapshotTable)
    arrow, frame, relation, table = (_value(snapshots, t, key=ORDERS_KEY, metadata=metadata) for t in forms)

    assert arrow.column_names == list(frame) == relation.columns == table.column_names == ["paid", "id"]


@pytest.mark.parametrize(
    ("annotation", "columns", "told"),
    [
        (pa.Table, ["id", "plam"], "Columns of table 'users' must be asked for, however there is no 'plam' in it"),
        (pa.Table, "id", "Metadata `columns` must be a list of names, however it is 'id'"),
        (Path, ["id"], "Metadata `columns` must be left out where a folder is asked for"),
    ],
)
def test_columns_that_cannot_be_given_are_an_error(
    snapshots: Path, annotation: type, columns: object, told: str
) -> None:
    assert told in _failure(snapshots, annotation, metadata={"columns": columns})


def test_metadata_names_the_table_and_the_key_s_end_where_there_is_none(snapshots: Path) -> None:
    bare = dg.AssetSpec(USERS_KEY)

    assert _value(snapshots, synth_ops.SnapshotTable, key=ORDERS_KEY).name == HOSTILE
    assert _value(snapshots, synth_ops.SnapshotTable, tables=[bare]).name == "users"


def test_another_dataset_s_table_is_an_error(snapshots: Path) -> None:
    of_bank = published("users", USERS_KEY, metadata={"synth_ops/table": "users", "synth_ops/dataset": "bank"})

    assert "must be of dataset 'shop', which this SnapshotIOManager reads, however it is of 'bank'" in _failure(
        snapshots, pa.Table, tables=[of_bank]
    )


def test_an_unknown_table_is_an_error_that_names_the_nearest(snapshots: Path) -> None:
    key = dg.AssetKey("user")

    assert "no 'user' in it. Try 'users'" in _failure(snapshots, pa.Table, key=key, tables=[dg.AssetSpec(key)])


def test_the_event_log_says_which_snapshot_was_read(snapshots: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run, _ = _run(snapshots, pa.Table, partitions_def=NIGHTS, partition=OLD, instance=instance)
        observed = _observed(instance)
    (loaded,) = [e.event_specific_data for e in run.all_events if e.event_type_value == "LOADED_INPUT"]
    snapshot = synth_ops.open_snapshot(snapshots, "shop", OLD)
    read = {"snapshot": snapshot.id, "dagster/row_count": 30, "dagster/uri": (snapshot.path / "users").as_uri()}

    assert observed == {(run.run_id, OLD): read}
    assert {k: v.value for k, v in loaded.metadata.items()} == read


def test_each_of_several_nights_is_observed_by_itself(snapshots: Path) -> None:
    two = dg.SpecificPartitionsPartitionMapping([OLD, NEW])
    with dg.DagsterInstance.ephemeral() as instance:
        run, _ = _run(snapshots, dict[str, pa.Table], partition_mapping=two, instance=instance)
        observed = _observed(instance)

    assert {key: read["dagster/row_count"] for key, read in observed.items()} == {
        (run.run_id, OLD): 30,
        (run.run_id, NEW): 40,
    }


def test_the_latest_is_observed_as_the_night_that_it_is_of(snapshots: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run, _ = _run(snapshots, pa.Table, instance=instance)
        observed = _observed(instance)

    assert list(observed) == [(run.run_id, NEW)]
    assert observed[run.run_id, NEW]["snapshot"] == synth_ops.open_snapshot(snapshots, "shop").id


def test_inputs_of_a_step_are_of_one_snapshot_whatever_is_published_meanwhile(
    snapshots: Path, publish_night: Callable[[str, int], Any]
) -> None:
    class PublishingMeanwhile(SnapshotIOManager):
        def load_input(self, context: Any) -> object:
            loaded = super().load_input(context)
            publish_night("2026-02-01", 60)
            return loaded

    seen: list[int] = []

    def step(name: str, after: list[str]) -> Any:
        ins = {
            "users": dg.AssetIn(USERS_KEY, input_manager_key="snapshots"),
            "orders": dg.AssetIn(ORDERS_KEY, input_manager_key="snapshots"),
        }

        @dg.asset(name=name, ins=ins, deps=after)
        def downstream(users: pa.Table, orders: pa.Table) -> None:
            seen.extend((len(users), len(orders)))

        return downstream

    manager = PublishingMeanwhile(publish=str(snapshots), dataset="shop")
    _materialize(snapshots, [*TABLES, step("first", []), step("second", ["first"])], resources={"snapshots": manager})

    assert seen == [40, 40, 60, 60]


def test_tables_published_in_the_same_run_are_read(snapshots: Path, publish_night: Callable[[str, int], Any]) -> None:
    manager = SnapshotIOManager(publish=str(snapshots), dataset="shop")

    @dg.multi_asset(specs=[t.with_io_manager_key("snapshots") for t in TABLES])
    def publishing(context) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN001 — Dagster takes no Any here
        publish_night(context.partition_key, 70)
        for key in (USERS_KEY, ORDERS_KEY):
            yield dg.MaterializeResult(key)

    @dg.asset(ins={"orders": dg.AssetIn(ORDERS_KEY)}, partitions_def=NIGHTS)
    def n_orders(orders: synth_ops.SnapshotTable) -> int:
        assert orders.name == HOSTILE
        return len(orders)

    run = _materialize(snapshots, [publishing, n_orders], resources={"snapshots": manager}, partition_key="2026-02-01")

    assert run.output_for_node("n_orders") == 70


def test_an_asset_check_and_an_op_read_as_assets_do(snapshots: Path) -> None:
    seen: list[int] = []

    @dg.asset_check(
        asset=dg.AssetKey("report"), additional_ins={"users": dg.AssetIn(USERS_KEY, input_manager_key="snapshots")}
    )
    def enough(users: pa.Table) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=len(users) == 40)

    @dg.op(ins={"users": dg.In(metadata={"synth_ops/table": "users"}, input_manager_key="snapshots")})
    def count(users: pd.DataFrame) -> None:
        seen.append(len(users))

    run = _materialize(snapshots, [*TABLES, dg.AssetSpec("report"), enough], selection=dg.AssetSelection.checks(enough))
    _execute(snapshots, count)

    assert [c.passed for c in run.get_asset_check_evaluations()] == [True]
    assert seen == [40]


def test_an_op_that_names_no_table_is_an_error(snapshots: Path) -> None:
    @dg.op(ins={"users": dg.In(input_manager_key="snapshots")})
    def count(users: pd.DataFrame) -> None: ...

    with pytest.raises(dg.Failure, match=r"must name a table, however it depends on no asset"):
        _execute(snapshots, count)


def test_definitions_load_a_value_outside_of_a_run(snapshots: Path) -> None:
    assets = [t.with_io_manager_key("snapshots") for t in TABLES]
    definitions = dg.Definitions(assets=assets, resources={"snapshots": _manager(snapshots)})
    frame: Any = definitions.load_asset_value(USERS_KEY, python_type=pd.DataFrame)
    table: Any = definitions.load_asset_value(USERS_KEY, python_type=pa.Table, partition_key=OLD)

    assert (type(frame), len(frame)) == (pd.DataFrame, 40)
    assert (type(table), len(table)) == (pa.Table, 30)


def test_no_value_is_stored_and_none_is_fine(snapshots: Path) -> None:
    @dg.asset(io_manager_key="snapshots")
    def nothing() -> Any:
        return None

    @dg.asset(io_manager_key="snapshots")
    def something() -> Any:
        return pd.DataFrame({"name": ["secret"]})

    run = _materialize(snapshots, [nothing])

    assert run.success
    with pytest.raises(dg.Failure, match="must be made by publishing, however 'something' gave a DataFrame") as caught:
        _materialize(snapshots, [something])
    assert "secret" not in str(caught.value)


def test_a_code_location_loads_it_without_the_libraries_of_its_types() -> None:
    program = (
        "import sys; from synth_ops.dagster.snapshot_io import SnapshotIOManager;"
        " SnapshotIOManager(publish='x', dataset='y');"
        " print([m for m in ('duckdb', 'pandas', 'pyarrow', 'torch', 'great_expectations') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def _manager(snapshots: Path) -> Any:
    return SnapshotIOManager(publish=str(snapshots), dataset="shop")


def _materialize(snapshots: Path, assets: list[Any], **options: Any) -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            assets, **{"instance": instance, "resources": {"snapshots": _manager(snapshots)}, **options}
        )


def _observed(instance: dg.DagsterInstance) -> dict[Any, dict[str, Any]]:
    """Give what was observed of the users' asset, by run and night."""
    records = instance.fetch_observations(USERS_KEY, limit=9).records
    return {
        (r.run_id, r.partition_key): {k: v.value for k, v in r.asset_observation.metadata.items()}
        for r in records
        if r.asset_observation
    }


def _execute(snapshots: Path, op: Any) -> None:
    @dg.job(resource_defs={"snapshots": _manager(snapshots)})
    def job() -> None:
        op()

    job.execute_in_process()


def _run(
    snapshots: Path, annotation: Any, *, partition: str | None = None, others: tuple[Any, ...] = (), **options: Any
) -> tuple[Any, list[Any]]:
    """Materialise an asset whose one input is annotated so; give the run and the inputs that it got."""
    seen: list[Any] = []
    asset_in = {k: options.pop(k) for k in ("metadata", "partition_mapping") if k in options}
    key, tables = options.pop("key", USERS_KEY), options.pop("tables", TABLES)
    run_options = {k: options.pop(k) for k in ("instance",) if k in options}

    def downstream(users: Any) -> None:
        seen.append(users)

    downstream.__annotations__["users"] = annotation
    ins = {"users": dg.AssetIn(key, input_manager_key="snapshots", **asset_in)}
    asset = dg.asset(ins=ins, **options)(downstream)
    run = _materialize(
        snapshots, [*tables, *others, asset], partition_key=partition, raise_on_error=False, **run_options
    )
    return run, seen


def _value(snapshots: Path, annotation: Any, **options: Any) -> Any:
    run, seen = _run(snapshots, annotation, **options)
    assert run.success
    return seen[0]


def _failure(snapshots: Path, annotation: Any, **options: Any) -> str:
    """Give what a step that fails for good says."""
    run, _ = _run(snapshots, annotation, **options)
    (failed,) = [e.step_failure_data for e in run.all_events if e.is_step_failure]
    return str(failed.user_failure_data.description)
