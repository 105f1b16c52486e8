"""The extract verb, from real DuckDB, SQLite and PostgreSQL databases into a workspace."""

import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import psycopg2
import pyarrow.parquet as pq
import pytest

from synth_ops.arrow_types import arrow_schema
from synth_ops.errors import OutsideError, PersonalFound, PlanError, SchemaChanged, SourceError
from synth_ops.extract import extract, fingerprint
from synth_ops.plan import Config, load_config
from synth_ops.plan.plan import Plan
from synth_ops.records import Extracted, ProgressEvent
from synth_ops.source import open_source
from synth_ops.train import train
from synth_ops.workspace import Workspace, read_record

SHOP = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), price DECIMAL(8,2));
    CREATE TABLE audit (line VARCHAR);
    INSERT INTO users SELECT i, 'u' || i FROM range(40) r (i);
    INSERT INTO orders SELECT i, i % 40, i / 4 FROM range(100) r (i);
    INSERT INTO audit VALUES ('x');
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give the file of a small production database."""
    path = tmp_path / "shop.duckdb"
    change(path, SHOP)
    return path


def change(path: Path, sql: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)


def configured(folder: Path, source: str, tables: str = "{audit: {mode: skip}}") -> Config:
    """Write a synth.yaml and load it."""
    path = folder / "synth.yaml"
    path.write_text(f"dataset: shop\nsource: {source}\npublish: {folder}/snapshots\ntables: {tables}\n")
    return load_config(path)


def config_of(shop: Path, tables: str = "{audit: {mode: skip}}") -> Config:
    return configured(shop.parent, f"duckdb:///{shop}", tables)


def night(folder: Path, date: str = "2026-01-30") -> Workspace:
    return Workspace(folder / "work", "shop", date)


def test_every_table_but_the_skipped_is_read(shop: Path, tmp_path: Path) -> None:
    found = extract(config_of(shop), night(tmp_path))
    plan = read_record(night(tmp_path).plan, Plan)

    assert {t.name: t.n_rows for t in found.tables} == {"users": 40, "orders": 100}
    assert plan is not None
    assert {t.name: t.mode for t in plan.tables} == {"users": "synthesize", "orders": "synthesize", "audit": "skip"}
    assert read_record(night(tmp_path).record("extract"), Extracted) == found
    for table in found.tables:
        assert pq.read_schema(table.path).remove_metadata() == arrow_schema(plan.table(table.name).table)


def test_files_are_closed_to_others_and_bear_checksums(shop: Path, tmp_path: Path) -> None:
    found = extract(config_of(shop), night(tmp_path))

    assert all(stat.S_IMODE(Path(t.path).stat().st_mode) == 0o600 for t in found.tables)
    assert stat.S_IMODE(night(tmp_path).private.stat().st_mode) == 0o700
    path = Path(found.tables[0].path)
    flipped = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    flipped[start + 40] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(OSError, match=r"crc|CRC|checksum|ZSTD"):
        pq.read_table(path, page_checksum_verification=True)


def test_second_run_reads_nothing(shop: Path, tmp_path: Path) -> None:
    first = extract(config_of(shop), night(tmp_path))
    shop.unlink()

    assert extract(config_of(shop), night(tmp_path)) == first


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_truncated_file_is_read_again(shop: Path, tmp_path: Path, keep: float) -> None:
    first = extract(config_of(shop), night(tmp_path))
    path = Path(first.tables[0].path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])

    assert extract(config_of(shop), night(tmp_path)).tables == first.tables
    assert path.read_bytes() == whole


def test_changed_plan_of_the_same_night_takes_hold(shop: Path, tmp_path: Path) -> None:
    extract(config_of(shop, "{}"), night(tmp_path))
    extract(config_of(shop, "{users: {mode: copy}}"), night(tmp_path))
    plan = read_record(night(tmp_path).plan, Plan)

    assert plan is not None
    assert plan.table("users").mode == "copy"


def test_fingerprint_follows_the_data_and_nothing_else(shop: Path, tmp_path: Path) -> None:
    first = extract(config_of(shop), night(tmp_path, "2026-01-30"))
    same = extract(config_of(shop), night(tmp_path, "2026-01-31"))
    change(shop, "UPDATE users SET email = 'other' WHERE id = 7")
    other = extract(config_of(shop), night(tmp_path, "2026-02-01"))

    assert [t.fingerprint for t in first.tables] == [t.fingerprint for t in same.tables]
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert {t.name for t, u in zip(first.tables, other.tables, strict=True) if t.fingerprint != u.fingerprint} == {
        "users"
    }


def test_preview_has_the_same_fingerprint(shop: Path, tmp_path: Path) -> None:
    found = extract(config_of(shop), night(tmp_path))

    with open_source(f"duckdb:///{shop}") as source:
        tables = {t.name: t for t in source.database().tables}
        assert all(fingerprint(tables[t.name], source.batches(tables[t.name])) == t.fingerprint for t in found.tables)


def test_changed_type_is_refused_until_accepted(shop: Path, tmp_path: Path) -> None:
    extract(config_of(shop), night(tmp_path))
    change(shop, "ALTER TABLE orders ALTER price TYPE DOUBLE")
    tomorrow = night(tmp_path, "2026-01-31")

    with pytest.raises(SchemaChanged, match=r"'price' of table 'orders'.*DECIMAL\(8,2\).*DOUBLE.*--accept-schema"):
        extract(config_of(shop), tomorrow)
    assert not tomorrow.plan.exists()
    extract(config_of(shop), tomorrow, accept_schema=True)
    extract(config_of(shop), night(tmp_path, "2026-02-01"))


@pytest.mark.parametrize(
    ("drop", "tables"),
    [
        ("ALTER TABLE orders DROP price", "{orders: {columns: {price: {kind: numeric}}}}"),
        ("DROP TABLE audit", "{audit: {}}"),
    ],
)
def test_what_is_gone_is_refused_where_the_plan_names_it(shop: Path, tmp_path: Path, drop: str, tables: str) -> None:
    extract(config_of(shop, tables), night(tmp_path))
    change(shop, drop)

    with pytest.raises(SchemaChanged, match="there no more"):
        extract(config_of(shop, tables), night(tmp_path, "2026-01-31"))
    extract(config_of(shop, "{}"), night(tmp_path, "2026-01-31"))


def test_new_tables_and_columns_are_welcome(shop: Path, tmp_path: Path) -> None:
    extract(config_of(shop), night(tmp_path))
    change(shop, "ALTER TABLE users ADD age INTEGER; CREATE TABLE stores (id INTEGER)")

    assert len(extract(config_of(shop), night(tmp_path, "2026-01-31")).tables) == 3


def test_unknown_table_in_the_plan_is_refused(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="userz"):
        extract(config_of(shop, "{userz: {mode: skip}}"), night(tmp_path))


def test_table_without_rows_is_read(shop: Path, tmp_path: Path) -> None:
    change(shop, "DELETE FROM audit")

    found = extract(config_of(shop, "{}"), night(tmp_path))

    assert {t.name: t.n_rows for t in found.tables}["audit"] == 0
    assert pq.read_table(night(tmp_path).real("audit")).column_names == ["line"]


def test_missing_source_leaves_no_record(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="existing DuckDB file"):
        extract(config_of(tmp_path / "none.duckdb"), night(tmp_path))
    assert not night(tmp_path).record("extract").exists()


def test_full_disk_is_explained_and_leaves_nothing(shop: Path, tmp_path: Path) -> None:
    change(shop, "INSERT INTO audit SELECT md5(i::VARCHAR) FROM range(200000) r (i)")

    with pytest.raises(OutsideError, match=r"audit.parquet must be writable.*Free the disk"), _small_files(100_000):
        extract(config_of(shop, "{}"), night(tmp_path))
    left = [p for p in night(tmp_path).private.rglob("*") if p.is_file()]
    assert night(tmp_path).real("audit") not in left
    assert not [p for p in left if p.suffix == ".part"]


def test_unwritable_workspace_is_explained(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file where the folder goes")

    with pytest.raises(OutsideError, match="must be writable"):
        extract(config_of(shop), night(tmp_path))


def test_progress_tells_rows_of_each_table(shop: Path, tmp_path: Path) -> None:
    events: list[ProgressEvent] = []

    extract(config_of(shop), night(tmp_path), progress=events.append)

    assert {(e.table, e.rows) for e in events if e.phase == "read"} == {("users", 40), ("orders", 100)}
    assert {e.done for e in events if e.table is not None} == {1.0}


def test_foreign_keys_agree_while_production_writes(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(psycopg2.connect(postgres_url)) as setup, setup.cursor() as cursor:
        cursor.execute("CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (a int NOT NULL REFERENCES a)")
        setup.commit()
    monkeypatch.setenv("PROD_URL", postgres_url)
    config = configured(tmp_path, "${PROD_URL}", "{}")

    with _writing(postgres_url):
        for day in range(1, 6):
            found = extract(config, night(tmp_path, f"2026-02-0{day}"))
            parents = pq.read_table(found.tables[0].path).column("id").to_pylist()
            children = pq.read_table(found.tables[1].path).column("a").to_pylist()
            assert set(children) <= set(parents)
    assert parents


@contextmanager
def _writing(url: str) -> Iterator[None]:
    """Insert parents with their children, one transaction after another."""
    done = threading.Event()

    def write() -> None:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute("WITH p AS (INSERT INTO a DEFAULT VALUES RETURNING id) SELECT id FROM p")
                cursor.execute("INSERT INTO b SELECT max(id) FROM a")
                connection.commit()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _small_files(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size: a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


PEOPLE = """
    CREATE TABLE people (id INTEGER PRIMARY KEY, contact VARCHAR, kin VARCHAR);
    INSERT INTO people SELECT i, 'canary' || i || '@shop.example', 'k' || i % 3 FROM range(40) r (i);
