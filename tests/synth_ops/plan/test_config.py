import json
from pathlib import Path

import pytest

import synth_ops.plan
from synth_ops.errors import PlanError
from synth_ops.plan import Config, load_config

HEAD = "dataset: shop\nsource: duckdb:///x.duckdb\npublish: out\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "synth.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("dataset: shop\npublish: out\n", 1, ["source must be there"]),
        (HEAD + "privcy: {}\n", 4, ["privcy", "'privacy'"]),
        (HEAD + "tables:\n  users:\n    mode: cpoy\n", 6, ["tables.users.mode", "synthesize", "'cpoy'", "'copy'"]),
        (HEAD + "tables:\n  users: {model: vea}\n", 5, ["vae", "'vea'"]),
        (HEAD + "tables:\n  users:\n    columns:\n      email: {fkae: email}\n", 7, ["email.fkae", "'fake'"]),
        (HEAD + "tables:\n  users:\n    columns:\n      a: {kind: numeral}\n", 7, ["kind", "'numeric'"]),
        (HEAD + "tables:\n  users:\n    columns:\n      a: {copy: false}\n", 7, ["must be true"]),
        (HEAD + "tables:\n  users: {time_budget: 5}\n", 5, ["time_budget", "5m", "however: 5"]),
        (HEAD + "tables:\n  users: {time_budget: 5d}\n", 5, ["time_budget", "5m"]),
        (HEAD + "tables:\n  users: {rows: true}\n", 5, ["rows", "ratio"]),
        (HEAD + "tables:\n  users: {rows: -1}\n", 5, ["rows", "-1"]),
        (HEAD + "tables:\n  users: {key_offset: 1.5}\n", 5, ["whole number"]),
        (HEAD + "tables: [users]\n", 4, ["mapping", "a list"]),
        (HEAD + "tables:\n  o:\n    foreign_keys:\n      - {columns: [a], reference: b}\n", 7, ["'references'"]),
        (HEAD + "privacy:\n  holdout: 2\n", 5, ["at most 0.9"]),
        (HEAD + "privacy:\n  clip_extremes: 'no'\n", 5, ["true or false"]),
        (HEAD + "dataset: two\n", 4, ["line 1"]),
        (HEAD + "tables:\n  users: {}\n  users: {}\n", 6, ["tables.users", "line 5"]),
        (HEAD + "workspace: !!python/object/apply:os.getcwd []\n", 4, ["tag"]),
        (HEAD + "workspace: !env HOME\n", 4, ["tag"]),
        (HEAD + "workspace: ${HOME}/x\n", 4, ["source and publish only"]),
        (HEAD + "tables:\n  ${TABLE}: {}\n", 5, ["source and publish only"]),
        (HEAD + "tables: {users: [}\n", 4, ["YAML"]),
        ("dataset: ../x\nsource: duckdb:///x\npublish: out\n", 1, ["letters, digits"]),
        ("dataset: shop\nsource: 5\npublish: out\n", 2, ["source must be text", "a number"]),
        ("dataset: shop\nsource: postgresql://${A B}@db/x\npublish: out\n", 2, ["${NAME}"]),
    ],
)
def test_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    path = write(tmp_path, text)

    with pytest.raises(PlanError) as caught:
        load_config(path)
    said = "".join(s for s in str(caught.value).splitlines() if f"{path}:{line}:" in s)
    assert all(word in said for word in words), said


def test_every_problem_is_in_one_error(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "a: 1\nb: 2\ntables: {t: {mode: x}}\nworkspace: ${X}\n")

    with pytest.raises(PlanError) as caught:
        load_config(path)
    assert [f"{path}:{n}:" in str(caught.value) for n in (4, 5, 6, 7)] == [True] * 4


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://bo:hunter2@db/shop",
        "postgresql://bo:hunter2/x@db/shop",
        "postgresql://bo:hunter2${MORE}@db/shop",
        "postgresql://db/shop?password=hunter2",
        "mssql+pyodbc:///?odbc_connect=UID%3Dbo%3BPWD%3Dhunter2",
    ],
)
def test_password_in_source_is_refused_and_not_echoed(tmp_path: Path, source: str) -> None:
    path = write(tmp_path, f"dataset: shop\nsource: {source}\npublish: out\n")

    with pytest.raises(PlanError, match=f"{path}:2: source must not hold a password") as caught:
        load_config(path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "source", ["${URL}", "postgresql://bo:${PASSWORD}@db/shop", "postgresql://bo@db/shop", "parquet:/data/a@b:c"]
)
def test_secret_by_name_is_kept_unexpanded(tmp_path: Path, source: str) -> None:
    path = write(tmp_path, f"dataset: shop\nsource: {source}\npublish: out\n")

    assert load_config(path).source == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("duckdb:///a/x.duckdb", "duckdb:///{here}/a/x.duckdb"),
        ("sqlite:///../x.db?mode=ro", "sqlite:///{above}/x.db?mode=ro"),
        ("duckdb:////srv/x.duckdb", "duckdb:////srv/x.duckdb"),
        ("parquet:rows", "parquet:{here}/rows"),
        ("csv:./rows", "csv:{here}/rows"),
        ("rows", "{here}/rows"),
        ("parquet:///srv/rows", "parquet:///srv/rows"),
        ("postgresql://db/shop", "postgresql://db/shop"),
    ],
)
def test_paths_start_at_the_file(tmp_path: Path, source: str, expected: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    config = load_config(write(folder, f"dataset: shop\nsource: {source}\npublish: ./out\n"))

    assert config.source == expected.format(here=folder, above=tmp_path)
    assert config.publish == str(folder / "out")
    assert config.workspace == folder / ".synth-ops"
    assert config.expectations == str(folder / "expectations")


def test_names_that_yaml_takes_for_other_things_stay_names(tmp_path: Path) -> None:
    text = HEAD + "tables:\n  no: {columns: {null: {null: true}, 1: {copy: true}, 2026-01-01:}}\n  off:\n"
    config = load_config(write(tmp_path, text))

    assert list(config.tables) == ["no", "off"]
    assert list(config.tables["no"].columns) == ["null", "1", "2026-01-01"]


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = write(tmp_path, "\n".join([HEAD + "a0: &a0 [x]", *levels]))

    with pytest.raises(PlanError, match="aliases"):
        load_config(path)


def test_alias_of_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="aliases"):
        load_config(write(tmp_path, HEAD + "tables: &t {a: *t}\n"))


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="synth-ops init"):
        load_config(tmp_path / "none.yaml")


def test_published_schema_equals_the_models() -> None:
    path = Path(synth_ops.plan.__file__).with_name("synth.schema.json")

    assert json.loads(path.read_text()) == json.loads(json.dumps(Config.model_json_schema()))
