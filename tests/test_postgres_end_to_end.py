"""A PostgreSQL shop of awkward types and keys: init, one refresh, and a snapshot like its source."""

from collections.abc import Mapping
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest

from synth_ops import open_snapshot
from synth_ops.arrow_types import arrow_schema
from synth_ops.init import init_project
from synth_ops.relate.match import any_null, find_rows, key_of
from synth_ops.schema import ForeignKey
from synth_ops.source import open_source
from tests.projects import NIGHT, edit, make_public, run

SHOP = """
CREATE TYPE plan AS ENUM ('free', 'paid');
CREATE DOMAIN postcode AS varchar(10) CHECK (VALUE ~ '^[0-9]+$');
CREATE TABLE users (
    id uuid PRIMARY KEY, plan plan NOT NULL, tags text[], settings jsonb, seen timestamptz NOT NULL, address inet,
    photo bytea, balance numeric(12,2) NOT NULL, stay int4range, post postcode, boss uuid REFERENCES users);
CREATE TABLE products (
    region integer, code varchar(8), price numeric(12,2) CHECK (price > 0),
    taxed numeric(12,2) GENERATED ALWAYS AS (round(price * 1.2, 2)) STORED, PRIMARY KEY (region, code));
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL REFERENCES users, first_item bigint);
CREATE TABLE order_items (
    id bigserial PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, region integer NOT NULL,
    code varchar(8) NOT NULL, quantity smallint NOT NULL CHECK (quantity BETWEEN 1 AND 9),
    FOREIGN KEY (region, code) REFERENCES products);
ALTER TABLE orders ADD FOREIGN KEY (first_item) REFERENCES order_items (id);
INSERT INTO users SELECT md5(i::text)::uuid, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END::plan, ARRAY['a', NULL],
    '{"a": 1}', timestamptz '2024-01-01 00:00Z' + i * interval '7 hours', '10.0.0.1', '\\x00ff', i * 1.25, '[1,3)',
    '1234', CASE WHEN i > 5 THEN md5((i % 5 + 1)::text)::uuid END FROM generate_series(1, 60) i;
INSERT INTO products SELECT i % 3, 'P' || (1000 + i), 1 + i FROM generate_series(1, 30) i;
INSERT INTO orders (user_id) SELECT md5((1 + i * 7 % 60)::text)::uuid FROM generate_series(1, 90) i;
INSERT INTO order_items (order_id, region, code, quantity)
    SELECT 1 + i * 11 % 90, (1 + i % 30) % 3, 'P' || (1001 + i % 30), 1 + i % 9 FROM generate_series(1, 150) i;
UPDATE orders SET first_item = (SELECT min(i.id) FROM order_items i WHERE i.order_id = orders.id);
"""


def test_a_snapshot_has_the_types_and_the_keys_of_its_source(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(SHOP)
        cursor.execute("SELECT id FROM users")
        real_users = [row[0] for row in cursor.fetchall()]
    connection.close()
    monkeypatch.setenv("SHOP_URL", postgres_url)
    init_project("${SHOP_URL}", tmp_path, dataset="shop")
    make_public(tmp_path / "synth.yaml")
    edit(tmp_path / "synth.yaml", "rows: 1.0}", "rows: 1.0, time_budget: 1s}")

    done = run(tmp_path / "synth.yaml", "refresh", "--night", NIGHT, "--device", "cpu")

    assert done.returncode == 0, done.stderr
    snapshot = open_snapshot(tmp_path / "snapshots", "shop")
    copy = {name: snapshot.table(name).to_arrow() for name in snapshot.tables}
    with open_source(postgres_url) as source:
        tables = source.database().tables
    assert {t.name: copy[t.name].schema.remove_metadata() for t in tables} == {t.name: arrow_schema(t) for t in tables}
    assert [k.name for t in tables for k in t.foreign_keys if not resolves(copy, t.name, k)] == []
    users = {str(uuid) for uuid in real_users}
    assert users.isdisjoint(copy["users"]["id"].to_pylist())


def resolves(copy: Mapping[str, pa.Table], table: str, key: ForeignKey) -> bool:
    """Tell whether every reference of a table finds its parent."""
    mine = key_of(copy[table], key.columns)
    found = find_rows(mine, key_of(copy[key.ref_table], key.ref_columns))
    return bool(((found >= 0) | any_null(mine)).all())
