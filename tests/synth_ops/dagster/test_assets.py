from pathlib import Path
from typing import Any

import pytest

from tests.projects import edit
from tests.synth_ops.shop import build_shop

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")
NIGHT = "2026-01-30"


@pytest.mark.slow
def test_a_partition_is_a_night_that_ends_in_a_snapshot(tmp_path: Path) -> None:
    run = _materialize(build_shop(tmp_path))
    metadata = {e.asset_key.path[-1]: e.materialization.metadata for e in run.get_asset_materialization_events()}

    assert run.success
    assert list(metadata) == ["extract", "train", "sample", "validate", "publish"]
    assert metadata["sample"]["rows/users"].value == 100
    assert metadata["validate"]["verdict"].value == "PASS"
    assert Path(metadata["publish"]["snapshot"].value, "manifest.json").is_file()


def test_what_the_plan_forbids_is_not_retried(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    edit(plan, "  users:\n", "  users:\n    columns: {no_such: {kind: numeric}}\n")
    run = _materialize(plan, raise_on_error=False)
    failures = [e.step_failure_data for e in run.all_events if e.is_step_failure]

    assert [f.user_failure_data is not None and "no_such" in f.user_failure_data.description for f in failures] == [
        True
    ]
    assert not [e for e in run.all_events if e.is_step_up_for_retry]


def _materialize(plan: Path, **options: bool) -> Any:
    from synth_ops.dagster import build_synth_assets

    definitions = build_synth_assets(plan)
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(list(definitions.assets or ()), instance=instance, partition_key=NIGHT, **options)
