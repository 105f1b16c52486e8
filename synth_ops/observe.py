"""A look at production that reads no rows: whether its tables have changed, and by how much."""

import hashlib
from pathlib import Path

from synth_ops.plan import Config, load_config
from synth_ops.records import Observed, ObservedTable, Progress
from synth_ops.settings import expand
from synth_ops.source import open_source
from synth_ops.source.base import Pulse
from synth_ops.worker.spec import JobSpec
from synth_ops.workspace import Workspace, make_salt


def observe(config: Config) -> Observed:
    """Look at every table that synth.yaml does not skip.

    Raises:
        SourceError: the source did not answer.
    """
    # Versions leave the workspace, and a table's latest time or key is a value of production: they are keyed hashes.
    key = make_salt(Workspace(config.workspace, config.dataset, "0001-01-01")).key
    tables = []
    with open_source(expand(config.source)) as source:
        for table in source.database().tables:
            said = config.tables.get(table.name)
            if said is None or said.mode != "skip":
                pulse = source.pulse(table)
                tables.append(
                    ObservedTable(
                        name=table.name,
                        version=_version(pulse, key),
                        n_rows=source.n_rows(table),
                        n_written=pulse.n_written,
                    )
                )
    return Observed(tables=tuple(tables))


def observe_job(spec: JobSpec, _progress: Progress) -> Observed:
    """Look at production; what a worker runs."""
    return observe(load_config(Path(spec.options["config"])))


def _version(pulse: Pulse, key: bytes) -> str:
    return hashlib.blake2b(pulse.token.encode(), key=key, digest_size=8, person=b"pulse").hexdigest()
