"""What bad input gets, through the real command line: one clear block, the right exit code, and nothing broken."""

import subprocess
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_ops import open_snapshot
from tests.leaks import CANARY, leaks
from tests.postgres import PASSWORD
from tests.projects import NEXT, NIGHT, SHOP, change, edit, make_project, run, told, write_plan

WICKED = ('naïve "顧客" 🛒', "x'; drop table users; --", "../../up")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give the plan of a project that nobody has refreshed."""
    return make_project(tmp_path)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("duckdb:///nowhere.duckdb", "nowhere.duckdb"),
        ("sqlite:///nowhere.db", "nowhere.db"),
        ("parquet:nowhere", "nowhere"),
        ("csv:nowhere", "nowhere"),
    ],
)
def test_source_that_is_not_there_exits_3_and_is_named(tmp_path: Path, source: str, where: str) -> None:
    plan = write_plan(tmp_path, source)

    told(run(plan, "refresh", "--night", NIGHT), 3, str(tmp_path / where), "synth.yaml", "however")


def test_server_that_does_not_answer_exits_3(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, "postgresql://bo:${PW}@127.0.0.1:1/shop")
    done = run(plan, "refresh", "--night", NIGHT, env={"PW": PASSWORD})

    told(done, 3, "127.0.0.1:1/shop", "however")
    assert PASSWORD not in done.stderr


def test_no_such_database_on_a_server_exits_3(tmp_path: Path, postgres_url: str) -> None:
    url, secret = postgres_url.rsplit("/", 1)[0].replace(PASSWORD, "${PW}"), PASSWORD
    done = run(write_plan(tmp_path, f"{url}/no_such_database"), "refresh", "--night", NIGHT, env={"PW": secret})

    told(done, 3, "no_such_database", "however")
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize("verb", ["plan", "refresh", "extract"])
def test_wrong_password_exits_3_and_is_never_echoed(tmp_path: Path, postgres_url: str, verb: str) -> None:
    url = postgres_url.replace(PASSWORD, "${PW}")
    done = run(write_plan(tmp_path, url), verb, "--night", NIGHT, env={"PW": "wr0ng%40Secret"})

    told(done, 3, "password", "however")
    assert not [w for w in ("wr0ng", PASSWORD) if w in done.stderr + done.stdout]


def test_wrong_password_given_to_init_is_never_echoed(tmp_path: Path, postgres_url: str) -> None:
    plan = tmp_path / "synth.yaml"
    done = run(plan, "init", postgres_url.replace(PASSWORD, "wr0ngSecret"), "--into", str(tmp_path))

    told(done, 3, "however")
    assert "wr0ng" not in done.stderr
    assert not plan.exists()


@pytest.mark.parametrize(
    ("night", "words"),
    [
        ("2999-01-01", "future"),
        ("tomorrow", "YYYY-MM-DD"),
        ("2026-02-30", "YYYY-MM-DD"),
        ("../../etc", "YYYY-MM-DD"),
        ("", "YYYY-MM-DD"),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "refresh"])
def test_night_that_cannot_be_exits_2(shop: Path, verb: str, night: str, words: str) -> None:
    told(run(shop, verb, "--night", night), 2, words)
    assert not (shop.parent / ".synth-ops").exists()


def test_model_that_is_none_exits_2_before_anything_is_read(shop: Path) -> None:
    edit(shop, "model: vae", "model: vea")

    told(run(shop, "refresh", "--night", NIGHT), 2, f"{shop}:", "defaults.model", "nearest is 'vae'")
    assert not (shop.parent / ".synth-ops").exists()


def test_table_dropped_between_plan_and_run_exits_2_at_its_line(shop: Path) -> None:
    assert run(shop, "plan", "--night", NIGHT).returncode == 0
    change(shop.parent, "DROP TABLE orders")

    told(run(shop, "refresh", "--night", NIGHT), 2, "synth.yaml:", "tables.orders", "the nearest is 'users'")


def test_table_dropped_since_last_night_exits_2(shop: Path) -> None:
    assert run(shop, "extract", "--night", NIGHT).returncode == 0
    change(shop.parent, "DROP TABLE orders")

    told(run(shop, "refresh", "--night", NEXT), 2, "The schema changed", "'orders'", "--accept-schema")


def test_column_type_changed_since_last_night_exits_2_and_may_be_accepted(shop: Path) -> None:
    assert run(shop, "extract", "--night", NIGHT).returncode == 0
    change(shop.parent, "ALTER TABLE orders ALTER total TYPE VARCHAR")

    told(run(shop, "refresh", "--night", NEXT), 2, "'total'", "'orders'", "DOUBLE", "VARCHAR", "--accept-schema")
    assert run(shop, "extract", "--night", NEXT, "--accept-schema").returncode == 0


def test_truncated_source_file_exits_3_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    file = tmp_path / "rows" / "users.parquet"
    pq.write_table(pa.table({"id": range(1000), "note": [CANARY] * 1000}), file)
    file.write_bytes(file.read_bytes()[:-20])
    done = run(write_plan(tmp_path, "parquet:rows"), "refresh", "--night", NIGHT)

    told(done, 3, "users", "however")
    assert leaks(tmp_path / ".synth-ops", done.stdout, done.stderr) == []


def test_publish_variable_that_is_not_set_exits_2_before_anything_is_read(shop: Path) -> None:
    edit(shop, "publish: ./snapshots", "publish: ${NOT_SET_ANYWHERE}/x")

    told(run(shop, "refresh", "--night", NIGHT), 2, "NOT_SET_ANYWHERE", "export")
    assert not list(shop.parent.rglob("*.parquet"))


def test_publish_place_that_is_no_folder_exits_2_before_anything_is_read(shop: Path) -> None:
    edit(shop, "publish: ./snapshots", "publish: s3://bucket/x")

    told(run(shop, "refresh", "--night", NIGHT), 2, "s3://", "local")
    assert not list(shop.parent.rglob("*.parquet"))


def test_suites_that_are_missing_are_written_and_nothing_else(shop: Path) -> None:
    folder = shop.parent
    (folder / "expectations" / "shop" / "users.json").unlink()
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    done = run(shop, "init", "--suites")
    after = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}

    assert done.stdout == f"wrote {folder / 'expectations' / 'shop' / 'users.json'}\n"
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert run(shop, "init", "--suites").stdout.startswith("Nothing to do")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """Give a project of odd tables after its refresh, and what the refresh told."""
    names = "\n".join(
        f"CREATE TABLE {_quoted(n)} (id INTEGER PRIMARY KEY, {_quoted(n)} VARCHAR, ref INTEGER REFERENCES users (id));"
        f"INSERT INTO {_quoted(n)} SELECT i, 'v' || (i % 2), 1 + i % 60 FROM range(20) r(i);"
        for n in WICKED
    )
    tables = f"""
    CREATE TABLE nothing (id INTEGER PRIMARY KEY, amount DECIMAL(8, 2), made TIMESTAMP, note VARCHAR);
    CREATE TABLE single (id INTEGER PRIMARY KEY, amount DECIMAL(8, 2), note VARCHAR);
    INSERT INTO single VALUES (5, 12.5, '{CANARY}');
    CREATE TABLE only_key (id BIGINT PRIMARY KEY);
    INSERT INTO only_key SELECT * FROM range(1000, 1025);
    CREATE TABLE no_key (flag BOOLEAN);
    INSERT INTO no_key SELECT i % 2 = 0 FROM range(30) r(i);
    """
    plan = make_project(tmp_path_factory.mktemp("odd"), SHOP + tables + names)
    edit(plan, "rows: 1.0}", "rows: 1.0, time_budget: 1s}")
    return plan, run(plan, "refresh", "--night", NIGHT, "--quiet")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_odd_tables_are_published(odd: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    assert odd[1].returncode == 0, odd[1].stderr
    assert "Traceback" not in odd[1].stderr


@pytest.mark.parametrize(
    ("table", "n_rows"), [("nothing", 0), ("single", 1), ("only_key", 25), ("no_key", 30), *((n, 20) for n in WICKED)]
)
def test_odd_table_keeps_its_rows_and_types(
    odd: tuple[Path, "subprocess.CompletedProcess[str]"], table: str, n_rows: int
) -> None:
    folder = odd[0].parent
    with duckdb.connect(str(folder / "shop.duckdb"), read_only=True) as connection:
        real = connection.sql(f"SELECT * FROM {_quoted(table)}").to_arrow_table()
    copy = open_snapshot(folder / "snapshots", "shop").table(table).to_arrow()

    assert copy.num_rows == pytest.approx(n_rows, rel=0.2)
    assert copy.schema.names == real.schema.names
    assert [f.type for f in copy.schema] == [f.type for f in real.schema]


def test_reference_from_a_wicked_table_resolves(odd: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    snapshot = open_snapshot(odd[0].parent / "snapshots", "shop")
    users = set(snapshot.table("users").column("id").to_pylist())

    assert all(set(snapshot.table(n).column("ref").drop_null().to_pylist()) <= users for n in WICKED)


def test_nothing_is_written_outside_the_project(odd: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    folder = odd[0].parent
    beside = {p.name for p in folder.iterdir()}

    assert beside == {
        ".gitignore", ".synth-ops", "expectations", "pipelines", "shop.duckdb", "snapshots", "synth.yaml",
    }  # fmt: skip
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith("up")] == []


def test_odd_real_values_are_nowhere_but_in_private(odd: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    assert leaks(odd[0].parent, odd[1].stdout, odd[1].stderr) == []


def test_column_that_begins_to_look_personal_stops_every_step_and_is_never_quoted(shop: Path) -> None:
    change(shop.parent, f"UPDATE users SET plan = 'v' || id || '@{CANARY}.example'")
    stopped = run(shop, "refresh", "--night", NIGHT, "--quiet")
    by_hand = run(shop, "train", "--night", NIGHT, "--quiet")

    for done in (stopped, by_hand):
        told(done, 2, "column 'plan' of table 'users'", "e-mail addresses", "{fake: email}", "{kind: auto}")
    assert leaks(shop.parent, stopped.stderr, by_hand.stderr) == []
    assert not (shop.parent / "snapshots").exists()
