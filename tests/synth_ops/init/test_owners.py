from pathlib import Path

import duckdb
import pytest

from synth_ops.init import init_project
from synth_ops.plan import Plan, load_config, resolve
from synth_ops.source import open_source

MUSIC = """
CREATE TABLE media (id INTEGER PRIMARY KEY, kind VARCHAR);
CREATE TABLE tracks (id INTEGER PRIMARY KEY, media_id INTEGER NOT NULL REFERENCES media (id), bytes INTEGER);
CREATE TABLE plays (id INTEGER PRIMARY KEY, track_id INTEGER NOT NULL REFERENCES tracks (id));
CREATE TABLE members (id INTEGER PRIMARY KEY, email VARCHAR);
CREATE TABLE visits (id INTEGER PRIMARY KEY, member_id INTEGER NOT NULL REFERENCES members (id), minutes INTEGER);
INSERT INTO media SELECT i, 'k' || i FROM range(5) r(i);
INSERT INTO tracks SELECT i, i % 5, i FROM range(2500) r(i);
INSERT INTO plays SELECT i, i % 2500 FROM range(3000) r(i);
INSERT INTO members SELECT i, 'm' || i || '@example.org' FROM range(50) r(i);
INSERT INTO visits SELECT i, i % 50, i FROM range(2500) r(i);
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Give the plan of the project that init writes."""
    with duckdb.connect(str(tmp_path / "music.duckdb")) as connection:
        connection.execute(MUSIC)
    init_project(f"duckdb:///{tmp_path}/music.duckdb", tmp_path / "project")
    config = load_config(tmp_path / "project/synth.yaml")
    with open_source(config.source) as source:
        return resolve(config, source.database())


def test_rows_whose_keys_lead_to_a_handful_are_each_their_own(plan: Plan) -> None:
    assert plan.table("tracks").entity.columns == ("id",)
    assert plan.table("tracks").entity.through is None
    assert plan.table("plays").entity.columns == ("track_id",)


def test_rows_of_persons_stay_theirs_however_few_they_are(plan: Plan) -> None:
    assert plan.table("visits").entity.columns == ("member_id",)
