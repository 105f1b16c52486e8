"""Airflow connections as what a worker reads from its environment: secrets never reach synth.yaml, a file or a log."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from synth_ops.airflow.compat import BaseHook
from synth_ops.airflow.compat import mask_secret as mask
from synth_ops.errors import PlanError
from synth_ops.plan import Config
from synth_ops.settings import SECRET

SCHEMES: Mapping[str, str] = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql"}
FILES: Mapping[str, str] = {"duckdb": "duckdb:///", "sqlite": "sqlite:///", "fs": "parquet:"}
OF_LIBPQ = re.compile(r"ssl\w*|connect_timeout|application_name|options|target_session_attrs|keepalives\w*")
"""Extras that the database's own library understands; all others are Airflow's."""
STORES = ("aws", "s3")


def source_env(conn_id: str, config: Config) -> dict[str, str]:
    """Give the variable that `source:` names, with the connection's URL in it.

    Raises:
        PlanError: `source:` names no variable, or the connection is of a kind that nothing reads.
    """
    named = SECRET.fullmatch(config.source)
    if named is None:
        raise PlanError(
            f"{config.where('source')}: source must be one variable, such as ${{PROD_URL}}, for conn_id={conn_id!r} to"
            " fill it, however it is not. Write so, or leave conn_id out."
        )
    return {named[1]: _masked(_url(BaseHook.get_connection(conn_id), conn_id))}


def store_env(conn_id: str) -> dict[str, str]:
    """Give the variables by which clients of S3 find credentials, an endpoint and a region.

    Raises:
        PlanError: the connection is not one to S3.
    """
    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type not in STORES:
        raise PlanError(_wrong(conn_id, connection.conn_type, "publish_conn_id", STORES))
    extra = connection.extra_dejson
    found = {
        "AWS_ACCESS_KEY_ID": connection.login or extra.get("aws_access_key_id"),
        "AWS_SECRET_ACCESS_KEY": connection.password or extra.get("aws_secret_access_key"),
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"),
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
        "AWS_DEFAULT_REGION": extra.get("region_name"),
    }
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        _masked(found[name] or "")
    return {name: str(value) for name, value in found.items() if value}


def _url(connection: Any, conn_id: str) -> str:  # noqa: ANN401 — Airflow's own, of two versions
    kind = connection.conn_type
    if kind in FILES:
        path = connection.extra_dejson.get("path") if kind == "fs" else connection.host
        if not path:
            raise PlanError(f"The connection {conn_id!r} must name a file or a folder, however it names none.")
        return f"{FILES[kind]}{path}"
    if kind not in SCHEMES:
        raise PlanError(_wrong(conn_id, kind, "conn_id", (*SCHEMES, *FILES)))
    login = quote(connection.login or "", safe="")
    if connection.password:
        login += f":{quote(_masked(connection.password), safe='')}"
    place = f"{connection.host or 'localhost'}{f':{connection.port}' if connection.port else ''}"
    options = {k: v for k, v in connection.extra_dejson.items() if OF_LIBPQ.fullmatch(k)}
    query = f"?{urlencode(options)}" if options else ""
    return f"{SCHEMES[kind]}://{f'{login}@' if login else ''}{place}/{quote(connection.schema or '')}{query}"


def _masked(secret: str) -> str:
    """Have Airflow put stars in its place wherever it would be shown."""
    if secret:
        mask(secret)
    return secret


def _wrong(conn_id: str, kind: str | None, parameter: str, known: tuple[str, ...]) -> str:
    return (
        f"{parameter}={conn_id!r} must be a connection of type {', '.join(known)}, however it is of type {kind!r}."
        " Name another, or set the variable through env."
    )
