"""Every block of README.md is run or checked, and what it points at is there.

Blocks run in the order of the page, in the project of a small shop. What is put in the place of a command that is too
heavy, or that would fetch from the network, stands in `SUBSTITUTES`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb
import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from synth_ops.cli.app import app
from synth_ops.expectations.rules import RULES
from synth_ops.plan import Config, load_config, resolve
from synth_ops.source import open_source
from tests.projects import fix_salt, make_public

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "deploy/README.md",
    "expectations/README.md",
)

SUBSTITUTES: Mapping[str, str] = {
    # This checkout is the clone.
    "git clone <this repository> synth-ops": ":",
    "cd synth-ops": ":",
    # make's last command, on the shop, for the demo takes minutes; test_make_refresh_ends_in_a_refresh ties the two.
    "make refresh": "(cd demo && synth-ops refresh --quiet)",
    # pip would fetch. test_extras_of_the_install_line_exist checks the line.
    "pip install '.[postgres,dagster,airflow]'": ":",
    # The tests do not start themselves; make knows the targets.
    "make check": 'make -C "$ROOT" -n check',
    "make test": 'make -C "$ROOT" -n test',
}
SHOP = """
CREATE TABLE countries (code VARCHAR PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE users (
    id INTEGER PRIMARY KEY, email VARCHAR NOT NULL, plan VARCHAR NOT NULL, age INTEGER,
    country VARCHAR NOT NULL REFERENCES countries (code));
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), placed DATE NOT NULL, total DECIMAL(8, 2));
CREATE TABLE audit_log (noted TIMESTAMP NOT NULL, line VARCHAR);
INSERT INTO countries VALUES ('DE', 'Germany'), ('FR', 'France'), ('PT', 'Portugal');
INSERT INTO users SELECT
    i, 'user' || i || '@shop.example', CASE WHEN i % 3 = 0 THEN 'free' ELSE 'paid' END, 20 + (i * 7) % 50,
    ['DE', 'FR', 'PT'][1 + i % 3] FROM range(1, $n_users + 1) r(i);
INSERT INTO orders SELECT i, 1 + (i * 13) % $n_users, DATE '2025-01-01' + (i % 365)::INTEGER, round(sqrt(i) * 3, 2)
    FROM range(1, 2 * $n_users + 1) r(i);
INSERT INTO audit_log SELECT TIMESTAMP '2026-01-01' + to_seconds(i), 'line ' || i FROM range(50) r(i);
"""
ROW_OF_A_REFRESH = r"\w+ +[\d,]+ +\w+ \([^)]+\) +([\d.]+( \([\d.]+\))?)? +\d.*"


@dataclass(frozen=True)
class Block:
    """One fenced block of the page."""

    line: int
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """Give the page's blocks of these languages, or all."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    every = [Block(text[: m.start()].count("\n") + 1, m[1], m[2]) for m in found]
    return [b for b in every if not languages or b.language in languages]


def commands(block: Block) -> list[str]:
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]


def shown(block: Block) -> list[str]:
    """Give the lines of output that a block shows; others may come between, as ``...`` says to the reader."""
    return [x for x in block.text.splitlines() if x.strip() and not x.startswith("$ ") and x.strip() != "..."]


