from typing import Any

import pytest

from tests.airflow_home import AirflowHome, needs_airflow

pytestmark = needs_airflow

PASSWORD = "p@ss/w:rd ü"
CONNECTIONS = {
    "AIRFLOW_CONN_PG": '{"conn_type": "postgres", "login": "reader", "password": "p@ss/w:rd ü", "host": "db",'
    ' "port": 5433, "schema": "shop", "extra": {"sslmode": "require", "cursor": "dictcursor"}}',
    "AIRFLOW_CONN_DUCK": '{"conn_type": "duckdb", "host": "/srv/shop.duckdb"}',
    "AIRFLOW_CONN_LITE": '{"conn_type": "sqlite", "host": "/srv/shop.db"}',
    "AIRFLOW_CONN_FOLDER": '{"conn_type": "fs", "extra": {"path": "/srv/rows"}}',
    "AIRFLOW_CONN_BUCKET": '{"conn_type": "aws", "login": "AKIA", "password": "s3cr3t",'
    ' "extra": {"endpoint_url": "http://minio:9000", "region_name": "eu-central-1"}}',
    "AIRFLOW_CONN_WEB": '{"conn_type": "http", "host": "x"}',
}
PROGRAM = """
import json, logging, sys
from airflow.providers.common.compat.sdk import redact
from synth_ops.airflow.connections import source_env, store_env
from synth_ops.plan import load_config

def config(source):
    with open(sys.argv[1], "w") as file:
        file.write(f"dataset: shop\\nsource: {source}\\npublish: ./snapshots\\n")
    return load_config(sys.argv[1])

def error(call, *arguments):
    try:
        call(*arguments)
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"

one = config("${PROD_URL}")
found = {name: source_env(name, one) for name in ("pg", "duck", "lite", "folder")}
found["bucket"] = store_env("bucket")
found["kind"] = error(source_env, "web", one)
found["store"] = error(store_env, "pg")
found["plain"] = error(source_env, "pg", config("duckdb:///shop.duckdb"))
found["redacted"] = redact(f"cannot connect: {found['pg']['PROD_URL']}, {found['bucket']['AWS_SECRET_ACCESS_KEY']}")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what a worker's environment gets of each connection."""
    folder = tmp_path_factory.mktemp("connections")
    answer: dict[str, Any] = AirflowHome(folder).ask(PROGRAM, str(folder / "synth.yaml"), env=CONNECTIONS)
    return answer


def test_url_of_a_database_fills_the_variable_that_the_plan_names(found: dict[str, Any]) -> None:
    url = "postgresql://reader:p%40ss%2Fw%3Ard%20%C3%BC@db:5433/shop?sslmode=require"
    assert found["pg"] == {"PROD_URL": url}


def test_files_and_folders_are_sources_too(found: dict[str, Any]) -> None:
    assert found["duck"] == {"PROD_URL": "duckdb:////srv/shop.duckdb"}
    assert found["lite"] == {"PROD_URL": "sqlite:////srv/shop.db"}
    assert found["folder"] == {"PROD_URL": "parquet:/srv/rows"}


def test_store_gives_credentials_endpoint_and_region(found: dict[str, Any]) -> None:
    assert found["bucket"] == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s3cr3t",
        "AWS_ENDPOINT_URL": "http://minio:9000",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }


def test_secrets_are_masked_as_they_are_and_in_urls(found: dict[str, Any]) -> None:
    assert found["redacted"] == "cannot connect: ***, ***"


def test_connection_of_another_kind_names_those_there_are(found: dict[str, Any]) -> None:
    assert "PlanError: conn_id='web' must be a connection of type postgres" in found["kind"]
    assert "PlanError: publish_conn_id='pg' must be a connection of type aws" in found["store"]


def test_plan_without_a_variable_says_what_to_write(found: dict[str, Any]) -> None:
    assert "synth.yaml:2: source must be one variable, such as ${PROD_URL}" in found["plain"]
