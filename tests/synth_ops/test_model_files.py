"""What a model's folder holds: no row, no rare value, no exact extreme."""

import json
import struct
from pathlib import Path

import duckdb
import pytest
from safetensors.numpy import load_file

from synth_ops.plan import load_config
from synth_ops.records import Trained
from synth_ops.refresh import take_step, workspace_of

NIGHT = "2026-01-01"
FEW = {
    "rare category": "zanzibar-canary",
    "rare text": "free text of row 11, canary-5521",
    "faked": "secret.person@canary.example",
    "rare day": "1907-03-14",
}
EXTREME, EXTREME_FLOAT = 987_654_321_987, 123_456.789_012
SQL = f"""
CREATE TABLE people (id BIGINT PRIMARY KEY, city VARCHAR, note VARCHAR, email VARCHAR, born DATE,
    income BIGINT, score DOUBLE);
INSERT INTO people SELECT i,
    CASE WHEN i % 100 = 7 THEN '{FEW["rare category"]}' ELSE 'city ' || (i % 5) END,
    CASE WHEN i = 11 THEN '{FEW["rare text"]}' ELSE 'note of row ' || i END,
    CASE WHEN i = 12 THEN '{FEW["faked"]}' ELSE 'user' || i || '@example.org' END,
    CASE WHEN i % 200 = 13 THEN DATE '{FEW["rare day"]}' ELSE DATE '1980-01-01' + CAST(i * 7 % 4000 AS INTEGER) END,
    CASE WHEN i = 14 THEN {EXTREME} ELSE 20000 + i * 37 % 9000 END,
    CASE WHEN i = 15 THEN {EXTREME_FLOAT} ELSE sin(i) END
FROM range(0, 400) r(i);
"""


@pytest.fixture(scope="module", params=["vae", "gan"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a model, whose training left its checkpoint files elsewhere."""
    project = tmp_path_factory.mktemp(request.param)
    with duckdb.connect(str(project / "people.duckdb")) as connection:
        connection.execute(SQL)
    defaults = f"{{model: {request.param}, time_budget: 2s}}"
    source = f"duckdb:///{project / 'people.duckdb'}"
    plan = project / "synth.yaml"
    plan.write_text(f"dataset: shop\nsource: {source}\npublish: out\ndefaults: {defaults}\n")
    config = load_config(plan)
    take_step("extract", config, NIGHT)
    trained = take_step("train", config, NIGHT)
    assert isinstance(trained, Trained)
    return workspace_of(config, NIGHT).models("people") / str(trained.tables[0].model_id)


def test_no_file_holds_a_rare_value(folder: Path) -> None:
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    numbers = [EXTREME, EXTREME_FLOAT]
    spelt = [str(n).encode() for n in numbers] + [b"987654321"]
    packed = [struct.pack("<q", EXTREME), struct.pack("<d", EXTREME_FLOAT), struct.pack("<f", EXTREME_FLOAT)]
    for name in [*(v.encode() for v in FEW.values()), b"canary", *spelt, *packed]:
        assert name not in content, name


def test_common_values_are_found_by_the_same_search(folder: Path) -> None:
    """The search sees what is there: a test that finds nothing must be able to find something."""
    content = b"".join(path.read_bytes() for path in folder.rglob("*.json"))

    assert b"city 1" in content


def test_no_tensor_has_a_place_for_each_row(folder: Path) -> None:
    """Weights grow with the vocabulary, never with the rows: a table of 400 rows leaves no axis of 400, or of 320."""
    weights = load_file(folder / "model.safetensors")
    n_learned = json.loads((folder / "relations.json").read_text())["n_rows"]

    assert all(n_learned not in value.shape for value in weights.values())
