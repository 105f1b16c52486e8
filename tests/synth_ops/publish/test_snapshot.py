import random
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import synth_ops
from synth_ops import list_snapshots, open_snapshot, verify_snapshot
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.publish import publish
from tests.synth_ops.publish.conftest import MakeNight
from tests.synth_ops.publish.nights import HOSTILE, ORDERS, USERS


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_table_reads_as_arrow_pandas_and_duckdb(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())

    users = open_snapshot(snapshots, "shop").table("users")

    assert users.to_arrow().schema == USERS
    assert isinstance(users.to_pandas(), pd.DataFrame)
    assert users.duckdb().aggregate("count(*), max(id)").fetchall() == [(50, 50)]
    assert pa.table(users) == users.to_arrow()


def test_table_behaves_as_the_arrow_table(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())

    orders = open_snapshot(snapshots, "shop").table(HOSTILE)

    assert (len(orders), orders.num_rows, orders.schema) == (50, 50, ORDERS)
    assert orders.column_names == ORDERS.names
    assert orders.filter(pc.field("id") > 40).num_rows == 10
    assert orders["id"].to_pylist()[:3] == [1, 2, 3]
    assert not hasattr(orders, "no_such_thing")


def test_selected_columns_are_the_table_s_in_the_order_asked_for(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())
    orders = open_snapshot(snapshots, "shop").table(HOSTILE)
    some = orders.select(["at", "id"])

    assert some.to_arrow() == orders.to_arrow().select(["at", "id"])
    assert some.schema == some.to_arrow().schema
    assert list(some.to_pandas()) == some.duckdb().columns == some.column_names == ["at", "id"]
    assert (len(some), some.select(["id"]).column_names) == (50, ["id"])


def test_column_that_is_not_there_is_an_error_that_names_the_nearest(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())
    users = open_snapshot(snapshots, "shop").table("users")

    with pytest.raises(PlanError, match=r"no 'plam' in it\. Try 'plan'"):
        users.select(["id", "plam"])
    with pytest.raises(PlanError, match="Columns of table 'users' must be asked for"):
        users.select([])


def test_flipped_bit_is_found_by_who_reads_another_column(make_night: MakeNight, snapshots: Path) -> None:
    path = Path(publish(make_night()).path) / "users" / "part-00000.parquet"
    flip(path, (pq.read_metadata(path).row_group(0).column(0).data_page_offset + 4) * 8)

    with pytest.raises(CorruptArtifact, match="its sha256 differs"):
        open_snapshot(snapshots, "shop").table("users").select(["plan"]).to_arrow()


def test_snapshot_is_found_by_id_and_by_night(make_night: MakeNight, snapshots: Path) -> None:
    old, new = publish(make_night("2026-01-01")), publish(make_night("2026-01-02"))

    assert open_snapshot(snapshots, "shop").id == new.snapshot
    assert open_snapshot(str(snapshots), "shop", "2026-01-01").id == old.snapshot
    assert open_snapshot(snapshots, "shop", old.snapshot).tables == ("users", HOSTILE)


def test_unknown_names_are_errors_that_name_the_nearest(make_night: MakeNight, snapshots: Path) -> None:
    snapshot = publish(make_night()).snapshot

    with pytest.raises(PlanError, match=r"no 'user' in it\. Try 'users'"):
        open_snapshot(snapshots, "shop").table("user")
    with pytest.raises(PlanError, match=f"Try '{snapshot}'"):
        open_snapshot(snapshots, "shop", "2026-01-30")
    with pytest.raises(PlanError, match="Try 'shop'"):
        open_snapshot(snapshots, "shops")
    with pytest.raises(PlanError, match="nothing there yet"):
        open_snapshot(snapshots / "none", "shop")


def test_list_names_the_latest(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night("2026-01-01"))
    publish(make_night("2026-01-02", rows=70))

    old, new = list_snapshots(snapshots, "shop")

    assert (old.night, old.latest, old.n_rows) == ("2026-01-01", False, 100)
    assert (new.night, new.latest, new.n_rows, new.n_tables) == ("2026-01-02", True, 140, 2)


def test_verify_finds_nothing_wrong_with_a_fresh_snapshot(make_night: MakeNight, snapshots: Path) -> None:
    publish(make_night())

    verified = verify_snapshot(snapshots, "shop")

    assert verified.ok
    assert verified.n_files == 3


def test_every_flipped_bit_is_found_by_verify_and_by_reading(make_night: MakeNight, snapshots: Path) -> None:
    path = Path(publish(make_night()).path) / "users" / "part-00000.parquet"
    chance = random.Random(0)
    for bit in [chance.randrange(path.stat().st_size * 8) for _ in range(60)]:
        flip(path, bit)

        (problem,) = verify_snapshot(snapshots, "shop").problems
        assert str(path) in problem
        with pytest.raises(CorruptArtifact, match=r"part-00000\.parquet must be as it was published"):
            open_snapshot(snapshots, "shop").table("users").to_arrow()
        with pytest.raises(CorruptArtifact):
            open_snapshot(snapshots, "shop").table("users").duckdb()
        flip(path, bit)


def test_flipped_bit_in_a_page_is_found_by_any_reader_that_checks_pages(make_night: MakeNight) -> None:
    path = Path(publish(make_night(rows=5000)).path) / "users" / "part-00000.parquet"
    column = pq.read_metadata(path).row_group(0).column(0)
    flip(path, (column.data_page_offset + column.total_compressed_size // 2) * 8)

    with pytest.raises(OSError, match=r"(?i)crc|checksum|corrupt"):
        pq.read_table(path, page_checksum_verification=True)


def test_every_flipped_bit_of_the_manifest_is_found(make_night: MakeNight, snapshots: Path) -> None:
    path = Path(publish(make_night()).path) / "manifest.json"
    chance = random.Random(0)
    for bit in [chance.randrange(path.stat().st_size * 8) for _ in range(40)]:
        before = path.read_bytes()
        flip(path, bit)
        problems = verify_snapshot(snapshots, "shop").problems
        path.write_bytes(before)

        assert problems or before.split() == path.read_bytes().split()


def test_missing_and_stray_files_are_named(make_night: MakeNight, snapshots: Path) -> None:
    folder = Path(publish(make_night()).path)
    (folder / "users" / "part-00000.parquet").rename(folder / "users" / "part-00001.parquet")

    missing, stray = verify_snapshot(snapshots, "shop").problems

    assert "part-00000.parquet must be as it was published, however it cannot be read" in missing
    assert "part-00001.parquet must be named in the manifest" in stray


def test_reader_during_publishing_sees_the_old_or_the_new_whole(make_night: MakeNight, snapshots: Path) -> None:
    sizes = {publish(make_night("2026-01-01", rows=30)).snapshot: 30}
    seen: list[tuple[str, int, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            snapshot = open_snapshot(snapshots, "shop")
            n_users, n_orders = (snapshot.table(t).to_arrow().num_rows for t in snapshot.tables)
            seen.append((snapshot.id, n_users, n_orders))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for day in range(2, 12):
            sizes[publish(make_night(f"2026-01-{day:02d}", rows=30 + day)).snapshot] = 30 + day
    finally:
        stop.set()
        reader.join()

    assert len({s for s, _, _ in seen}) > 1
    assert all(n_users == n_orders == sizes[s] for s, n_users, n_orders in seen)


def test_door_has_what_it_says() -> None:
    assert all(getattr(synth_ops, name) for name in synth_ops.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open_snap'"):
        _ = synth_ops.open_snap
