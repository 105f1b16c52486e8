import json
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from tests.airflow_home import AirflowHome, needs_airflow

pytestmark = needs_airflow


def test_provider_is_what_airflows_schema_asks_for() -> None:
    (entry,) = entry_points(group="apache_airflow_provider", name="provider_info").select(
        value="synth_ops.airflow.provider:get_provider_info"
    )
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    info = entry.load()()

    jsonschema.validate(info, schema)
    named = [m for kind in ("operators", "triggers") for group in info[kind] for m in group["python-modules"]]
    assert all(find_spec(module) for module in named)


def test_airflow_lists_the_provider_and_its_links(tmp_path: Path) -> None:
    program = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
print(json.dumps({"names": sorted(manager.providers), "links": sorted(manager.extra_links_class_names)}))
"""
    found = AirflowHome(tmp_path).ask(program)

    assert "synth-ops" in found["names"]
    assert {"synth_ops.airflow.links.ReportLink", "synth_ops.airflow.links.SnapshotLink"} <= set(found["links"])


@pytest.mark.parametrize("name", ["SynthRefreshOperator", "SynthStepOperator", "synth_refresh_task_group", "train_pod"])
def test_package_gives_what_it_names(tmp_path: Path, name: str) -> None:
    program = f"import json, synth_ops.airflow as a; print(json.dumps(callable(a.{name}) and {name!r} in a.__all__))"
    assert AirflowHome(tmp_path).ask(program) is True
