"""No value of production reaches what Dagster keeps: its events, metadata, logs, and what its workers print."""

from pathlib import Path

import pytest

from tests.leaks import CANARY, leaks
from tests.projects import make_project

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster import build_synth_assets  # noqa: E402 — after the skip

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")  # Pipes uses what is in preview

NIGHT = "2026-01-30"
CHATTY = f"""
import atexit, sys
atexit.register(lambda: print({CANARY!r}, file=sys.stderr, flush=True))  # a library that quotes a row
"""


@pytest.mark.slow
def test_dagsters_home_holds_no_value_of_production_though_a_library_prints_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_project(tmp_path / "shop")
    library = tmp_path / "private" / "library"  # not scanned: it says the word itself
    library.mkdir(parents=True)
    (library / "sitecustomize.py").write_text(CHATTY)
    monkeypatch.setenv("PYTHONPATH", str(library), prepend=":")
    home = tmp_path / "home"
    home.mkdir()
    job = build_synth_assets(plan).resolve_job_def("refresh_shop")
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        run = job.execute_in_process(partition_key=NIGHT, instance=instance, raise_on_error=False)
    logs = list((plan.parent / ".synth-ops" / "shop" / "private").rglob("*.log"))

    assert run.success
    assert any(CANARY in log.read_text() for log in logs)  # it was printed
    assert len(list(home.rglob("*"))) > 3
    assert leaks(tmp_path) == []
