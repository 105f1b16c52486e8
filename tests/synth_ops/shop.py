"""A tiny shop to refresh: two tables, one foreign key, and the project that init writes for it."""

from pathlib import Path

import duckdb

from synth_ops.init import init_project
from tests.projects import fix_salt, make_public


def build_shop(folder: Path, *, n_users: int = 100) -> Path:
    """Write the database and its plan, and give the plan's path."""
    source = folder / "shop.duckdb"
    with duckdb.connect(str(source)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, plan VARCHAR NOT NULL, age INTEGER)")
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total DOUBLE)"
        )
        connection.execute(
            "INSERT INTO users SELECT i, CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END, 20 + (i * 7) % 50"
            " FROM range(1, ? + 1) r(i)",
            [n_users],
        )
        connection.execute(
            "INSERT INTO orders SELECT i, 1 + (i * 13) % ?, round(sqrt(i) * 3, 2) FROM range(1, 2 * ? + 1) r(i)",
            [n_users, n_users],
        )
    init_project(f"duckdb:///{source}", folder)
    fix_salt(folder)
    return make_public(folder / "synth.yaml")