"""
CONTACT = "{people: {columns: {contact: %s}}}"


def test_column_that_looks_personal_stops_the_night_with_two_words(shop: Path, tmp_path: Path) -> None:
    change(shop, PEOPLE)

    with pytest.raises(PersonalFound) as stopped:
        extract(config_of(shop, "{}"), night(tmp_path))
    message = str(stopped.value)
    assert "column 'contact' of table 'people': 100% of its values look like e-mail addresses" in message
    assert "{fake: email}" in message
    assert "{kind: auto}" in message
    assert str(shop.parent / "synth.yaml") in message
    assert "canary" not in message
    assert "'kin'" not in message


@pytest.mark.parametrize("word", ["{fake: email}", "{kind: auto}", "{mint: true}"])
def test_word_settles_a_suspect_and_nothing_is_read_again(shop: Path, tmp_path: Path, word: str) -> None:
    change(shop, PEOPLE)
    with pytest.raises(PersonalFound):
        extract(config_of(shop, "{}"), night(tmp_path))
    shop.unlink()

    record = extract(config_of(shop, CONTACT % word), night(tmp_path))
    assert record.suspects == ()
    assert read_record(night(tmp_path).record("extract"), Extracted) == record


def test_column_that_begins_to_look_personal_stops_the_next_night(shop: Path, tmp_path: Path) -> None:
    extract(config_of(shop, "{}"), night(tmp_path))
    change(shop, "INSERT INTO audit SELECT 'ann' || i || '@shop.example' FROM range(9) r (i)")

    with pytest.raises(PersonalFound, match="'line' of table 'audit': 90%"):
        extract(config_of(shop, "{}"), night(tmp_path, "2026-01-31"))


def test_word_taken_back_stops_the_night_that_was_read(shop: Path, tmp_path: Path) -> None:
    change(shop, PEOPLE)
    extract(config_of(shop, CONTACT % "{fake: email}"), night(tmp_path))

    with pytest.raises(PersonalFound, match="'contact' of table 'people'"):
        extract(config_of(shop, "{}"), night(tmp_path))
    with pytest.raises(PersonalFound, match="'contact' of table 'people'"):
        extract(config_of(shop, "{}"), night(tmp_path))


@pytest.mark.parametrize("tables", ["{people: {mode: copy}}", "{people: {mode: skip}}"])
def test_table_that_is_not_learned_is_not_looked_at(shop: Path, tmp_path: Path, tables: str) -> None:
    change(shop, PEOPLE)

    assert extract(config_of(shop, tables), night(tmp_path)).suspects == ()


def test_nothing_is_trained_while_there_is_a_suspect(shop: Path, tmp_path: Path) -> None:
    change(shop, PEOPLE)
    with pytest.raises(PersonalFound):
        extract(config_of(shop, "{}"), night(tmp_path))

    with pytest.raises(PersonalFound, match="'contact' of table 'people'"):
        train(night(tmp_path))