def shape(line: str) -> str:
    """Give the line without what differs from run to run: figures, durations, snapshot ids, where the project lies."""
    line = re.sub(r"\S*/(?=(snapshots|\.synth-ops)/)", "", line)
    line = re.sub(r"\d{4}-\d\d-\d\d-\d{3}-[0-9a-f]{8}", "<snapshot>", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "<instant>", line)
    line = re.sub(r"(\d+ h )?(\d+ min )?\b\d+(\.\d)? s\b|\d+ h \d+ min", "<duration>", line)
    line = re.sub(r"\d[\d,.]*", "<figure>", line)
    return " ".join(line.split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the shop's database, and one with a project for the demo's part."""
    (tmp_path / "demo").mkdir()
    for folder, n_users in ((tmp_path, 300), (tmp_path / "demo", 40)):  # of so few, no joint is learned: in seconds
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            connection.execute(SHOP.replace("$n_users", str(n_users)))
        fix_salt(folder)  # of 600 orders, one night in ten holds out too few to say how faithful they are
    return tmp_path


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-uc", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "ROOT": str(ROOT), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_block(block: Block, project: Path) -> None:
    """Run a block as a person does, or put the plan that it shows in its place."""
    if block.language == "yaml" and "dataset:" in block.text:
        (project / "synth.yaml").write_text(block.text, encoding="utf-8")
    elif block.language == "python" and "airflow" not in block.text and "dagster" not in block.text:
        done = subprocess.run([sys.executable, "-c", block.text], cwd=project, check=False)
        assert done.returncode == 0, f"README.md:{block.line} stopped"
    elif block.language == "console":
        script = "\n".join(SUBSTITUTES.get(c, c) for c in commands(block))
        _compare(block, run(script, project).stdout)


def _compare(block: Block, output: str) -> None:
    """See that every line that is shown came out, in this order."""
    if "make refresh" in block.text:
        _compare_tables(shown(block), output)
        return
    lines = iter([shape(line) for line in output.splitlines()])
    for line in shown(block):
        assert shape(line) in lines, f"README.md:{block.line} shows {line!r}, which is not in:\n{output}"


def _compare_tables(expected: list[str], output: str) -> None:
    """Compare the ends of two refreshes of different tables by their form."""
    lines = output.splitlines()
    actual = lines[next(i for i, line in enumerate(lines) if line.startswith("table ")) :]
    for ending in (expected, actual):
        assert ending[0].split() == ["table", "rows", "decision", "fidelity", "(floor)", "time"]
        assert all(re.fullmatch(ROW_OF_A_REFRESH, row.strip()) for row in ending[1:-3])
        assert [line.split()[0] for line in ending[-3:]] == ["verdict", "snapshot", "report"]


@pytest.mark.slow
def test_every_block_runs_as_shown(project: Path) -> None:
    run("synth-ops init duckdb:///shop.duckdb", project / "demo")
    make_public(project / "demo" / "synth.yaml")

    for block in blocks():
        run_block(block, project)


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {b.language for b in blocks()} == {"console", "python", "yaml"}


def test_every_substitute_is_still_on_the_page() -> None:
    on_page = {c for b in blocks("console") for c in commands(b)}

    assert set(SUBSTITUTES) <= on_page


def test_make_refresh_ends_in_a_refresh() -> None:
    steps = run('make -C "$ROOT" -n refresh', ROOT).stdout.splitlines()

    assert any(step.strip() == ".venv/bin/synth-ops refresh" for step in steps)


def test_extras_of_the_install_line_exist() -> None:
    line = next(c for b in blocks("console") for c in commands(b) if c.startswith("pip install"))
    declared = re.search(
        r"^\[project.optional-dependencies\]\n(.*?)^\[", _read("pyproject.toml"), re.MULTILINE | re.DOTALL
    )

    assert declared is not None
    assert set(re.findall(r"\w+(?=[,\]])", line)) <= set(re.findall(r"^(\w+) =", declared[1], re.MULTILINE))


def test_plan_of_the_page_fits_its_database_and_the_published_schema(project: Path) -> None:
    plan = project / "synth.yaml"
    plan.write_text(blocks("yaml")[0].text, encoding="utf-8")
    with open_source(f"duckdb:///{project / 'shop.duckdb'}") as source:
        resolved = resolve(load_config(plan), source.database())

    jsonschema.validate(yaml.safe_load(plan.read_text(encoding="utf-8")), Config.model_json_schema())
    assert resolved.table("users").column("email").provider == "email"


@pytest.mark.parametrize("shell", ["dagster", "airflow"])
def test_pipeline_of_the_page_loads(shell: str, project: Path) -> None:
    if find_spec(shell) is None:
        pytest.skip(f"needs the extra {shell}: pip install 'synth-ops[{shell}]'")
    (project / "synth.yaml").write_text(blocks("yaml")[0].text, encoding="utf-8")
    block = next(b for b in blocks("python") if shell in b.text)
    settings = {"AIRFLOW_HOME": str(project / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=project, env=os.environ | settings, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr.decode()


def command_paths() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Give every command's words, and whether --help shows it."""
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined] # a group
        inner = getattr(command, "commands", None)
        yield from (((name, word), True) for word in inner) if inner else [((name,), not command.hidden)]


def test_every_command_is_on_the_page() -> None:
    rows = re.findall(r"^\| `synth-ops ([a-z ]+?)(?: [A-Z].*?)?` \|", _read("README.md"), re.MULTILINE)

    assert sorted(rows) == sorted(" ".join(path) for path, _ in command_paths())


@pytest.mark.parametrize("path", [path for path, is_shown in command_paths() if is_shown], ids=" ".join)
def test_every_help_has_an_example(path: tuple[str, ...]) -> None:
    shown_help = CliRunner().invoke(app, [*path, "--help"]).output

    assert f"synth-ops {' '.join(path)}" in shown_help.partition("Example")[2]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_into_the_repository_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", _read(page))

    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_every_expectation_of_ours_is_explained_to_who_edits_bounds() -> None:
    rows = re.findall(r"^\| `(expect_\w+)` \|", _read("expectations/README.md"), re.MULTILINE)

    assert sorted(rows) == sorted(RULES)


def test_architecture_names_every_folder_and_nothing_else() -> None:
    tree = _read("ARCHITECTURE.md").partition("```")[2].partition("```")[0]
    named = set(re.findall(r"^  (\w+)/", tree, re.MULTILINE))
    there = {p.parent.name for p in (ROOT / "synth_ops").glob("*/__init__.py")}

    assert named == there


def _read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")
