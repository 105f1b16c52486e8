"""What a snapshot says about itself: tables, files, checksums, models, and the verdict that let it out.

A manifest is shared with whoever reads the snapshot: it holds no secret, no real value, and no path but those
relative to the snapshot's own folder.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from synth_ops.errors import CorruptArtifact
from synth_ops.plan.plan import Fate, Mode
from synth_ops.records import Check, Decision, Record, Spent, Verdict
from synth_ops.schema import CheckConstraint, ForeignKey

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


class ManifestFile(Record):
    """One Parquet file of a table."""

    path: str
    """Relative to the snapshot's folder, with forward slashes."""
    n_bytes: int
    n_rows: int
    sha256: str


class ManifestColumn(Record):
    """One column: as the file has it, and as the source declared it."""

    name: str
    type: str
    """The Arrow type in the file."""
    nullable: bool
    source_type: str | None = None
    default: str | None = None
    identity: bool = False
    generated: str | None = None
    enum: tuple[str, ...] | None = None
    comment: str | None = None
    fate: Fate | None = None
    """How the column was made: learned, faked, minted, null, or copied by an explicit word of the plan."""


class ManifestTable(Record):
    """One table of the snapshot."""

    name: str
    folder: str
    """The table's folder, made from its name by `synth_ops.names.file_stem`."""
    namespace: str | None = None
    mode: Mode
    n_rows: int
    columns: tuple[ManifestColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    comment: str | None = None
    content: str
    """sha256 of the rows as `sample` left them; the snapshot's id is made from it."""
    files: tuple[ManifestFile, ...]
    decision: Decision
    reason: str
    model_id: str | None = None
    parent_id: str | None = None
    """The model that this table's model was warm-started from."""
    spent: Spent | None = None
    """What its models have cost the table's rows, where they are trained under a privacy budget."""


class Manifest(Record):
    """One whole snapshot."""

    format_version: int = FORMAT_VERSION
    snapshot: str
    dataset: str
    night: str
    created: str
    """An ISO time, UTC."""
    code_version: str
    plan_hash: str
    seed: str
    """What every step's seed derives from: sixteen hex digits over the plan, the source's fingerprint and the night."""
    source_fingerprint: str
    verdict: Verdict
    gate: tuple[Check, ...]
    """Every check with its figures."""
    fidelity: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, float]
    """Wall seconds of each step before publishing."""
    tables: tuple[ManifestTable, ...]
    checksum: str = ""
    """sha256 over all the rest of the manifest."""

    def table(self, name: str) -> ManifestTable:
        """Give the table of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """Every file of every table."""
        return tuple(f for t in self.tables for f in t.files)

    @property
    def n_rows(self) -> int:
        return sum(t.n_rows for t in self.tables)

    @property
    def n_bytes(self) -> int:
        return sum(f.n_bytes for f in self.files)

    @cached_property
    def _by_name(self) -> Mapping[str, ManifestTable]:
        return {t.name: t for t in self.tables}


def content_hash(plan_hash: str, contents: Iterable[tuple[str, str]]) -> str:
    """Give eight hex digits over the plan and each table's name and content."""
    text = json.dumps([plan_hash, sorted(contents)])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def manifest_text(manifest: Manifest) -> str:
    """Give the manifest's JSON, sealed with a checksum over its own content."""
    sealed = manifest.model_copy(update={"checksum": _checksum(json.loads(manifest.model_dump_json()))})
    return sealed.model_dump_json(indent=1) + "\n"


def parse_manifest(data: bytes, path: Path) -> Manifest:
    """Give the manifest that a file's bytes hold.

    Raises:
        CorruptArtifact: they do not parse, were altered, or are of a format that this version cannot read.
    """
    try:
        content = json.loads(data)
        if content["checksum"] == _checksum(content):
            return _of_this_format(content, path)
    except (ValueError, KeyError, TypeError, ValidationError):
        pass
    raise CorruptArtifact(
        f"{path} must be a manifest as it was published, however it is truncated or altered."
        " Publish the night again, or restore the snapshot's folder from a backup."
    )


def _of_this_format(content: dict[str, object], path: Path) -> Manifest:
    version = content["format_version"]
    if version != FORMAT_VERSION:
        raise CorruptArtifact(
            f"{path} must be of manifest format {FORMAT_VERSION}, however it is of format {version}."
            " Read it with the version of synth-ops that wrote it, or a newer one."
        )
    return Manifest.model_validate_json(json.dumps(content))


def _checksum(content: dict[str, object]) -> str:
    # Over the JSON as parsed, not over the record: a field added later must not break older manifests.
    rest = {k: v for k, v in content.items() if k != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
