"""The command as a person calls it; the peers' environments are large, and tests fetch nothing."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMAND = Path(__file__).resolve().parents[3] / "benchmarks" / "generators"
JUDGE = """
import json, sys
import pyarrow.parquet as pq
train, holdout, synthetic = (pq.read_table(p) for p in sys.argv[1:4])
assert sys.argv[4:] == ["--json", "--target", "y"] and synthetic.schema.names == train.schema.names
figures = dict.fromkeys(["c2st", "shape", "trend", "pair", "mle", "dcr", "copies"], 0.5)
print(json.dumps({"synthetic": figures, "floor": figures}))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    pq.write_table(pa.table({"x": rng.normal(size=300), "y": rng.integers(0, 2, 300)}), tmp_path / "toy.parquet")
    (tmp_path / "judge.py").write_text(JUDGE)
    return tmp_path


def call(data: Path, *words: str, judge: str = "judge.py") -> subprocess.CompletedProcess[str]:
    places = ["--data", str(data), "--judge", str(data / judge), "--results", str(data), "--tables", "toy"]
    command = [sys.executable, str(COMMAND), *places, "--contenders", "vae", "--time-budget", "1s", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_ours_is_measured_once_and_kept(data: Path) -> None:
    first, second = call(data), call(data)

    [cell] = json.loads((data / "results.json").read_text())
    assert (first.returncode, cell["error"], cell["n_train"], cell["n_sampled"]) == (0, "", 240, 240), first.stderr
    assert 0 < cell["fit_seconds"] < cell["wall_seconds"]
    assert cell["sample_seconds"] > 0
    assert "| toy (240 x 2) | vae |" in first.stdout
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert (data / "results.svg").read_text().startswith("<?xml")


def test_over_the_limit_a_contender_is_killed(data: Path) -> None:
    assert "not finished within 1 s" in call(data, "--limit", "1s").stdout


@pytest.mark.parametrize(
    ("words", "judge", "said"),
    [
        (["--tables", "none"], "judge.py", "--data must hold none.parquet"),
        ([], "no_judge.py", "--judge must be a script"),
        (["--contenders", "sdv"], "judge.py", "contenders are vae, gan"),
        (["--time-budget", "soon"], "judge.py", "a time is a number and s, m or h"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(data: Path, words: list[str], judge: str, said: str) -> None:
    ended = call(data, *words, judge=judge)

    assert ended.returncode
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
