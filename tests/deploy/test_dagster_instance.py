"""Dagster's own configuration: a real instance is made of it, on a real PostgreSQL."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")
pytest.importorskip("dagster_postgres", reason="needs the extra dev: pip install 'synth-ops[dev]'")
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]


@pytest.fixture
def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a DAGSTER_HOME that holds the deployment's dagster.yaml, and the environment that it names."""
    url = urlsplit(postgres_url)
    names = {"HOST": url.hostname, "PORT": url.port, "DB": url.path[1:], "USERNAME": url.username}
    for name, value in (names | {"PASSWORD": url.password}).items():
        monkeypatch.setenv(f"DAGSTER_PG_{name}", str(value))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(DEPLOY / "dagster" / "dagster.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[Any]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def test_runs_are_kept_in_postgres(instance: Any, home: Path) -> None:
    night = dg.asset(lambda: None, name="night", pool="gpu")
    dg.materialize([night], instance=instance)

    with dg.DagsterInstance.from_config(str(home)) as another:
        assert another.get_latest_materialization_event(night.key) is not None


def test_only_a_run_that_died_is_begun_again(instance: Any) -> None:
    """A refused gate fails the run: to begin that again would train again."""
    retries = (instance.run_retries_enabled, instance.run_retries_retry_on_asset_or_op_failure)

    assert retries == (True, False)


def test_a_run_that_hangs_ends_before_the_next_night_but_one(instance: Any) -> None:
    assert instance.run_monitoring_enabled
    assert 6 * 3600 <= instance.run_monitoring_max_runtime_seconds <= 24 * 3600


def test_nothing_is_reported(instance: Any) -> None:
    assert (instance.telemetry_enabled, instance.nux_enabled) == (False, False)


def test_gpu_has_one_slot_until_the_pool_is_told_otherwise(instance: Any) -> None:
    """The service gpu-pool does what dagster.yaml cannot: it names the pool, and gives its limit."""
    before = instance.get_concurrency_config().pool_config.default_pool_limit
    command = [c.replace("${GPU_COUNT:-1}", "2") for c in SERVICES["gpu-pool"]["command"]]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)

    assert before == 1
    assert instance.event_log_storage.get_concurrency_info("gpu").slot_count == 2


def test_workspace_names_the_location_of_compose() -> None:
    from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    (origin,) = location_origins_from_yaml_paths([str(DEPLOY / "dagster" / "workspace.yaml")])
    assert isinstance(origin, GrpcServerCodeLocationOrigin)
    command = SERVICES[origin.host]["command"]

    assert str(origin.port) == command[command.index("--port") + 1]
