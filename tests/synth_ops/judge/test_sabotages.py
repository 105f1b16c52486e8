"""The gate's own test: honest rows pass, and every sabotage is caught by a check that is there to catch it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gate.sabotages import SABOTAGES, Sabotage

from synth_ops.expectations.rules import RULES
from synth_ops.judge import Judged, Question, judge
from tests.synth_ops.judge.people import draw_people

N_REAL, N_HOLDOUT, N_COPY = 4_500, 2_250, 4_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with real and held-out rows."""
    folder = tmp_path_factory.mktemp("people")
    draw_people(N_REAL, 1).to_parquet(folder / "people.parquet", index=False)
    draw_people(N_HOLDOUT, 2).to_parquet(folder / "holdout.parquet", index=False)
    return folder


def judged(folder: Path, copy: pd.DataFrame, public: str | None = None) -> Judged:
    path = folder / "copy.parquet"
    copy.to_parquet(path, index=False)
    real, holdout = folder / "people.parquet", folder / "holdout.parquet"
    return judge(Question(real=real, synthetic=path, holdout=holdout, public=public))


def refused(result: Judged) -> set[str]:
    """Give the types of the expectations that blocked."""
    return {c.name.partition("(")[0] for c in result.checks if c.verdict == "FAIL" and c.severity == "critical"}


def test_honest_rows_pass(folder: Path) -> None:
    result = judged(folder, draw_people(N_COPY, 3))

    assert [c.prose for c in result.checks if c.verdict != "PASS" and c.severity == "critical"] == []


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda s: s.name)
def test_a_sabotaged_copy_is_refused_by_the_check_that_should(folder: Path, sabotage: Sabotage) -> None:
    copy = sabotage.spoil(draw_people(N_REAL, 1), draw_people(N_COPY, 3), np.random.default_rng(0))
    assert copy is not None

    is_private = all(RULES[name].group == "privacy" for name in sabotage.caught_by)
    # Attacks take most of the time, and what fidelity can catch, it is to catch without them.
    result = judged(folder, copy, None if is_private else "these people are drawn by a test")

    assert result.verdict == "FAIL"
    assert refused(result) & set(sabotage.caught_by)
