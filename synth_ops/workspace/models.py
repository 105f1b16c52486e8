"""A model's folder: named by the hash of its content, so that a damaged one cannot pass for whole."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synth_ops.errors import CorruptArtifact
from synth_ops.workspace.files import sha256_of, sync_file, sync_folder
from synth_ops.workspace.layout import Workspace

MODEL_FILES = ("codec.json", "model.json", "model.safetensors", "relations.json")


class StagedModel:
    """A folder to write a model into, and the id it is given once it is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model_id = ""


@contextmanager
def staged_model(workspace: Workspace, table: str) -> Iterator[StagedModel]:
    """Give a folder to fill with `MODEL_FILES`; on leaving, move it in one step to where its id says.

    If the body raises, nothing is left.
    """
    models = workspace.models(table)
    staging = models / f".{workspace.night}.part"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    staged = StagedModel(staging)
    try:
        yield staged
        staged.model_id = _identify(staging)
        for name in MODEL_FILES:
            sync_file(staging / name)
        final = models / staged.model_id
        if final.is_dir() and not is_whole(final):  # the same training made the same model, and it was damaged since
            shutil.rmtree(final)
        if not final.is_dir():
            staging.rename(final)
            sync_folder(models)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def model_folder(workspace: Workspace, table: str, model_id: str) -> Path:
    """Give the folder of a whole model.

    Raises:
        CorruptArtifact: a file of it is missing, truncated or altered.
    """
    folder = workspace.models(table) / model_id
    if not is_whole(folder):
        raise CorruptArtifact(
            f"The model {model_id} of table {table!r} must be as it was saved, however files in {folder} are missing or"
            " altered. Run `synth-ops train` or `synth-ops refresh` for the night: the table will be trained anew."
        )
    return folder


def is_whole(folder: Path) -> bool:
    """Tell whether the folder's content is what its name says."""
    return all((folder / name).is_file() for name in MODEL_FILES) and _identify(folder) == folder.name


def _identify(folder: Path) -> str:
    sums = "\n".join(f"{name} {sha256_of(folder / name)}" for name in MODEL_FILES)
    return hashlib.sha256(sums.encode()).hexdigest()[:16]
